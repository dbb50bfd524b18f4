/** How many requests of a key are under way. A key without any takes no memory; where no further key can be counted it is refused. */
import type { LimitPlan } from "../words/index.ts";

export class Concurrency {
  readonly plan: LimitPlan;
  readonly #held = new Map<string, number>();
  /** Told when a place is free again. */
  readonly onFreed = new Set<() => void>();

  constructor(plan: LimitPlan) {
    this.plan = plan;
  }

  /** 0: there is a place; infinity: nobody knows when there will be. */
  look(key: string): number {
    const held = this.#held.get(key);
    if (held === undefined) return this.#held.size < this.plan.keysMax ? 0 : Number.POSITIVE_INFINITY;
    return held < this.plan.limit ? 0 : Number.POSITIVE_INFINITY;
  }

  take(key: string): void {
    this.#held.set(key, (this.#held.get(key) ?? 0) + 1);
  }

  /** A field: it is handed out with each place that is taken. */
  readonly giveBack = (key: string): void => {
    const held = this.#held.get(key);
    if (held === undefined) return;
    if (held === 1) this.#held.delete(key);
    else this.#held.set(key, held - 1);
    for (const freed of this.onFreed) freed();
  };

  /** What is said of places that are free again: nothing. */
  resetMs(): number {
    return 0;
  }

  remaining(key: string): number {
    return Math.max(0, this.plan.limit - (this.#held.get(key) ?? 0));
  }

  counts(): { readonly keys: number } {
    return { keys: this.#held.size };
  }
}
