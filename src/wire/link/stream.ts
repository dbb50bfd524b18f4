/**
 * One stream: bytes both ways. A writer may be ahead of its reader by the window and no more; each byte that the reader has
 * taken is credited back. It ends when both sides have ended, or at once when either aborts.
 */
import { Failure } from "../../base/errors.ts";
import { malformed } from "../codec/index.ts";
import { errorOnWire } from "./failures.ts";
import { STREAM_JOIN_BYTES, STREAM_PIECE_BYTES, STREAM_WINDOW_BYTES } from "./limits.ts";
import { ABORT, CREDIT, DATA, END, type Message } from "./message.ts";
import type { ByteStream } from "./types.ts";

/** Credit is given back in lumps: a message for every piece would cost more than the piece. */
const CREDIT_LUMP_BYTES = STREAM_WINDOW_BYTES / 4;

export interface StreamPorts {
  readonly push: (message: Message, sizeBytes: number) => void;
  /** Room in the send buffer of the link. */
  readonly drained: (signal: AbortSignal) => Promise<void>;
  /** Nothing comes or goes any more. */
  readonly over: (id: number) => void;
}

export class LinkStream implements ByteStream {
  readonly id: number;
  readonly #ports: StreamPorts;
  readonly #end = new AbortController();
  readonly #arrived: Uint8Array[] = [];
  /** Of those that arrived, the one with room for more. */
  #joined: Uint8Array | undefined;
  #credit = STREAM_WINDOW_BYTES;
  #takenBytes = 0;
  #unreadBytes = 0;
  #hasEnded = false;
  #peerHasEnded = false;
  #wakeReader: (() => void) | undefined;
  #wakeWriter: (() => void) | undefined;
  /** Writes follow each other, however many callers there are. */
  #writing: Promise<void> = Promise.resolve();

  constructor(id: number, ports: StreamPorts) {
    this.id = id;
    this.#ports = ports;
  }

  get signal(): AbortSignal {
    return this.#end.signal;
  }

  write(bytes: Uint8Array): Promise<void> {
    const written = this.#writing.then(() => this.#write(bytes));
    this.#writing = written.catch(() => {}); // whoever wrote hears of it
    return written;
  }

  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#writing.then(() => {
      if (this.signal.aborted) return;
      this.#ports.push([END, this.id], 0);
      this.#finish();
    });
  }

  abort(reason: Failure): void {
    if (this.#isOver()) return;
    this.#ports.push([ABORT, this.id, errorOnWire(reason)], 0);
    this.fail(reason);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (;;) {
        const bytes = this.#arrived.shift();
        if (bytes) {
          this.#giveCredit(bytes.byteLength);
          yield bytes;
        } else if (this.signal.aborted) throw this.signal.reason;
        else if (this.#peerHasEnded) return;
        else await new Promise<void>((resolve) => (this.#wakeReader = resolve));
      }
    } finally {
      if (!this.#peerHasEnded) this.abort(new Failure("link.cancelled", "the reader has left the stream"));
    }
  }

  /** From the link: bytes have come. */
  receive(bytes: Uint8Array): void {
    if (this.#peerHasEnded) throw malformed(`bytes follow the end of stream ${this.id}`);
    if (this.#unreadBytes + bytes.byteLength > STREAM_WINDOW_BYTES) {
      throw malformed(`stream ${this.id} has more than ${STREAM_WINDOW_BYTES} bytes under way`);
    }
    if (this.signal.aborted || bytes.byteLength === 0) return;
    this.#unreadBytes += bytes.byteLength;
    if (bytes.byteLength >= STREAM_JOIN_BYTES || !this.#join(bytes)) this.#arrived.push(bytes);
    this.#wakeReader?.();
  }

  /** Behind the small ones that wait already; a piece that fits nowhere is the first of the next ones. */
  #join(bytes: Uint8Array): boolean {
    const last = this.#arrived.at(-1);
    if (!last || last.byteLength + bytes.byteLength > STREAM_JOIN_BYTES) return false;
    const isJoined = last === this.#joined;
    const room = isJoined ? last.buffer : new ArrayBuffer(STREAM_JOIN_BYTES);
    const joined = new Uint8Array(room, 0, last.byteLength + bytes.byteLength);
    if (!isJoined) joined.set(last);
    joined.set(bytes, last.byteLength);
    this.#arrived[this.#arrived.length - 1] = joined;
    this.#joined = joined;
    return true;
  }

  credit(bytes: number): void {
    if (this.#credit + bytes > STREAM_WINDOW_BYTES)
      throw malformed(`stream ${this.id} is credited what was never sent`);
    this.#credit += bytes;
    this.#wakeWriter?.();
  }

  peerEnded(): void {
    this.#peerHasEnded = true;
    this.#wakeReader?.();
    this.#finish();
  }

  /** The other side has aborted, or the link is gone. */
  fail(reason: Failure): void {
    if (this.#isOver()) return;
    this.#end.abort(reason);
    this.#arrived.length = 0;
    this.#wakeReader?.();
    this.#wakeWriter?.();
    this.#ports.over(this.id);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let from = 0; from < bytes.byteLength; ) {
      this.signal.throwIfAborted();
      if (this.#credit === 0) await new Promise<void>((resolve) => (this.#wakeWriter = resolve));
      else {
        await this.#ports.drained(this.signal);
        this.signal.throwIfAborted();
        // A copy: what was written may be changed as soon as this has resolved, and frames are encoded later.
        const piece = bytes.slice(from, from + Math.min(STREAM_PIECE_BYTES, this.#credit));
        this.#credit -= piece.byteLength;
        from += piece.byteLength;
        this.#ports.push([DATA, this.id, piece], piece.byteLength);
      }
    }
  }

  #giveCredit(sizeBytes: number): void {
    this.#unreadBytes -= sizeBytes;
    this.#takenBytes += sizeBytes;
    if (this.#takenBytes < CREDIT_LUMP_BYTES || this.#peerHasEnded) return;
    this.#ports.push([CREDIT, this.id, this.#takenBytes], 0);
    this.#takenBytes = 0;
  }

  #isOver(): boolean {
    return this.signal.aborted || (this.#hasEnded && this.#peerHasEnded);
  }

  #finish(): void {
    if (this.#hasEnded && this.#peerHasEnded) this.#ports.over(this.id);
  }
}
