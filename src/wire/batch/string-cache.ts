/**
 * Decoded strings of one column by their bytes. Many columns hold few distinct strings; making the same string again
 * costs 45 ns, finding it 10, and a string that is the same object is hashed only once by the Map it is looked up in.
 * A column of ever new strings is found out soon, and the cache steps aside.
 */
import type { Bytes } from "./bytes.ts";

/** A power of two: about as many distinct strings as are worth remembering. */
const ENTRIES = 1024;
/** Longer strings are seldom repeated and slower to compare. */
const MAX_CACHED_BYTES = 34;
/** After so many look-ups the cache must have been right for half of them. */
const TRIAL = 256;

export class StringCache {
  readonly #text: Bytes;
  readonly #view: DataView;
  readonly #starts = new Int32Array(ENTRIES);
  readonly #lengths = new Int32Array(ENTRIES);
  readonly #strings: string[] = new Array<string>(ENTRIES).fill("");
  #lookups = 0;
  #misses = 0;
  #isOff = false;

  constructor(text: Bytes) {
    this.#text = text;
    this.#view = new DataView(text.buffer, text.byteOffset, text.length);
  }

  /** The string between the quotes at start and end - 1, which is ASCII without escapes. */
  get(start: number, end: number): string {
    const length = end - start;
    if (this.#isOff || length > MAX_CACHED_BYTES || length < 4) return this.#text.latin1Slice(start + 1, end - 1);
    const view = this.#view;
    const first = view.getInt32(start, true);
    const last = view.getInt32(end - 4, true);
    const middle = view.getInt32(start + ((length - 4) >> 1), true);
    const hash = Math.imul(first ^ Math.imul(last, 0x2c1b3c6d) ^ Math.imul(middle, 0x297a2d39), 0x5bd1e995);
    const entry = ((hash >>> 15) ^ length) & (ENTRIES - 1);
    this.#lookups++;
    if (this.#lengths[entry] === length && isSame(view, this.#starts[entry]!, start, length))
      return this.#strings[entry]!;
    return this.#add(entry, start, end);
  }

  #add(entry: number, start: number, end: number): string {
    const string = this.#text.latin1Slice(start + 1, end - 1);
    this.#starts[entry] = start;
    this.#lengths[entry] = end - start;
    this.#strings[entry] = string;
    if (++this.#misses > TRIAL && this.#misses * 2 > this.#lookups) this.#isOff = true;
    return string;
  }
}

/** Compares at least four bytes, four at a time, the last four perhaps twice. */
function isSame(view: DataView, left: number, right: number, length: number): boolean {
  const last = length - 4;
  for (let at = 0; at < last; at += 4) {
    if (view.getInt32(left + at, true) !== view.getInt32(right + at, true)) return false;
  }
  return view.getInt32(left + last, true) === view.getInt32(right + last, true);
}
