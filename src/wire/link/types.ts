/** What a link is to its users, and what it needs of them. */
import type { Clock } from "../../base/clock.ts";
import type { Failure } from "../../base/errors.ts";

export interface LinkAddress {
  readonly host: string;
  readonly port: number;
}

/** Whom a token names. */
export interface LinkIdentity {
  readonly id: string;
  /** Links are for nodes: any other role is refused. Left out, it is a node. */
  readonly role?: string | undefined;
}

/** What a link needs of authentication. */
export interface LinkAuth {
  /** A short-lived token that proves this node's id to the one addressed. */
  token(audience: string): Promise<string>;
  /** Throws when the token is not genuine, is late, was used before, or is addressed to nobody of `audience`. */
  verify(token: string, audience: string | readonly string[]): Promise<LinkIdentity>;
}

/** This node as links tell it. */
export interface LinkSelf {
  readonly id: string;
  /** Another one in each process: tells two lives of one id apart. */
  readonly instance: string;
  /** Where this node listens, for peers that want to call back. */
  readonly address?: LinkAddress | undefined;
}

export interface LinkPeer {
  readonly id: string;
  readonly instance: string;
  /** Where the peer says that it listens; what was dialed, at the dialing side. */
  readonly address: LinkAddress | undefined;
}

export interface MessageContext {
  readonly link: PeerLink;
  readonly peer: LinkPeer;
  readonly traceparent: string | undefined;
  /** Of the payload as it travelled. */
  readonly sizeBytes: number;
}

export interface RequestContext extends MessageContext {
  /** How long the caller goes on waiting, counted from the arrival. */
  readonly timeoutMs: number;
  /** Aborts at the deadline, when the caller gives up, and when the link is gone. */
  readonly signal: AbortSignal;
}

/** What is done with messages of one topic. What is left out is refused with `link.unknown_topic`. */
export interface TopicHandler {
  /** Its result, or what that resolves to, is the answer; what it throws crosses as a Failure. */
  request?(payload: unknown, context: RequestContext): unknown;
  notify?(payload: unknown, context: MessageContext): void;
  /** The stream is aborted when it throws or rejects. */
  stream?(stream: ByteStream, payload: unknown, context: MessageContext): void | Promise<void>;
}

export type LinkHandlers = Readonly<Record<string, TopicHandler>>;

export interface RequestOptions {
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly traceparent?: string | undefined;
}

export interface NotifyOptions {
  readonly traceparent?: string | undefined;
  /** Ends the wait for room. */
  readonly signal?: AbortSignal | undefined;
}

export interface StreamOptions {
  readonly signal?: AbortSignal | undefined;
  readonly traceparent?: string | undefined;
}

/** Bytes both ways, in order, with back-pressure by bytes. */
export interface ByteStream extends AsyncIterable<Uint8Array> {
  /** Resolves when the bytes have been taken; waits while the reader is a window behind. */
  write(bytes: Uint8Array): Promise<void>;
  /** Nothing more comes from this side; what was written is read first. */
  end(): void;
  /** Ends both directions at once; the other side's reads fail with the failure. */
  abort(reason: Failure): void;
  /** Aborts when the stream was aborted or its link is gone. */
  readonly signal: AbortSignal;
}

export interface LinkEnd {
  /** Announced by either side, with nothing lost. */
  readonly isGraceful: boolean;
  readonly reason: Failure;
}

export interface PeerLink {
  readonly peer: LinkPeer;
  /** Whether this side opened it. */
  readonly isDialer: boolean;
  /** Neither closed nor about to be. */
  readonly isOpen: boolean;
  /** Bytes on their way out. */
  readonly bufferedBytes: number;
  /** Monotonic time at which something last came in. */
  readonly lastHeardMs: number;
  readonly counts: LinkCounts;
  /** Resolves when the link is gone; never rejects. */
  readonly closed: Promise<LinkEnd>;
  /** Payloads are encoded at the end of the turn: they are not to be changed before the next one. */
  request(topic: string, payload: unknown, options?: RequestOptions): Promise<unknown>;
  /** Fire and forget. Throws `link.overloaded` when the send buffer is full, see `drained`, and `link.closed`. */
  notify(topic: string, payload: unknown, options?: Pick<NotifyOptions, "traceparent">): void;
  /**
   * Waits for room in the send buffer, in the order of the calls, and sends in the turn in which there is some; resolves when the
   * message was encoded, and the payload is not to be changed before. Fails with `link.unencodable`, `link.too_large`, `link.closed`.
   * One-way messages arrive in the order in which they were sent, whatever their size.
   */
  notifyWhenRoom(topic: string, payload: unknown, options?: NotifyOptions): Promise<void>;
  openStream(topic: string, payload: unknown, options?: StreamOptions): ByteStream;
  /** Resolves when there is room in the send buffer; rejects when the link is gone. */
  drained(signal?: AbortSignal): Promise<void>;
  /** Takes and sends no new requests, lets those under way end within the grace, and closes. */
  close(options?: { readonly graceMs?: number; readonly why?: string }): Promise<LinkEnd>;
  /** Closes at once. */
  destroy(reason: Failure): void;
}

export interface LinkCounts {
  readonly requestsSent: number;
  readonly requestsTaken: number;
  readonly framesSent: number;
  readonly framesTaken: number;
  readonly bytesSent: number;
  readonly bytesTaken: number;
}

/** Told while the link is open. Neither may throw. */
export interface LinkHooks {
  /** A heart-beat has come: these are regular, so a failure detector is fed from them. */
  readonly onBeat?: (link: PeerLink, nowMs: number) => void;
  /** Something has come, whatever it is. */
  readonly onActivity?: (link: PeerLink, nowMs: number) => void;
  /** A defect in a handler, or a payload of a one-way message that cannot be encoded: nobody else hears of it. */
  readonly report?: (what: string, thrown: unknown) => void;
}

export interface LinkRuntime extends LinkHooks {
  readonly clock: Clock;
  readonly handlers: LinkHandlers;
  readonly beatIntervalMs?: number | undefined;
}
