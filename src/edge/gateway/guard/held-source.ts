/**
 * Bytes that count as held until whoever takes them has them: they are handed on in pieces, no faster than they are taken, and only what has
 * gone is held no more. So a slow upstream makes nobody hold more than is allowed.
 */
import type { BodySink, BodySource, HeaderList } from "../../../wire/http/index.ts";
import type { HeldBytes } from "./held-bodies.ts";

/** Of one write: then the one behind is asked whether it takes more. */
export const PIECE_BYTES = 64 * 1024;

export class HeldSource implements BodySource {
  readonly length: number;
  #bytes: Uint8Array;
  readonly #held: HeldBytes;
  readonly #trailers: HeaderList | undefined;
  #isOver = false;

  constructor(bytes: Uint8Array, held: HeldBytes, trailers?: HeaderList) {
    this.#bytes = bytes;
    this.#held = held;
    this.#trailers = trailers;
    this.length = bytes.byteLength;
    held.to(bytes.byteLength);
  }

  start(sink: BodySink): void {
    sink.onReady = () => this.#goOn(sink);
    sink.onCancel = () => this.cancel();
    this.#goOn(sink);
  }

  #goOn(sink: BodySink): void {
    while (!this.#isOver && this.#bytes.byteLength > 0) {
      const piece = this.#bytes.subarray(0, PIECE_BYTES);
      this.#bytes = this.#bytes.subarray(piece.byteLength);
      const takesMore = sink.write(piece);
      this.#held.to(this.#bytes.byteLength);
      if (!takesMore && this.#bytes.byteLength > 0) return;
    }
    if (this.#isOver) return;
    this.cancel();
    sink.end(this.#trailers);
  }

  /** Nothing more goes. */
  cancel(): void {
    this.#isOver = true;
    this.#bytes = new Uint8Array(0);
    this.#held.free();
  }
}
