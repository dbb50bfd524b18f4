/**
 * The entries of one map in the order of their keys: a row of short sorted arrays (a B+tree of two levels), because a range and a page
 * need the order, and a million keys must not be moved for one that comes between. A copy costs nothing but the row: whoever takes one
 * shares the arrays, and the next write to a shared array makes its own. So a snapshot sees one moment while writes go on.
 */
import type { Entry } from "../words/index.ts";

/** A write moves half of an array at most, and a row of a million keys has a few thousand arrays. */
const CHUNK_MAX = 512;
/** Below it an array joins its neighbour, so that a map that has shrunk takes little. */
const CHUNK_MIN = CHUNK_MAX / 8;

interface Chunk {
  readonly entries: Entry[];
  /** Whose writes may change it in place: a copy shares it, and owns nothing of it. */
  owner: object;
}

export class SortedEntries {
  #chunks: Chunk[] = [];
  #owner: object = {};
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: string): Entry | undefined {
    const chunk = this.#chunks[this.#chunkOf(key)];
    if (chunk === undefined) return undefined;
    const entry = chunk.entries[lowerBound(chunk.entries, key)];
    return entry?.key === key ? entry : undefined;
  }

  /** Gives what was there before. */
  set(entry: Entry): Entry | undefined {
    const { key } = entry;
    const place = Math.min(this.#chunkOf(key), this.#chunks.length - 1);
    if (place < 0) {
      this.#chunks.push({ entries: [entry], owner: this.#owner });
      this.#size = 1;
      return undefined;
    }
    const { entries } = this.#owned(place);
    const at = lowerBound(entries, key);
    const previous = entries[at];
    if (previous?.key === key) {
      entries[at] = entry;
      return previous;
    }
    entries.splice(at, 0, entry);
    this.#size++;
    if (entries.length > CHUNK_MAX) this.#split(place, at === entries.length - 1);
    return undefined;
  }

  delete(key: string): Entry | undefined {
    const place = this.#chunkOf(key);
    const chunk = this.#chunks[place];
    if (chunk === undefined) return undefined;
    const at = lowerBound(chunk.entries, key);
    const previous = chunk.entries[at];
    if (previous?.key !== key) return undefined;
    const { entries } = this.#owned(place);
    entries.splice(at, 1);
    this.#size--;
    if (entries.length < CHUNK_MIN) this.#join(place);
    return previous;
  }

  /** From the first key that is not before `from`, while keys are before `end`. Not to be used further after a write. */
  *range(from = "", end?: string): Generator<Entry, void, undefined> {
    const chunks = this.#chunks;
    for (let place = this.#chunkOf(from); place < chunks.length; place++) {
      const { entries } = chunks[place]!; // the loop's bound
      for (let at = lowerBound(entries, from); at < entries.length; at++) {
        const entry = entries[at]!; // the loop's bound
        if (end !== undefined && entry.key >= end) return;
        yield entry;
      }
    }
  }

  /** How many a range has. */
  count(from = "", end?: string): number {
    return Math.max(0, (end === undefined ? this.#size : this.#rank(end)) - (from === "" ? 0 : this.#rank(from)));
  }

  /** As it is now, whatever is written to either of them later. */
  copy(): SortedEntries {
    const copy = new SortedEntries();
    copy.#chunks = this.#chunks.slice();
    copy.#size = this.#size;
    this.#owner = {}; // both have to make their own arrays from now on
    return copy;
  }

  /** How many keys are before it. */
  #rank(key: string): number {
    const place = this.#chunkOf(key);
    let rank = 0;
    for (let index = 0; index < place; index++) rank += this.#chunks[index]!.entries.length; // place is in the row or its end
    const chunk = this.#chunks[place];
    return chunk === undefined ? rank : rank + lowerBound(chunk.entries, key);
  }

  /** The first array whose last key is not before `key`: the row's length where all are. */
  #chunkOf(key: string): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const { entries } = this.#chunks[middle]!; // between the bounds
      if (entries[entries.length - 1]!.key < key)
        low = middle + 1; // none is empty
      else high = middle;
    }
    return low;
  }

  #owned(place: number): Chunk {
    const chunk = this.#chunks[place]!; // the caller has found it
    if (chunk.owner === this.#owner) return chunk;
    const own = { entries: chunk.entries.slice(), owner: this.#owner };
    this.#chunks[place] = own;
    return own;
  }

  /** At the end of keys that come in their order, the full array stays full. */
  #split(place: number, isAtEnd: boolean): void {
    const { entries } = this.#chunks[place]!; // the caller has written to it
    const rest = entries.splice(isAtEnd ? CHUNK_MAX : entries.length >>> 1);
    this.#chunks.splice(place + 1, 0, { entries: rest, owner: this.#owner });
  }

  #join(place: number): void {
    const { entries } = this.#chunks[place]!; // the caller has written to it
    if (entries.length === 0) {
      this.#chunks.splice(place, 1);
      return;
    }
    const next = this.#chunks[place + 1];
    if (next === undefined || entries.length + next.entries.length > CHUNK_MAX / 2) return;
    entries.push(...next.entries);
    this.#chunks.splice(place + 1, 1);
  }
}

function lowerBound(entries: readonly Entry[], key: string): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (entries[middle]!.key < key)
      low = middle + 1; // between the bounds
    else high = middle;
  }
  return low;
}
