/**
 * What is due when: a binary heap that knows each item's place, so that an item whose end has moved or that is gone needs no
 * search and leaves nothing behind. Items of one moment come in their `order`: which comes first depends on the items alone,
 * never on how the heap came to be, so every node of a group sees the same.
 */
export interface Due {
  readonly dueMs: number;
  /** Unique among the items of the heap. */
  readonly order: number;
  /** The heap's own: -1 while it is in none. */
  place: number;
}

export class DueHeap<T extends Due> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  get first(): T | undefined {
    return this.#items[0];
  }

  add(item: T): void {
    this.#items.push(item);
    this.#rise(this.#items.length - 1, item);
  }

  /** Nothing happens when it is not in. */
  remove(item: T): void {
    const at = item.place;
    if (at < 0) return;
    item.place = -1;
    const last = this.#items.pop()!;
    if (last !== item) this.#settle(at, last);
  }

  /** In place of one that is in: the same thing at another time. */
  replace(old: T, item: T): void {
    const at = old.place;
    old.place = -1;
    this.#settle(at, item);
  }

  /** The first one, when it is due by then. */
  take(nowMs: number): T | undefined {
    const first = this.#items[0];
    if (first === undefined || first.dueMs > nowMs) return undefined;
    this.remove(first);
    return first;
  }

  /** A copy, in no order that means anything. */
  list(): T[] {
    return this.#items.slice();
  }

  #settle(at: number, item: T): void {
    const parent = (at - 1) >> 1;
    if (at > 0 && isBefore(item, this.#items[parent]!)) this.#rise(at, item);
    else this.#sink(at, item);
  }

  #rise(from: number, item: T): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = this.#items[parent]!;
      if (!isBefore(item, above)) break;
      this.#put(at, above);
      at = parent;
    }
    this.#put(at, item);
  }

  #sink(from: number, item: T): void {
    const items = this.#items;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && isBefore(items[child + 1]!, items[child]!)) child++;
      const below = items[child]!;
      if (!isBefore(below, item)) break;
      this.#put(at, below);
      at = child;
    }
    this.#put(at, item);
  }

  #put(at: number, item: T): void {
    this.#items[at] = item;
    item.place = at;
  }
}

function isBefore(left: Due, right: Due): boolean {
  return left.dueMs < right.dueMs || (left.dueMs === right.dueMs && left.order < right.order);
}
