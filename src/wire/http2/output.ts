/** Bytes on their way out: one buffer that grows, cut into frames by who writes them. What was taken belongs to the taker; the next byte begins a new buffer. */

const FIRST_BYTES = 1024;
/** A buffer that large is not begun again at once: the burst may be over. */
const AGAIN_BYTES_MAX = 64 * 1024;

const EMPTY = new Uint8Array(0);

export class Output {
  /** Valid up to `at`; replaced by `ensure`. */
  bytes: Uint8Array = EMPTY;
  at = 0;
  /** Bytes that were taken before the first one of `bytes`. */
  taken = 0;
  #nextBytes = FIRST_BYTES;

  /** Room for that many bytes more. */
  ensure(bytes: number): void {
    const needed = this.at + bytes;
    if (needed <= this.bytes.length) return;
    let size = Math.max(this.bytes.length * 2, this.#nextBytes);
    while (size < needed) size *= 2;
    const grown = new Uint8Array(size);
    if (this.at > 0) grown.set(this.bytes.subarray(0, this.at));
    this.bytes = grown;
  }

  /** All that was written. */
  take(): Uint8Array {
    const taken = this.at === this.bytes.length ? this.bytes : this.bytes.subarray(0, this.at);
    this.taken += this.at;
    this.#nextBytes = sizeAfter(this.at);
    this.bytes = EMPTY;
    this.at = 0;
    return taken;
  }

  /** The head of a frame. */
  frame(length: number, type: number, flags: number, id: number): void {
    this.ensure(9 + length);
    writeFrameHead(this.bytes, this.at, length, type, flags, id);
    this.at += 9;
  }

  uint32(value: number): void {
    this.ensure(4);
    const { bytes, at } = this;
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
    this.at = at + 4;
  }

  uint16(value: number): void {
    this.ensure(2);
    this.bytes[this.at++] = value >>> 8;
    this.bytes[this.at++] = value;
  }

  append(chunk: Uint8Array): void {
    this.ensure(chunk.length);
    this.bytes.set(chunk, this.at);
    this.at += chunk.length;
  }
}

export function writeFrameHead(
  bytes: Uint8Array,
  at: number,
  length: number,
  type: number,
  flags: number,
  id: number,
): void {
  bytes[at] = length >>> 16;
  bytes[at + 1] = length >>> 8;
  bytes[at + 2] = length;
  bytes[at + 3] = type;
  bytes[at + 4] = flags;
  bytes[at + 5] = id >>> 24;
  bytes[at + 6] = id >>> 16;
  bytes[at + 7] = id >>> 8;
  bytes[at + 8] = id;
}

function sizeAfter(bytes: number): number {
  let size = FIRST_BYTES;
  while (size < bytes && size < AGAIN_BYTES_MAX) size *= 2;
  return size;
}
