/**
 * What outlives a request: the IP, GLOBAL, SESSION, USER and RESOURCE collections, in memory, bounded, the longest untouched record
 * going first. They are of this process alone: a WAF that must count across machines uses the gateway's shared limits.
 */
import type { Bytes } from "../match/index.ts";
import { RECORD_KEY_BYTES_MAX, RECORD_VALUE_BYTES_MAX, RECORD_VARIABLES_MAX, RECORDS_MAX } from "./limits.ts";

/** The variables of one record. Times are the clock's `now`, in milliseconds. */
export interface RecordValues {
  get(key: Bytes): Bytes | undefined;
  set(key: Bytes, value: Bytes): void;
  unset(key: Bytes): void;
  expire(key: Bytes, seconds: number): void;
  entries(): [Bytes, Bytes][];
}

interface Slot {
  value: Bytes;
  expiresAt: number;
}

export class Records {
  readonly #records = new Map<string, StoredRecord>();
  readonly #now: () => number;
  readonly #secondsKept: number;

  constructor(now: () => number, secondsKept: number) {
    this.#now = now;
    this.#secondsKept = secondsKept;
  }

  get size(): number {
    return this.#records.size;
  }

  /** The record of that key, as a new one when nothing is known of it. */
  open(collection: string, key: Bytes): RecordValues {
    const id = `${collection}:${key.slice(0, RECORD_KEY_BYTES_MAX)}`;
    const kept = this.#records.get(id);
    const now = this.#now();
    const record =
      kept !== undefined && kept.expiresAt > now ? kept : new StoredRecord(this.#now, () => this.#keep(id, record));
    record.expiresAt = now + this.#secondsKept * 1_000;
    if (record === kept) this.#keep(id, record);
    return record;
  }

  /** Only records that hold something are kept: a client without any costs nothing. */
  #keep(id: string, record: StoredRecord): void {
    this.#records.delete(id);
    this.#records.set(id, record);
    if (this.#records.size <= RECORDS_MAX) return;
    for (const oldest of this.#records.keys()) {
      this.#records.delete(oldest);
      return;
    }
  }
}

class StoredRecord implements RecordValues {
  readonly #slots = new Map<Bytes, Slot>();
  readonly #now: () => number;
  readonly #onFirst: () => void;
  expiresAt = 0;

  constructor(now: () => number, onFirst: () => void) {
    this.#now = now;
    this.#onFirst = onFirst;
  }

  get(key: Bytes): Bytes | undefined {
    const slot = this.#slots.get(key);
    if (slot === undefined) return undefined;
    if (slot.expiresAt > this.#now()) return slot.value;
    this.#slots.delete(key);
    return undefined;
  }

  set(key: Bytes, value: Bytes): void {
    const cut = value.slice(0, RECORD_VALUE_BYTES_MAX);
    const slot = this.get(key) === undefined ? undefined : this.#slots.get(key);
    if (slot !== undefined) slot.value = cut;
    else if (this.#slots.size < RECORD_VARIABLES_MAX) {
      if (this.#slots.size === 0) this.#onFirst();
      this.#slots.set(key, { value: cut, expiresAt: Number.POSITIVE_INFINITY });
    }
  }

  unset(key: Bytes): void {
    this.#slots.delete(key);
  }

  expire(key: Bytes, seconds: number): void {
    const slot = this.#slots.get(key);
    if (slot !== undefined) slot.expiresAt = this.#now() + seconds * 1_000;
  }

  entries(): [Bytes, Bytes][] {
    const now = this.#now();
    const entries: [Bytes, Bytes][] = [];
    for (const [key, slot] of this.#slots) if (slot.expiresAt > now) entries.push([key, slot.value]);
    return entries;
  }
}
