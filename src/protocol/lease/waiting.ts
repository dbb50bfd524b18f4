/**
 * Items that wait for a worker, oldest first. Those that the same workers may take form a *group*: the pinned ones of a worker,
 * those that the same workers have failed, all others. So one that cannot be placed now holds up only its like, and nobody
 * searches behind it.
 */
import type { Item } from "./messages.ts";
import type { Entry, Group } from "./records.ts";

const NOBODY: ReadonlySet<string> = new Set();

export class Waiting {
  readonly #groups = new Map<string, Group>();
  readonly #precedes: (left: Item, right: Item) => boolean;
  #size = 0;

  constructor(precedes: (left: Item, right: Item) => boolean) {
    this.#precedes = precedes;
  }

  get size(): number {
    return this.#size;
  }

  groups(): Iterable<Group> {
    return this.#groups.values();
  }

  pinnedTo(worker: string): readonly Entry[] {
    return this.#groups.get(pinnedKey(worker))?.entries ?? [];
  }

  add(entry: Entry): void {
    const group = this.#groupOf(entry);
    group.entries.splice(this.#placeOf(entry, group), 0, entry);
    entry.group = group;
    this.#size++;
  }

  remove(entry: Entry): void {
    const { group } = entry;
    if (group === undefined) return;
    group.entries.splice(this.#placeOf(entry, group), 1);
    if (group.entries.length === 0) this.#groups.delete(group.key);
    entry.group = undefined;
    this.#size--;
  }

  /** Does the head of the first group go before that of the second? */
  isBefore(left: Group, right: Group): boolean {
    return this.#precedes(left.entries[0]!.item, right.entries[0]!.item);
  }

  #groupOf({ failedOn, item: { pinned } }: Entry): Group {
    const key = pinned !== undefined ? pinnedKey(pinned) : failedOn.size === 0 ? "" : failedKey(failedOn);
    const known = this.#groups.get(key);
    if (known !== undefined) return known;
    const group = { key, pinned, failedOn: failedOn.size === 0 ? NOBODY : new Set(failedOn), entries: [] };
    this.#groups.set(key, group);
    return group;
  }

  /** How many of the group go before it. Most items come in order: the end is looked at first. */
  #placeOf({ item }: Entry, { entries }: Group): number {
    let [low, high] = [0, entries.length];
    if (high > 0 && this.#precedes(entries[high - 1]!.item, item)) return high;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#precedes(entries[middle]!.item, item)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function pinnedKey(worker: string): string {
  return `p${worker}`;
}

function failedKey(failedOn: ReadonlySet<string>): string {
  return `f${JSON.stringify([...failedOn].sort())}`;
}
