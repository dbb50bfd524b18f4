/**
 * Bytes that count as held until whoever takes them has them: they are handed on in pieces, no faster than they are taken, and only what has
 * gone is held no more. So a slow upstream makes nobody hold more than is allowed.
 */
import { type BodySink, type BodySource, type HeaderList, KeptBytes } from "../../../wire/http/index.ts";
import type { HeldBytes } from "./held-bodies.ts";

/** Of one write: then the one behind is asked whether it takes more. */
export const PIECE_BYTES = 64 * 1024;

export class HeldSource implements BodySource {
  readonly length: number;
  #kept: KeptBytes;
  /** Of the piece that is under way. */
  #rest: Uint8Array = new Uint8Array(0);
  readonly #held: HeldBytes;
  readonly #trailers: HeaderList | undefined;
  #isOver = false;

  constructor(pieces: KeptBytes, held: HeldBytes, trailers?: HeaderList) {
    this.#kept = pieces;
    this.#held = held;
    this.#trailers = trailers;
    this.length = pieces.size;
    held.to(pieces.size);
  }

  start(sink: BodySink): void {
    sink.onReady = () => this.#goOn(sink);
    sink.onCancel = () => this.cancel();
    this.#goOn(sink);
  }

  get #left(): number {
    return this.#rest.byteLength + this.#kept.size;
  }

  #goOn(sink: BodySink): void {
    while (!this.#isOver && this.#left > 0) {
      const takesMore = sink.write(this.#shift());
      this.#held.to(this.#left);
      if (!takesMore && this.#left > 0) return;
    }
    if (this.#isOver) return;
    this.cancel();
    sink.end(this.#trailers);
  }

  #shift(): Uint8Array {
    const bytes = this.#rest.byteLength > 0 ? this.#rest : this.#kept.shift()!; // there is one left
    this.#rest = bytes.subarray(PIECE_BYTES);
    return bytes.subarray(0, PIECE_BYTES);
  }

  /** Nothing more goes. */
  cancel(): void {
    this.#isOver = true;
    this.#rest = new Uint8Array(0);
    this.#kept = new KeptBytes();
    this.#held.free();
  }
}
