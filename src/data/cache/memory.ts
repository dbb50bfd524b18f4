/** The entries in memory: bounded by number and bytes, the least recently used go first, and found by tag when one is invalidated. */
import { LRUCache } from "lru-cache";
import type { Entry } from "./entry.ts";
import { ENTRY_OVERHEAD_BYTES, VALUE_BYTES_MAX } from "./limits.ts";

export interface MemoryOptions {
  readonly entriesMax: number;
  readonly bytesMax: number;
}

export class Memory {
  readonly #entries: LRUCache<string, Entry>;
  readonly #byTag = new Map<string, Set<string>>();
  #evicted = 0;

  constructor({ bytesMax, entriesMax }: MemoryOptions) {
    this.#entries = new LRUCache({
      max: entriesMax,
      maxSize: bytesMax,
      maxEntrySize: Math.min(bytesMax, VALUE_BYTES_MAX + 4 * ENTRY_OVERHEAD_BYTES),
      sizeCalculation: sizeOf,
      dispose: (entry, key, reason) => {
        if (reason === "evict") this.#evicted++;
        this.#forgetTags(key, entry.tags);
      },
    });
  }

  get size(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#entries.calculatedSize;
  }

  get evicted(): number {
    return this.#evicted;
  }

  /** Undefined when its time is over, or it was kept with other tags. */
  find(key: string, tags: readonly string[], nowMs: number): Entry | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    if (entry.endsMs > nowMs && isSame(entry.tags, tags)) return entry;
    this.#entries.delete(key);
    return undefined;
  }

  set(key: string, entry: Entry): void {
    this.#entries.delete(key); // its tags first: disposing the old one later would take the new one's away
    this.#entries.set(key, entry);
    if (!this.#entries.has(key)) return; // too big
    for (const tag of entry.tags) {
      const keys = this.#byTag.get(tag);
      if (keys) keys.add(key);
      else this.#byTag.set(tag, new Set([key]));
    }
  }

  invalidate({ keys, tags }: { readonly keys: readonly string[]; readonly tags: readonly string[] }): void {
    for (const key of keys) this.#entries.delete(key);
    for (const tag of tags) for (const key of [...(this.#byTag.get(tag) ?? [])]) this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
  }

  #forgetTags(key: string, tags: readonly string[]): void {
    for (const tag of tags) {
      const keys = this.#byTag.get(tag);
      keys?.delete(key);
      if (keys?.size === 0) this.#byTag.delete(tag);
    }
  }
}

function sizeOf({ bytes, tags }: Entry, key: string): number {
  return ENTRY_OVERHEAD_BYTES * (1 + tags.length) + 2 * key.length + bytes.length;
}

function isSame(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((tag, at) => tag === right[at]);
}
