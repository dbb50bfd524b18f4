/**
 * Bytes that have to wait. A piece of a chunk keeps the whole chunk in memory, and a piece of one byte is an object of a hundred: whoever
 * sends many small pieces would get many times the memory of what it sent. So small pieces are joined, and a piece that is a
 * small part of its chunk is copied: what is kept costs at most about twice its size.
 */

/** The first block for small pieces; each further one is twice as large. */
const BLOCK_BYTES_MIN = 512;
/** No larger: half of the last block may be unused. */
const BLOCK_BYTES_MAX = 64 * 1_024;
/** As large as this a piece is worth an object of its own. */
const PIECE_BYTES_MIN = 4 * 1_024;
/** A piece as it is keeps no more than so many times its size. */
const CHUNK_SHARE = 2;

const NOTHING = new Uint8Array(0);

export class KeptBytes {
  /** Of all that is kept. */
  size = 0;
  readonly #pieces: Uint8Array[] = [];
  #first = 0;
  /** Small pieces, joined: behind all of `#pieces`. */
  #block: Uint8Array | undefined;
  #used = 0;
  #blockBytes = BLOCK_BYTES_MIN;

  push(piece: Uint8Array): void {
    const { byteLength } = piece;
    if (byteLength === 0) return;
    this.size += byteLength;
    if (byteLength >= PIECE_BYTES_MIN) {
      this.#closeBlock();
      this.#pieces.push(piece.buffer.byteLength <= byteLength * CHUNK_SHARE ? piece : new Uint8Array(piece));
    } else this.#join(piece);
  }

  /** The oldest bytes, as many as lie together; undefined: there are none. They are the taker's. */
  shift(): Uint8Array | undefined {
    if (this.#first === this.#pieces.length) this.#closeBlock();
    const piece = this.#pieces[this.#first];
    if (piece === undefined) return undefined;
    this.#pieces[this.#first++] = NOTHING; // or it would be kept until the last one goes
    this.size -= piece.byteLength;
    if (this.#first === this.#pieces.length) this.#pieces.length = this.#first = 0;
    return piece;
  }

  /** All of them as one; nothing is kept any more. */
  takeAll(): Uint8Array {
    const { size } = this;
    const first = this.shift();
    if (first === undefined) return new Uint8Array(0);
    if (this.size === 0) return first;
    const whole = new Uint8Array(size);
    let at = 0;
    for (let piece: Uint8Array | undefined = first; piece !== undefined; piece = this.shift()) {
      whole.set(piece, at);
      at += piece.byteLength;
    }
    return whole;
  }

  #join(piece: Uint8Array): void {
    if (this.#block !== undefined && this.#used + piece.byteLength > this.#block.byteLength) {
      this.#closeBlock();
      this.#blockBytes = Math.min(this.#blockBytes * 2, BLOCK_BYTES_MAX);
    }
    this.#block ??= new Uint8Array(Math.max(this.#blockBytes, piece.byteLength));
    this.#block.set(piece, this.#used);
    this.#used += piece.byteLength;
  }

  /** What is in it can be taken; later pieces go into another one. */
  #closeBlock(): void {
    const block = this.#block;
    if (block === undefined) return;
    this.#block = undefined;
    const used = this.#used;
    this.#used = 0;
    const isMostlyEmpty = used * CHUNK_SHARE < block.byteLength;
    this.#pieces.push(isMostlyEmpty ? block.slice(0, used) : block.subarray(0, used));
    if (isMostlyEmpty) this.#blockBytes = BLOCK_BYTES_MIN;
  }
}
