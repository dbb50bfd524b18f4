/**
 * The words of an HTTP/2 connection: its options, its error codes, and what it tells whoever owns it. The connection is a machine:
 * bytes and the time go in by `receive`, bytes to write come out by `pull`, and what happened is told through a handler.
 */
import type { Failure } from "../../base/errors.ts";
import type { HeaderList, ReplyHead, RequestHead } from "../http/index.ts";
import type { Http2Stream } from "./stream.ts";

/** RFC 9113, section 7. */
export const ERROR = {
  none: 0x0,
  protocol: 0x1,
  internal: 0x2,
  flowControl: 0x3,
  settingsTimeout: 0x4,
  streamClosed: 0x5,
  frameSize: 0x6,
  refused: 0x7,
  cancel: 0x8,
  compression: 0x9,
  connect: 0xa,
  calm: 0xb,
  inadequateSecurity: 0xc,
  http11Required: 0xd,
} as const;

const ERROR_NAMES = [
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "SETTINGS_TIMEOUT",
  "STREAM_CLOSED",
  "FRAME_SIZE_ERROR",
  "REFUSED_STREAM",
  "CANCEL",
  "COMPRESSION_ERROR",
  "CONNECT_ERROR",
  "ENHANCE_YOUR_CALM",
  "INADEQUATE_SECURITY",
  "HTTP_1_1_REQUIRED",
];

/** As RFC 9113 calls it. */
export function errorName(code: number): string {
  return ERROR_NAMES[code] ?? `error 0x${code.toString(16)}`;
}

export interface Http2Limits {
  /** Streams of the peer at the same time; of a client its own at the same time, whatever the server would take. */
  readonly streamsMax: number;
  /** What the peer may send on one stream before somebody has consumed it: at least 65,535 at first, and more while all of it is consumed at once. */
  readonly streamWindowBytes: number;
  readonly streamWindowBytesMax: number;
  /** By so much the windows of all streams together may have grown. */
  readonly grownBytesMax: number;
  /** What may be on its way on all streams together: given back as soon as it is here. */
  readonly connectionWindowBytes: number;
  /** A client's: while more than this has come and is not consumed there is no `room`. */
  readonly heldBytesMax: number;
  /** Of one head or trailers, counted as RFC 9113 does: names, values and 32 for each field. */
  readonly headerListBytesMax: number;
  readonly headersMax: number;
  readonly targetBytesMax: number;
}

export interface Http2Options {
  readonly side: "server" | "client";
  readonly limits: Http2Limits;
  /** A server's: extended CONNECT (RFC 8441) is offered. */
  readonly takesConnect?: boolean | undefined;
  /** A server's: what its connection carries; requests that say they are of the other scheme are answered 421, as in HTTP/1. */
  readonly scheme?: "http" | "https" | undefined;
}

/**
 * What happens on a connection. Calls come out of `receive` and, as far as they say so, out of what the owner itself calls. Nothing
 * is called for a stream after its `onStreamClosed`.
 */
export interface Http2Handler<T> {
  /** There is something to `pull` where there was nothing: to be written before this turn of the loop is over. */
  onOutput(): void;
  /** A server's: a request. `isEnded`: no body follows, nor `onEnd`. The handler sets `stream.state`. */
  onRequest(stream: Http2Stream<T>, head: RequestHead, isEnded: boolean): void;
  /** A client's: an interim reply. */
  onInform(stream: Http2Stream<T>, head: ReplyHead): void;
  /** A client's: the reply. `isEnded`: no body follows, nor `onEnd`. */
  onReply(stream: Http2Stream<T>, head: ReplyHead, isEnded: boolean): void;
  /** A slice of what was received; its bytes count against the stream's window until `consumed`. */
  onData(stream: Http2Stream<T>, chunk: Uint8Array): void;
  onEnd(stream: Http2Stream<T>, trailers: HeaderList | undefined): void;
  /** `data` said false, and now most of it is on its way. */
  onReady(stream: Http2Stream<T>): void;
  /** The stream was cut: by the peer, or for the peer's fault. `isUnsent`: the peer says that it has not begun with it. `onStreamClosed` follows. */
  onReset(stream: Http2Stream<T>, failure: Failure, isUnsent: boolean): void;
  /**
   * A server's: the reply is whole and on its way, and the client still sends. What comes is dropped; `onStreamClosed` follows when the
   * client ends or cuts the stream, which is no fault then. The owner has to `reset` it (with `none`) when that takes too long.
   */
  onReplied(stream: Http2Stream<T>): void;
  /** The stream is over in whatever way, also by a call of the owner (`end`, `reset`, `pull`, `close`). Exactly once for each. */
  onStreamClosed(stream: Http2Stream<T>): void;
  /** A client's: what the peer allows has changed, or it takes no new streams (GOAWAY). */
  onPeer(): void;
  /** A client's: so much was held that there was no room; most of it has been consumed. Comes out of `consumed` and what gives a body up. */
  onRoom(): void;
  /** Answer to a `ping`. */
  onPong(): void;
  /** It is over: all streams are closed. What is left to `pull` (a GOAWAY) is to be written, then the socket is to be closed. */
  onOver(failure: Failure): void;
}
