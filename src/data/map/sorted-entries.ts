/**
 * The entries of one map in the order of their keys: a row of short sorted arrays (a B+tree of two levels), because a range and a page
 * need the order, and a million keys must not be moved for one that comes between. A copy costs nothing but the row: whoever takes one
 * shares the arrays, and the next write to a shared array makes its own. So a snapshot sees one moment while writes go on.
 */
import type { Entry } from "../words/index.ts";

/** A write moves half of an array at most; a row of a million keys has some ten thousand arrays. */
const CHUNK_MAX = 128;
/** Below it an array joins its neighbour, so that a map that has shrunk takes little. */
const CHUNK_MIN = CHUNK_MAX / 8;

interface Chunk {
  /** Beside their entries, because a search would wait for the memory of each entry that it looks at. */
  readonly keys: string[];
  readonly entries: Entry[];
  /** Whose writes may change it in place: a copy shares it, and owns nothing of it. */
  readonly owner: object;
}

export class SortedEntries {
  #chunks: Chunk[] = [];
  /** Not before the last key of each array, and before the first of the next: what a search begins with. */
  #lasts: string[] = [];
  #owner: object = {};
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: string): Entry | undefined {
    const chunk = this.#chunks[lowerBound(this.#lasts, key)];
    if (chunk === undefined) return undefined;
    const at = lowerBound(chunk.keys, key);
    return chunk.keys[at] === key ? chunk.entries[at] : undefined;
  }

  /** Gives what was there before. */
  set(entry: Entry): Entry | undefined {
    const { key } = entry;
    if (this.#chunks.length === 0) this.#insertChunk(0, { keys: [], entries: [], owner: this.#owner }, key);
    const place = Math.min(lowerBound(this.#lasts, key), this.#chunks.length - 1);
    const { keys, entries } = this.#owned(place);
    const at = lowerBound(keys, key);
    if (keys[at] === key) {
      const previous = entries[at];
      entries[at] = entry;
      return previous;
    }
    insert(keys, at, key);
    insert(entries, at, entry);
    this.#size++;
    if (key > this.#lasts[place]!) this.#lasts[place] = key; // the place is in the row
    if (keys.length > CHUNK_MAX) this.#split(place, at === keys.length - 1);
    return undefined;
  }

  delete(key: string): Entry | undefined {
    const place = lowerBound(this.#lasts, key);
    const chunk = this.#chunks[place];
    if (chunk === undefined) return undefined;
    const at = lowerBound(chunk.keys, key);
    if (chunk.keys[at] !== key) return undefined;
    const { keys, entries } = this.#owned(place);
    keys.splice(at, 1);
    const [previous] = entries.splice(at, 1);
    this.#size--;
    if (keys.length < CHUNK_MIN) this.#join(place);
    return previous;
  }

  /** From the first key that is not before `from`, while keys are before `end`. Not to be used further after a write. */
  *range(from = "", end?: string): Generator<Entry, void, undefined> {
    const chunks = this.#chunks;
    for (let place = lowerBound(this.#lasts, from); place < chunks.length; place++) {
      const { keys, entries } = chunks[place]!; // the loop's bound
      for (let at = lowerBound(keys, from); at < entries.length; at++) {
        if (end !== undefined && keys[at]! >= end) return; // as many as entries
        yield entries[at]!; // the loop's bound
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
    copy.#lasts = this.#lasts.slice();
    copy.#size = this.#size;
    this.#owner = {}; // both have to make their own arrays from now on
    return copy;
  }

  /** How many keys are before it. */
  #rank(key: string): number {
    const place = lowerBound(this.#lasts, key);
    let rank = 0;
    for (let index = 0; index < place; index++) rank += this.#chunks[index]!.keys.length; // in the row
    const chunk = this.#chunks[place];
    return chunk === undefined ? rank : rank + lowerBound(chunk.keys, key);
  }

  #owned(place: number): Chunk {
    const chunk = this.#chunks[place]!; // the caller has found it
    if (chunk.owner === this.#owner) return chunk;
    const own = { keys: chunk.keys.slice(), entries: chunk.entries.slice(), owner: this.#owner };
    this.#chunks[place] = own;
    return own;
  }

  #insertChunk(place: number, chunk: Chunk, last: string): void {
    insert(this.#chunks, place, chunk);
    insert(this.#lasts, place, last);
  }

  /** At the end of keys that come in their order, the full array stays full. */
  #split(place: number, isAtEnd: boolean): void {
    const { keys, entries } = this.#chunks[place]!; // the caller has written to it
    const at = isAtEnd ? CHUNK_MAX : keys.length >>> 1;
    const rest = { keys: keys.splice(at), entries: entries.splice(at), owner: this.#owner };
    this.#insertChunk(place + 1, rest, this.#lasts[place]!); // its last key went with the rest
    this.#lasts[place] = keys.at(-1)!; // half of the keys are left
  }

  #join(place: number): void {
    const { keys, entries } = this.#chunks[place]!; // the caller has written to it
    const next = this.#chunks[place + 1];
    if (keys.length > 0) {
      if (next === undefined || keys.length + next.keys.length > CHUNK_MAX / 2) return;
      const joined = { keys: keys.concat(next.keys), entries: entries.concat(next.entries), owner: this.#owner };
      this.#chunks[place + 1] = joined;
    }
    this.#chunks.splice(place, 1);
    this.#lasts.splice(place, 1);
  }
}

/** Arrays' own splice makes an array for nothing. */
function insert<Item>(items: Item[], place: number, item: Item): void {
  items.push(item);
  for (let at = items.length - 1; at > place; at--) items[at] = items[at - 1]!; // in the array
  items[place] = item;
}

function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! < key)
      low = middle + 1; // between the bounds
    else high = middle;
  }
  return low;
}
