/**
 * The log in memory: the entries since the last compaction, and how far they are durable. What lies in front is known by the index and
 * term of its last entry (the floor). Nothing here decides anything, and nothing is copied but what is handed out.
 */
import { assert } from "../../base/errors.ts";
import type { Entry } from "./messages.ts";
import { ENTRY_OVERHEAD_BYTES } from "./options.ts";

export function entryBytes(entry: Entry): number {
  if (entry.kind === "command") return ENTRY_OVERHEAD_BYTES + entry.data.length;
  if (entry.kind === "noop") return ENTRY_OVERHEAD_BYTES;
  const { learners, voters, votersOutgoing } = entry.configuration;
  return ENTRY_OVERHEAD_BYTES * (1 + learners.length + voters.length + votersOutgoing.length);
}

export class Log {
  #entries: Entry[] = [];
  #floorIndex: number;
  #floorTerm: number;
  #bytes = 0;
  #durableIndex: number;

  /** What was found on the disk; `entries` follow the floor without gaps. */
  constructor(floorIndex: number, floorTerm: number, entries: readonly Entry[]) {
    this.#floorIndex = floorIndex;
    this.#floorTerm = floorTerm;
    this.append(entries);
    this.#durableIndex = this.lastIndex;
  }

  get floorIndex(): number {
    return this.#floorIndex;
  }

  get firstIndex(): number {
    return this.#floorIndex + 1;
  }

  get lastIndex(): number {
    return this.#floorIndex + this.#entries.length;
  }

  get lastTerm(): number {
    return this.#entries.at(-1)?.term ?? this.#floorTerm;
  }

  get durableIndex(): number {
    return this.#durableIndex;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Undefined in front of the floor and behind the end. */
  termAt(index: number): number | undefined {
    return index === this.#floorIndex ? this.#floorTerm : this.#entries[index - this.#floorIndex - 1]?.term;
  }

  entryAt(index: number): Entry | undefined {
    return this.#entries[index - this.#floorIndex - 1];
  }

  /** Entries from `from` to `through`, as many as fit; the first always does. */
  slice(from: number, through: number, bytesMax: number): Entry[] {
    assert(from > this.#floorIndex, `entry ${from} is asked of a log that begins at ${this.firstIndex}`);
    const start = from - this.#floorIndex - 1;
    const endMax = Math.min(through - this.#floorIndex, this.#entries.length);
    let end = start;
    for (let bytes = 0; end < endMax; end++) {
      bytes += entryBytes(this.#entries[end]!);
      if (bytes > bytesMax && end > start) break;
    }
    return this.#entries.slice(start, end);
  }

  append(entries: readonly Entry[]): void {
    for (const entry of entries) {
      assert(entry.index === this.lastIndex + 1, `entry ${entry.index} is appended behind ${this.lastIndex}`);
      this.#entries.push(entry);
      this.#bytes += entryBytes(entry);
    }
  }

  /** That one and all behind it are gone. */
  truncateFrom(index: number): void {
    assert(index > this.#floorIndex, `the log is cut at ${index}, in front of its first entry ${this.firstIndex}`);
    const start = index - this.#floorIndex - 1;
    for (let at = start; at < this.#entries.length; at++) this.#bytes -= entryBytes(this.#entries[at]!);
    this.#entries.length = Math.min(start, this.#entries.length);
    this.#durableIndex = Math.min(this.#durableIndex, index - 1);
  }

  /** Is it the entry that lies there now? One that has been replaced since it was written is durable in vain. */
  persisted(index: number, term: number): boolean {
    if (index <= this.#durableIndex || this.termAt(index) !== term) return false;
    this.#durableIndex = index;
    return true;
  }

  /** Entries up to this one are not needed any more. */
  compact(through: number): void {
    const count = Math.min(through, this.lastIndex) - this.#floorIndex;
    if (count <= 0) return;
    this.#floorTerm = this.#entries[count - 1]!.term;
    for (let at = 0; at < count; at++) this.#bytes -= entryBytes(this.#entries[at]!);
    this.#entries = this.#entries.slice(count);
    this.#floorIndex += count;
    this.#durableIndex = Math.max(this.#durableIndex, this.#floorIndex);
  }

  /** A snapshot takes the place of everything. */
  reset(index: number, term: number): void {
    this.#entries = [];
    this.#bytes = 0;
    this.#floorIndex = index;
    this.#floorTerm = term;
    this.#durableIndex = index;
  }

  /** The first index of so many bytes, at most, in front of and with `through`. */
  keptFrom(through: number, entriesMax: number, bytesMax: number): number {
    let index = Math.min(through, this.lastIndex);
    for (let bytes = 0; index > this.#floorIndex && through - index < entriesMax; index--) {
      bytes += entryBytes(this.entryAt(index)!);
      if (bytes > bytesMax) break;
    }
    return index + 1;
  }

  /**
   * The last index up to `index` whose term is at most `term`; terms never fall along a log, so it is searched by halves. In front of
   * the floor the answer is the index in front of it: nobody knows better.
   */
  lastAtMost(index: number, term: number): number {
    let low = this.#floorIndex;
    let high = Math.min(index, this.lastIndex);
    if (high < low || this.#floorTerm > term) return Math.max(0, Math.min(index, low - 1));
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.termAt(middle)! <= term) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
