/**
 * How many requests of a key are under way, here and, as far as others have told, elsewhere. A key without any takes no memory; where no
 * further key can be counted it is refused.
 */
import type { LimitPlan } from "../words/index.ts";

export class Concurrency {
  readonly plan: LimitPlan;
  readonly #held = new Map<string, number>();
  readonly #elsewhere = new Map<string, number>();
  /** Told when a place is free again. */
  readonly onFreed = new Set<() => void>();
  /** For others to be told; called whenever another number is under way here. */
  onChanged: ((key: string) => void) | undefined;

  constructor(plan: LimitPlan) {
    this.plan = plan;
  }

  /** 0: there is a place; infinity: nobody knows when there will be. */
  look(key: string): number {
    const held = this.#held.get(key);
    if (held === undefined && this.#held.size >= this.plan.keysMax) return Number.POSITIVE_INFINITY;
    return (held ?? 0) + this.#heldElsewhere(key) < this.plan.limit ? 0 : Number.POSITIVE_INFINITY;
  }

  take(key: string): void {
    this.#held.set(key, (this.#held.get(key) ?? 0) + 1);
    this.onChanged?.(key);
  }

  /** A field: it is handed out with each place that is taken. */
  readonly giveBack = (key: string): void => {
    const held = this.#held.get(key);
    if (held === undefined) return;
    if (held === 1) this.#held.delete(key);
    else this.#held.set(key, held - 1);
    this.onChanged?.(key);
    for (const freed of this.onFreed) freed();
  };

  /** So many more (or fewer) are under way elsewhere than was known. */
  changeElsewhere(key: string, change: number): void {
    const count = this.#heldElsewhere(key) + change;
    if (count === 0) this.#elsewhere.delete(key);
    else this.#elsewhere.set(key, count);
    if (change < 0) for (const freed of this.onFreed) freed();
  }

  /** Here. */
  heldOf(key: string): number {
    return this.#held.get(key) ?? 0;
  }

  /** Of requests that are under way here. */
  heldKeys(): Iterable<string> {
    return this.#held.keys();
  }

  /** What is said of places that are free again: nothing. */
  resetMs(): number {
    return 0;
  }

  remaining(key: string): number {
    return Math.max(0, this.plan.limit - this.heldOf(key) - this.#heldElsewhere(key));
  }

  counts(): { readonly keys: number } {
    let keys = this.#held.size;
    for (const key of this.#elsewhere.keys()) if (!this.#held.has(key)) keys++;
    return { keys };
  }

  #heldElsewhere(key: string): number {
    return this.#elsewhere.get(key) ?? 0;
  }
}
