/**
 * WEIGHTED_ROUND_ROBIN, the smooth kind that nginx made known: each turn everybody earns its weight, the richest is chosen and
 * pays what all earned together. Weights 5, 1, 1 give a a b a c a a, not a burst of five. The other balancers settle ties with it.
 *
 * A credit lies between minus one and plus two turns' earnings, as it does by itself while nothing changes: without that, somebody
 * whose weight has just dropped would pay off an old debt for long, and one who was away would come back with a burst.
 */
import { eligible, totalOf, weightOf } from "./candidates.ts";
import type { Balancer, Candidate, Choice } from "./contract.ts";
import { NodeTable } from "./node-table.ts";

/** The most that is seen while weights stand still is 1.3. */
const CREDIT_TURNS_MAX = 2;

export class WeightedRoundRobin implements Balancer {
  readonly #credits = new NodeTable<number>();

  get remembered(): number {
    return this.#credits.size;
  }

  pick(candidates: readonly Candidate[], { exclude }: Choice): string | undefined {
    return this.choose(eligible(candidates, exclude))?.id;
  }

  forget(id: string): void {
    this.#credits.delete(id);
  }

  /** One of these; undefined when there are none. */
  choose(candidates: readonly Candidate[]): Candidate | undefined {
    if (candidates.length <= 1) return candidates[0]; // nobody to be fair to
    const earned = totalOf(candidates, weightOf);
    let richest: Candidate | undefined;
    let most = Number.NEGATIVE_INFINITY;
    for (const candidate of candidates) {
      const held = this.#credits.get(candidate.id) ?? 0;
      const credit = Math.min(CREDIT_TURNS_MAX * earned, Math.max(-earned, held)) + weightOf(candidate);
      this.#credits.set(candidate.id, credit);
      if (credit <= most) continue;
      richest = candidate;
      most = credit;
    }
    if (richest !== undefined) this.#credits.set(richest.id, most - earned);
    return richest;
  }
}
