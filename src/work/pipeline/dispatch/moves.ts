/** Batches that were taken from a lost worker, until others have all of them. For whoever wants to know how long that takes. */
export class Moves {
  readonly #left = new Map<string, { readonly items: Set<number>; readonly batches: number }>();
  readonly #over: (worker: string, batches: number) => void;

  constructor(over: (worker: string, batches: number) => void) {
    this.#over = over;
  }

  begin(worker: string, items: ReadonlySet<number>): void {
    if (items.size > 0) this.#left.set(worker, { items: new Set(items), batches: items.size });
  }

  /** To another worker; or nobody needs it any more. */
  given(item: number): void {
    for (const [worker, { batches, items }] of this.#left) {
      if (!items.delete(item) || items.size > 0) continue;
      this.#left.delete(worker);
      this.#over(worker, batches);
    }
  }
}
