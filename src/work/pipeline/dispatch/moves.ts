/**
 * Who has which batches, for one question only: when have those of a lost worker all been given to others? Kept beside the
 * table of leases and not in it, because nothing depends on the answer.
 */
export class Moves {
  readonly #held = new Map<string, Set<number>>();
  /** Of lost workers: those that nobody has been given yet, and how many there were. */
  readonly #moving = new Map<string, { readonly items: Set<number>; readonly batches: number }>();
  readonly #moved: (worker: string, batches: number) => void;

  constructor(moved: (worker: string, batches: number) => void) {
    this.#moved = moved;
  }

  given(item: number, worker: string): void {
    const held = this.#held.get(worker);
    if (held) held.add(item);
    else this.#held.set(worker, new Set([item]));
    this.#settle(item);
  }

  /** This worker will not do it. */
  returned(item: number, worker: string): void {
    this.#held.get(worker)?.delete(item);
  }

  /** Nobody needs it any more. */
  over(item: number): void {
    for (const held of this.#held.values()) held.delete(item);
    this.#settle(item);
  }

  lost(worker: string): void {
    const items = this.#held.get(worker) ?? new Set();
    this.#held.delete(worker);
    for (const held of this.#held.values()) for (const item of held) items.delete(item); // a second one has them as well
    if (items.size > 0) this.#moving.set(worker, { items, batches: items.size });
  }

  #settle(item: number): void {
    for (const [worker, { batches, items }] of this.#moving) {
      if (!items.delete(item) || items.size > 0) continue;
      this.#moving.delete(worker);
      this.#moved(worker, batches);
    }
  }
}
