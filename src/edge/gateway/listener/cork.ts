/**
 * One buffer for what is written in one turn of the loop: a reply's head and its body, and the replies to requests that came in one
 * piece, go out in one call of the system. It belongs to one socket at a time; another one that wants it sends it out first,
 * so nothing ever overtakes anything, and at the end of the turn it is empty.
 */

/** What is larger than this is not worth a copy: it goes out by itself. */
export const CORKED_PIECE_BYTES_MAX = 16 * 1_024;
/** A few replies with their bodies. */
const CORK_BYTES = 64 * 1_024;

export interface Corked {
  /** Sends these bytes now; they are not valid after the call. */
  sendCorked(bytes: Uint8Array, size: number): void;
}

export class Cork {
  readonly #bytes: Uint8Array = new Uint8Array(CORK_BYTES);
  #owner: Corked | undefined;
  #size = 0;
  #isAsked = false;
  readonly #atTurnEnd = (): void => {
    this.#isAsked = false;
    this.flush();
  };

  /** The bytes are copied; false: they are too many, and all that was there has been sent before them. */
  put(owner: Corked, bytes: Uint8Array): boolean {
    if (this.#owner !== owner) this.#begin(owner);
    const { byteLength } = bytes;
    if (this.#size + byteLength > CORK_BYTES) this.flush();
    if (byteLength > CORKED_PIECE_BYTES_MAX) {
      this.flush();
      return false;
    }
    this.#owner = owner;
    this.#bytes.set(bytes, this.#size);
    this.#size += byteLength;
    return true;
  }

  /** What this socket has in it is sent now. */
  flushOf(owner: Corked): void {
    if (this.#owner === owner) this.flush();
  }

  flush(): void {
    const owner = this.#owner;
    const size = this.#size;
    this.#owner = undefined;
    this.#size = 0;
    if (size > 0) owner?.sendCorked(this.#bytes, size);
  }

  #begin(owner: Corked): void {
    this.flush();
    this.#owner = owner;
    if (this.#isAsked) return;
    this.#isAsked = true;
    queueMicrotask(this.#atTurnEnd);
  }
}
