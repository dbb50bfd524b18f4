/** Reading candidates: who may be chosen, what their numbers are worth, and which of them cost least. All in one pass each. */
import { assert } from "../../base/errors.ts";
import type { Candidate } from "./contract.ts";

/** Beyond these a weight is a mistake, and sums of such weights would lose the small ones. */
const WEIGHT_MIN = 1e-6;
const WEIGHT_MAX = 1e6;

/** The same array when nobody is excluded. */
export function eligible(
  candidates: readonly Candidate[],
  exclude: ReadonlySet<string> | undefined,
): readonly Candidate[] {
  if (exclude === undefined || exclude.size === 0) return candidates;
  return candidates.filter(({ id }) => !exclude.has(id));
}

/** Weights come from other nodes: what is no weight counts as 1, so that nobody is lost or gets everything. */
export function weightOf({ weight }: Candidate): number {
  return weight > 0 && Number.isFinite(weight) ? boundedWeight(weight) : 1;
}

/** The nearest weight that sums can hold. */
export function boundedWeight(weight: number): number {
  return Math.min(WEIGHT_MAX, Math.max(WEIGHT_MIN, weight));
}

export function outstandingOf({ outstanding }: Candidate): number {
  return outstanding > 0 && Number.isFinite(outstanding) ? outstanding : 0;
}

export function totalOf(candidates: readonly Candidate[], of: (candidate: Candidate) => number): number {
  return candidates.reduce((total, candidate) => total + of(candidate), 0);
}

/** Those whose cost is least, in their order; not empty when there are candidates. */
export function cheapest(
  candidates: readonly Candidate[],
  costOf: (candidate: Candidate) => number,
): readonly Candidate[] {
  const tied: Candidate[] = [];
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const cost = costOf(candidate);
    assert(!Number.isNaN(cost), () => `the cost of ${candidate.id} is no number`);
    if (cost > least) continue;
    if (cost < least) tied.length = 0;
    least = cost;
    tied.push(candidate);
  }
  return tied;
}
