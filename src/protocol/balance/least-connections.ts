/**
 * LEAST_CONNECTIONS: the fewest requests under way for its weight. A slow node keeps its requests longer and so gets fewer, without
 * anybody measuring time. Ties go round by weight. Blind to a node that fails fast: put outlier ejection in front.
 */
import { cheapest, eligible, outstandingOf, weightOf } from "./candidates.ts";
import type { Balancer, Candidate, Choice } from "./contract.ts";
import { WeightedRoundRobin } from "./weighted-round-robin.ts";

export class LeastConnections implements Balancer {
  readonly #ties = new WeightedRoundRobin();

  get remembered(): number {
    return this.#ties.remembered;
  }

  pick(candidates: readonly Candidate[], { exclude }: Choice): string | undefined {
    const least = cheapest(eligible(candidates, exclude), (each) => outstandingOf(each) / weightOf(each));
    return this.#ties.choose(least)?.id;
  }

  forget(id: string): void {
    this.#ties.forget(id);
  }
}
