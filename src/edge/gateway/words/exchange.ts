/**
 * One request from outside and its reply, as listeners hand them to the gateway: the same for HTTP/1.1, HTTP/2, plain and TLS.
 */
import type { Failure } from "../../../base/errors.ts";
import type { BodySink, BodySource, HeaderList, RawStream, ReplyHead, RequestHead } from "../../../wire/http/index.ts";

/** Who is at the other end of the connection. */
export interface Peer {
  /** As the socket tells it, IPv4 in IPv6 written as IPv4. */
  readonly address: string;
  readonly port: number;
  readonly tls?: PeerTls | undefined;
}

export interface PeerTls {
  readonly serverName: string | undefined;
  readonly alpn: string | undefined;
  /** Of the client's certificate, where one was asked for and its chain was verified. */
  readonly certificate?: { readonly subject: string; readonly fingerprint256: string } | undefined;
}

/**
 * Exactly one of `send`, `respond`, `upgrade` and `reset` ends the waiting of the client; more than one is a fault of the caller (assert).
 * A reply to HEAD and a 204 or 304 has no body: what is written is dropped.
 */
export interface Exchange {
  readonly request: RequestHead;
  readonly body: BodySource;
  readonly peer: Peer;
  /** Once the client cannot get the reply any more: it went, reset its stream or broke the protocol. Not after the reply's end. */
  onGone: ((cause: Failure) => void) | undefined;
  /** Interim replies (100 to 199, not 101). A `100 Continue` that the client waits for is sent by itself when the body is started. */
  inform(head: ReplyHead): void;
  /** The whole reply; its `content-length` is set. */
  send(head: ReplyHead, body?: Uint8Array, trailers?: HeaderList): void;
  /** The reply's head; its body follows. `length` where it is known: more or fewer bytes abort the reply. */
  respond(head: ReplyHead, length?: number): BodySink;
  /** Takes the connection (101) or stream (200) over; only where `request.protocol` asked for it. */
  upgrade(headers: HeaderList): RawStream;
  /** No reply: the connection is closed (HTTP/1.1) or the stream reset (HTTP/2). */
  reset(cause: Failure): void;
}

export type ExchangeHandler = (exchange: Exchange) => void;
