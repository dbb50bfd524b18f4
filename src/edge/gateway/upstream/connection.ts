/**
 * What a pool and its connections want of each other, whatever version of HTTP is spoken: a connection takes requests while it has
 * room, ends them in time, and tells its owner when it has room again or is gone. Sockets are a port: bytes out with
 * back-pressure, bytes in by calls to their user.
 */
import type { Failure } from "../../../base/errors.ts";
import type { Asked } from "./asked.ts";

/** The socket below a connection: connected, and where TLS was asked for, verified. */
export interface SocketPort {
  /**
   * The bytes are taken in any case and sent in their order; they are the socket's from now on. False: enough is waiting, write on
   * after `onDrain`.
   */
  write(bytes: Uint8Array): boolean;
  /** Bytes that wait to be sent. */
  readonly waitingBytes: number;
  pause(): void;
  resume(): void;
  /** What was written is sent, then the connection is closed. No call to the user follows. */
  end(): void;
  /** Closed at once; what was not sent is lost, unless `end` was called before. No call to the user follows. */
  destroy(): void;
}

/** Who uses a socket. */
export interface SocketUser {
  /** The chunk is the user's: the socket does not touch it any more. */
  onBytes(chunk: Uint8Array): void;
  /** All that was waiting has been handed to the system; only after a `write` that said false. */
  onDrain(): void;
  /** The other side sends no more, or the connection broke (`cause`). The last call. */
  onClosed(cause: Failure | undefined): void;
}

export interface UpstreamConnection {
  /** How many more requests it takes now; 0 while full, draining or closed. */
  readonly room: number;
  /** How many it takes at once; undefined: its upstream has not said so yet. */
  readonly roomMax: number | undefined;
  /** Requests under way. */
  readonly active: number;
  /** Only while there is room. Tells `asked` its answer (`reply`, `upgrade`, `fail`) and, after an answer, its end (`over`), each once. */
  ask(asked: Asked): void;
  /** The asker wants no more (`asked.isOver` already): its sink of the reply is not called any more, the body of its request is cancelled. */
  cancel(asked: Asked, cause: Failure): void;
  /** Ends the requests whose time is over by their `timeouts`, and itself when it was idle for too long; gives back when the next may be due. */
  sweep(nowMs: number): number;
  /** No more requests; closes itself after the last one. */
  drain(): void;
  /** At once: requests under way fail with this cause. */
  close(cause: Failure): void;
}

/** The pool, as a connection sees it. */
export interface ConnectionOwner {
  /** `room` has grown (a request is over), or shrunk by itself (settings, GOAWAY). */
  onRoom(connection: UpstreamConnection): void;
  /** Once, after its requests have failed. */
  onClosed(connection: UpstreamConnection): void;
  /**
   * The connection died (or refused) before the upstream can have begun with the request, or it was used before, not a byte of a reply came, and
   * the request may be sent twice; its body was not started, or is kept. `isUnbegun`: the upstream itself said that it has not begun. True:
   * it goes out again on a connection with room; else the connection lets it fail.
   */
  again(asked: Asked, isUnbegun?: boolean): boolean;
  /** A deadline earlier than what `sweep` said last. */
  note(dueMs: number): void;
}
