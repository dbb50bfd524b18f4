/**
 * The words of HTTP messages, whatever version carries them: a list of fields, heads, and bodies that flow with back-pressure. They
 * are made for passing on: a list is flat, a body is never whole unless it came so, and nothing here waits on a promise.
 */
import type { Failure } from "../../base/errors.ts";

/**
 * Fields in the order in which they came: name, value, name, value… Names are in lower case; values have no outer blanks, and each
 * character stands for one byte (latin1). Pseudo fields of HTTP/2 and fields of one hop (`connection`, …) are not among them.
 */
export type HeaderList = string[];

export type HttpVersion = "1.0" | "1.1" | "2";

export interface RequestHead {
  readonly method: string;
  /** As it was sent: path and query (`/a?b=c`), or `*`; of `CONNECT` without `protocol` the authority. */
  readonly target: string;
  readonly scheme: "http" | "https";
  /** Host and port as the client named them; empty when HTTP/1.0 named none. */
  readonly authority: string;
  readonly headers: HeaderList;
  readonly version: HttpVersion;
  /** What the connection shall become: `websocket` by `Upgrade` (HTTP/1.1) or by an extended CONNECT (HTTP/2, RFC 8441). */
  readonly protocol?: string | undefined;
  /** Fields of the hop, for who has to know all that came; undefined: there were none. They never go on. */
  readonly hop?: HeaderList | undefined;
}

export interface ReplyHead {
  readonly status: number;
  readonly headers: HeaderList;
}

/**
 * Takes the bytes of one body. The one who writes sets `onReady` before the first write, writes until `write` says false, and goes on
 * when `onReady` is called. After `end` or `abort` nothing more comes. None of the calls throws.
 */
export interface BodySink {
  /** The chunk is the sink's from now on: whoever wrote it does not change it any more. */
  write(chunk: Uint8Array): boolean;
  end(trailers?: HeaderList): void;
  /** What was begun cannot be finished; the receiver must be able to see that it is not whole. */
  abort(cause: Failure): void;
  onReady: (() => void) | undefined;
  /**
   * Set by the one who writes: the receiver wants no more. Called at most once, and not after `end` or `abort`; within `end` where the body
   * was shorter than its length.
   */
  onCancel: ((cause: Failure) => void) | undefined;
}

/** The bytes of one body, before they flow. It is started at most once; one that nobody wants is cancelled. */
export interface BodySource {
  /** In bytes, where the head told; 0: there is none. */
  readonly length: number | undefined;
  /** From now on the bytes go to the sink, perhaps at once. */
  start(sink: BodySink): void;
  /** Nobody wants it (any more). */
  cancel(cause: Failure): void;
}

/** A connection that has left HTTP: bytes both ways. */
export interface RawStream {
  readonly source: BodySource;
  readonly sink: BodySink;
}
