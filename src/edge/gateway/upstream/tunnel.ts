/**
 * A connection that has left HTTP (101): bytes both ways until one side ends; then both are over. What the upstream sent before it ended in order
 * reaches the reader first: only behind it the one who writes is told, who might cut the reader off.
 */
import { Failure } from "../../../base/errors.ts";
import type { BodySink, BodySource } from "../../../wire/http/index.ts";
import type { SocketPort, SocketUser } from "./connection.ts";

export class Tunnel implements SocketUser {
  readonly source: BodySource;
  readonly sink: BodySink;
  readonly #socket: SocketPort;
  readonly #moved: () => void;
  readonly #over: (cause: Failure | undefined) => void;
  #reader: BodySink | undefined;
  /** Came while nobody took it. */
  #held: Uint8Array[] = [];
  #isFull = true;
  /** The reader has a piece, and has not come back with it: it may end its own side within the call. */
  #isPassing = false;
  #isWriting = true;
  #ended: { readonly cause: Failure | undefined } | undefined;

  /** `over` is called once, when the connection is gone. The socket's user is set by the caller. */
  constructor(socket: SocketPort, first: Uint8Array, moved: () => void, over: (cause: Failure | undefined) => void) {
    this.#socket = socket;
    this.#moved = moved;
    this.#over = over;
    if (first.byteLength > 0) this.#held.push(first);
    this.source = { length: undefined, start: (sink) => this.#start(sink), cancel: (cause) => this.#giveUp(cause) };
    this.sink = {
      onReady: undefined,
      onCancel: undefined,
      write: (chunk) => this.#write(chunk),
      end: () => this.#endWriting(),
      abort: (cause) => this.#abort(cause),
    };
    socket.pause();
  }

  /** It waits for whoever reads, not for the upstream. */
  get isHeld(): boolean {
    return this.#isFull;
  }

  onBytes(chunk: Uint8Array): void {
    this.#moved();
    if (this.#isFull || this.#isPassing || this.#held.length > 0) return void this.#held.push(chunk);
    this.#pass(chunk);
    if (this.#ended !== undefined) this.#flow();
  }

  onDrain(): void {
    this.#moved();
    if (this.#isWriting) this.sink.onReady?.();
  }

  onClosed(cause: Failure | undefined): void {
    this.#end(cause);
  }

  /** Both ways, at once. */
  close(cause: Failure): void {
    if (this.#ended !== undefined) return;
    this.#socket.destroy();
    this.#held = [];
    this.#end(cause);
  }

  #start(sink: BodySink): void {
    this.#reader = sink;
    sink.onReady = () => this.#flow();
    sink.onCancel = (cause) => this.#giveUp(cause);
    this.#flow();
  }

  /** Nobody reads (any more). */
  #giveUp(cause: Failure): void {
    this.#reader = undefined;
    this.close(cause);
    this.#stopWriting(cause);
  }

  #flow(): void {
    if (this.#reader === undefined || this.#isPassing) return;
    this.#isFull = false;
    while (this.#held.length > 0 && !this.#isFull) this.#pass(this.#held.shift()!);
    if (this.#reader === undefined || this.#isFull) return;
    if (this.#ended === undefined) {
      this.#socket.resume();
      return this.#moved();
    }
    const reader = this.#reader;
    const { cause } = this.#ended;
    this.#reader = undefined;
    if (cause === undefined) reader.end();
    else reader.abort(cause);
    this.#stopWriting(cause ?? new Failure("gateway.upstream_closed", "the upstream has ended the connection"));
  }

  #pass(chunk: Uint8Array): void {
    if (this.#reader === undefined) return;
    this.#isPassing = true;
    try {
      if (this.#reader.write(chunk)) return;
    } finally {
      this.#isPassing = false; // also when the reader is broken: then it is told that it is over
    }
    this.#isFull = true;
    this.#socket.pause();
  }

  #write(chunk: Uint8Array): boolean {
    if (this.#ended !== undefined) return this.#isWriting; // of no use to anybody, but the other way is not over
    this.#moved();
    return this.#socket.write(chunk);
  }

  /** Who speaks through a tunnel has said good-bye inside of it before its end. */
  #endWriting(): void {
    this.#isWriting = false;
    if (this.#ended !== undefined) return;
    this.#socket.end();
    this.#end(undefined);
  }

  #abort(cause: Failure): void {
    this.#isWriting = false;
    this.close(cause);
  }

  #end(cause: Failure | undefined): void {
    if (this.#ended !== undefined) return;
    this.#ended = { cause };
    if (cause !== undefined) this.#stopWriting(cause);
    this.#over(cause);
    this.#flow();
  }

  #stopWriting(cause: Failure): void {
    if (!this.#isWriting) return;
    this.#isWriting = false;
    this.sink.onCancel?.(cause);
  }
}
