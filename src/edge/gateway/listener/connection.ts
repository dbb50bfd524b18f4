/**
 * What the listener and the speakers on its sockets want of each other, whatever version of HTTP is spoken. The listener owns sockets,
 * admission and the one timer; a speaker (HTTP/1, HTTP/2) owns what is said on one of them. Sockets are a port: bytes out with
 * back-pressure, bytes in by calls to their user; the same shape as on the side of upstreams.
 */
import type { Failure } from "../../../base/errors.ts";
import type { ExchangeHandler, GatewaySettings, Peer } from "../words/index.ts";
import type { DateField } from "./date-field.ts";

/** The socket below a speaker: accepted, and where TLS is spoken, with its handshake done. */
export interface SocketPort {
  /**
   * The bytes are taken in any case and sent in their order, all of one turn in one write where they are small. Pieces of up to
   * `CORKED_PIECE_BYTES_MAX` are copied, larger ones are the socket's from now on. False: enough is waiting, write on after `onDrain`.
   */
  write(bytes: Uint8Array): boolean;
  /** Bytes that wait to be sent. */
  readonly waitingBytes: number;
  /** Bytes that the system has taken since the socket was opened: what a client that does not read is known by. */
  readonly sentBytes: number;
  pause(): void;
  resume(): void;
  /** What was written is sent, then the connection is closed; a client that still sends is read a while and unheard. No call to the user follows. */
  end(): void;
  /** Closed at once; what was not sent is lost. No call to the user follows. */
  destroy(): void;
}

/** Who speaks on a socket. */
export interface SocketUser {
  /** The chunk is the user's: the socket does not touch it any more. */
  onBytes(chunk: Uint8Array): void;
  /** All that was waiting has been handed to the system. Comes after a `write` that said false, and may come after others. */
  onDrain(): void;
  /** The other side sends no more, or the connection broke (`cause`). The last call. */
  onClosed(cause: Failure | undefined): void;
  /** Ends what is due; gives back when the next may be due, infinity: nothing is. By the monotonic clock. */
  sweep(nowMs: number): number;
  /** Nothing is under way: what has been written may still be sent to a client that sends no more. */
  readonly isBetween?: boolean | undefined;
  /** No more requests; closes itself after those that are under way. What is quiet does so after `DRAIN_IDLE_MS`. */
  drain(): void;
  /** The time for that is over: where the protocol has a word for it, it is said and the connection ended. False: it is to be cut. */
  sayGoodbye?(cause: Failure): boolean;
}

/**
 * What a client has sent on a connection that it believes to be kept may be on its way while this side stops: it is answered, and told that nothing
 * follows. As long as that takes over a continent and back.
 */
export const DRAIN_IDLE_MS = 200;

/** Of the plan, what listeners and speakers work by. */
export type ListenerSettings = Pick<
  GatewaySettings,
  | "headerBytesMax"
  | "headersMax"
  | "targetBytesMax"
  | "headTimeoutMs"
  | "bodyIdleMs"
  | "bytesPerSecondMin"
  | "keepAliveMs"
  | "requestsPerConnectionMax"
  | "connectionsMax"
  | "connectionsPerAddressMax"
  | "streamsMax"
  | "proxyProtocol"
>;

/** Something that a client did wrong, or that went wrong with it: for counters and logs. */
export interface ListenerFault {
  readonly peer: Peer;
  readonly failure: Failure;
}

/** What a speaker gets beside its socket. */
export interface SpeakerContext {
  readonly peer: Peer;
  readonly scheme: "http" | "https";
  readonly settings: ListenerSettings;
  /** What it throws costs the exchange: the speaker resets it. */
  readonly handle: ExchangeHandler;
  /** Monotonic milliseconds. */
  now(): number;
  /** What replies say of the time that do not say it themselves. */
  readonly date: Pick<DateField, "text">;
  /** `sweep` shall be called at this time or before; only where it is earlier than what `sweep` said last. */
  note(dueMs: number): void;
  onFault(failure: Failure): void;
  /** A defect of ours, thrown where no call of the socket is above: it costs this connection, not the process. */
  onDefect(thrown: unknown): void;
  /** A request's head is complete; for `counts()`. */
  onRequest(): void;
}

/** Begins to speak HTTP/2 on a socket. The first bytes (the preface) come by `onBytes`, like all others. */
export type Http2Opener = (port: SocketPort, context: SpeakerContext) => SocketUser;
