/**
 * A buddy allocator over an address range (Knuth, TAOCP 1, 2.5): blocks are powers of two, a block is split in halves on
 * demand and a freed one merges with its twin at once, so free space never stays needlessly in pieces. The twin of a block
 * of size s at offset o is at o XOR s. All book-keeping lies outside of the range itself, in the owner's private
 * memory: a child that scribbles over its slots cannot damage it. Free lists are last-in-first-out: the block just
 * freed is the one still in the processor's cache.
 *
 * The range may be any multiple of the smallest block, it starts as the fewest aligned powers of two that cover it.
 * Not here: waiting, owners, bytes.
 */
import { assert } from "../../base/errors.ts";

/** Nothing is here: end of a free list, or a block that starts no free or taken range. */
const NONE = -1;

export class BuddyAllocator {
  readonly sizeBytes: number;
  readonly minBlockBytes: number;
  readonly largestBlockBytes: number;
  /** Order of the free block that starts here, or NONE. An order counts doublings of the smallest block. */
  readonly #freeOrder: Int8Array;
  /** Order of the taken block that starts here, or NONE. */
  readonly #takenOrder: Int8Array;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** First free block of each order. */
  readonly #heads: Int32Array;
  #usedBytes = 0;

  constructor(sizeBytes: number, minBlockBytes: number) {
    assert(isPowerOfTwo(minBlockBytes), `smallest block is ${minBlockBytes} bytes, it must be a power of two`);
    const blocks = sizeBytes / minBlockBytes;
    assert(Number.isInteger(blocks) && blocks > 0, `range of ${sizeBytes} bytes is no multiple of ${minBlockBytes}`);
    this.sizeBytes = sizeBytes;
    this.minBlockBytes = minBlockBytes;
    const topOrder = 31 - Math.clz32(blocks);
    this.largestBlockBytes = minBlockBytes * 2 ** topOrder;
    this.#freeOrder = new Int8Array(blocks).fill(NONE);
    this.#takenOrder = new Int8Array(blocks).fill(NONE);
    this.#next = new Int32Array(blocks).fill(NONE);
    this.#previous = new Int32Array(blocks).fill(NONE);
    this.#heads = new Int32Array(topOrder + 1).fill(NONE);
    this.#seed(blocks, topOrder);
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Bytes that a request of this size takes, or undefined when no block can ever be that large. */
  blockBytesFor(sizeBytes: number): number | undefined {
    return sizeBytes > this.largestBlockBytes ? undefined : this.minBlockBytes * 2 ** this.#orderFor(sizeBytes);
  }

  /** Bytes of the taken block at this offset. */
  blockBytesAt(offset: number): number {
    return this.minBlockBytes * 2 ** this.#takenAt(offset);
  }

  /** Offset of a block of at least this size, or undefined when none is free. */
  take(sizeBytes: number): number | undefined {
    if (sizeBytes > this.largestBlockBytes) return undefined;
    const wanted = this.#orderFor(sizeBytes);
    let order = wanted;
    while (order < this.#heads.length && this.#heads[order] === NONE) order++;
    if (order === this.#heads.length) return undefined;
    const block = this.#heads[order]!;
    this.#unlink(block, order);
    this.#splitDown(block, order, wanted);
    this.#takenOrder[block] = wanted;
    this.#usedBytes += this.minBlockBytes * 2 ** wanted;
    return block * this.minBlockBytes;
  }

  /** Gives a taken block back, joined with its twin as far up as the twins are free. */
  free(offset: number): void {
    let order = this.#takenAt(offset);
    let block = offset / this.minBlockBytes;
    this.#takenOrder[block] = NONE;
    this.#usedBytes -= this.minBlockBytes * 2 ** order;
    for (;;) {
      const twin = block ^ (1 << order);
      if (twin >= this.#freeOrder.length || this.#freeOrder[twin] !== order) break;
      this.#unlink(twin, order);
      block = Math.min(block, twin);
      order++;
    }
    this.#link(block, order);
  }

  /** Keeps the front of a taken block, frees the halves behind it that this size does not need. */
  shrink(offset: number, sizeBytes: number): void {
    const block = offset / this.minBlockBytes;
    const before = this.#takenAt(offset);
    const after = Math.min(before, this.#orderFor(sizeBytes));
    this.#takenOrder[block] = after;
    this.#usedBytes -= this.minBlockBytes * (2 ** before - 2 ** after);
    this.#splitDown(block, before, after);
  }

  #seed(blocks: number, topOrder: number): void {
    let block = 0;
    for (let order = topOrder; order >= 0; order--) {
      if ((blocks & (1 << order)) === 0) continue;
      this.#link(block, order);
      block += 1 << order;
    }
  }

  /** Halves a block until it has the wanted order; the upper halves become free. */
  #splitDown(block: number, from: number, wanted: number): void {
    for (let order = from - 1; order >= wanted; order--) this.#link(block + (1 << order), order);
  }

  #orderFor(sizeBytes: number): number {
    const blocks = Math.max(1, Math.ceil(sizeBytes / this.minBlockBytes));
    return blocks === 1 ? 0 : 32 - Math.clz32(blocks - 1);
  }

  #takenAt(offset: number): number {
    const order = this.#takenOrder[offset / this.minBlockBytes];
    assert(order !== undefined && order !== NONE, `no taken block starts at offset ${offset}`);
    return order;
  }

  #link(block: number, order: number): void {
    const head = this.#heads[order]!;
    this.#freeOrder[block] = order;
    this.#next[block] = head;
    this.#previous[block] = NONE;
    if (head !== NONE) this.#previous[head] = block;
    this.#heads[order] = block;
  }

  #unlink(block: number, order: number): void {
    const next = this.#next[block]!;
    const previous = this.#previous[block]!;
    if (next !== NONE) this.#previous[next] = previous;
    if (previous === NONE) this.#heads[order] = next;
    else this.#next[previous] = next;
    this.#freeOrder[block] = NONE;
  }
}

function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(value) && value > 0 && 2 ** Math.round(Math.log2(value)) === value;
}
