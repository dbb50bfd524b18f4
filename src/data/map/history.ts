/**
 * The last changes of all maps, in order: what watches begin with, and what turns the present back into the past. Each change keeps what
 * was there before it. Bounded by number and by bytes, and by whole revisions: a watch sees all of a revision or none.
 */
import { type Entry, type MapEvent, RECORD_BYTES, valueBytes } from "../words/index.ts";

export interface Change {
  readonly event: MapEvent;
  /** What was there before; of a delete it is the event's entry. */
  readonly previous: Entry | undefined;
}

export interface HistoryBounds {
  readonly eventsMax: number;
  readonly bytesMax: number;
}

/** Places at the front that may be empty before the rest moves up. */
const EMPTY_MAX = 4_096;

export class History {
  readonly #bounds: HistoryBounds;
  #changes: Change[] = [];
  #first = 0;
  #sizeBytes = 0;
  #compacted = 0;

  constructor(bounds: HistoryBounds) {
    this.#bounds = bounds;
  }

  get size(): number {
    return this.#changes.length - this.#first;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Changes up to and with this revision may be gone. */
  get compacted(): number {
    return this.#compacted;
  }

  add(change: Change): void {
    this.#changes.push(change);
    this.#sizeBytes += changeBytes(change);
  }

  /** Makes room, at the end of a revision. */
  trim(): void {
    while (this.size > this.#bounds.eventsMax || this.#sizeBytes > this.#bounds.bytesMax) {
      this.compact(this.#changes[this.#first]!.event.revision); // bytes are of changes
    }
  }

  compact(revision: number): void {
    this.#compacted = Math.max(this.#compacted, revision);
    while (this.#first < this.#changes.length) {
      const change = this.#changes[this.#first]!; // the loop's bound
      if (change.event.revision > revision) break;
      this.#sizeBytes -= changeBytes(change);
      this.#changes[this.#first] = GONE;
      this.#first++;
    }
    if (this.#first > EMPTY_MAX && this.#first * 2 > this.#changes.length) {
      this.#changes = this.#changes.slice(this.#first);
      this.#first = 0;
    }
  }

  /** From this revision on. Not to be used further after a write. */
  *from(revision: number): Generator<Change, void, undefined> {
    const changes = this.#changes;
    for (let at = this.#lowerBound(revision); at < changes.length; at++) yield changes[at]!; // the loop's bound
  }

  /** A copy of all. */
  list(): readonly Change[] {
    return this.#changes.slice(this.#first);
  }

  #lowerBound(revision: number): number {
    let low = this.#first;
    let high = this.#changes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#changes[middle]!.event.revision < revision)
        low = middle + 1; // between the bounds
      else high = middle;
    }
    return low;
  }
}

/** Stands where a change was, so that its entry is let go. */
const GONE: Change = {
  event: {
    type: "delete",
    map: "",
    entry: { key: "", value: "", revision: 0, created: 0, version: 0, lease: undefined },
    revision: 0,
  },
  previous: undefined,
};

function changeBytes({ event, previous }: Change): number {
  return RECORD_BYTES + event.entry.key.length + (previous === undefined ? 0 : valueBytes(previous.value));
}
