/**
 * LEAST_LOAD: the most room, by what nodes report of themselves. A report's load is a weighted sum of shares: CPU, memory, and the
 * queue against the node's capacity. Between reports the balancer's own requests under way are added, else everybody would
 * go for the same node until its next report.
 *
 * A report loses half its say each half-life; the rest goes to the mean of all that reported. So who is silent counts as
 * average, neither shunned nor flooded. Loads closer than a step are the same: ties go round by weight.
 */
import { boundedWeight, cheapest, eligible, outstandingOf, weightOf } from "./candidates.ts";
import type { Balancer, Candidate, Choice, NodeLoad } from "./contract.ts";
import { WeightedRoundRobin } from "./weighted-round-robin.ts";

export interface LeastLoadOptions {
  /** A report this old counts half. */
  readonly loadHalfLifeMs: number;
}

/** CPU is what batches need. Memory hurts only when it is nearly gone. A queue tells of CPU that the average has not seen yet. */
export const LOAD_WEIGHTS = { cpu: 0.5, memory: 0.2, queue: 0.3 } as const;
/** Smaller differences are noise of measuring. */
const LOAD_STEP = 0.05;
/** A report of 20 half-lives ago says nothing. Far smaller shares would be lost in sums: a mean of nothing is no number. */
const FRESHNESS_MIN = 2 ** -20;
/** A node whose capacity is filled by our own requests counts as half loaded more: its CPU and queue will tell the rest. */
const OWN_WEIGHT = 0.5;

interface Report {
  readonly load: number;
  /** 1 now, towards 0 with age. */
  readonly freshness: number;
  readonly capacity: number;
}

interface Mean {
  readonly load: number;
  /** Undefined when nobody reported: then a node's weight stands for its capacity. */
  readonly capacity: number | undefined;
}

export class LeastLoad implements Balancer {
  readonly #options: LeastLoadOptions;
  readonly #ties = new WeightedRoundRobin();

  constructor(options: LeastLoadOptions) {
    this.#options = options;
  }

  get remembered(): number {
    return this.#ties.remembered;
  }

  pick(candidates: readonly Candidate[], { exclude }: Choice, nowMs: number): string | undefined {
    const list = eligible(candidates, exclude);
    const reports = new Map<Candidate, Report>();
    for (const candidate of list) {
      const report = reportOf(candidate.load, nowMs, this.#options.loadHalfLifeMs);
      if (report !== undefined) reports.set(candidate, report);
    }
    const mean = meanOf([...reports.values()]);
    return this.#ties.choose(cheapest(list, (each) => costOf(each, reports.get(each), mean)))?.id;
  }

  forget(id: string): void {
    this.#ties.forget(id);
  }
}

function reportOf(load: NodeLoad | undefined, nowMs: number, halfLifeMs: number): Report | undefined {
  if (load === undefined || !isUsable(load)) return undefined;
  const { atMs, cpu, memory, queue } = load;
  const freshness = 0.5 ** (Math.max(0, nowMs - atMs) / halfLifeMs);
  if (freshness < FRESHNESS_MIN) return undefined;
  const capacity = boundedWeight(load.capacity);
  const shares = { cpu: shareOf(cpu), memory: shareOf(memory), queue: shareOf(queue / capacity) };
  return {
    load: LOAD_WEIGHTS.cpu * shares.cpu + LOAD_WEIGHTS.memory * shares.memory + LOAD_WEIGHTS.queue * shares.queue,
    freshness,
    capacity,
  };
}

/** Reports come from other nodes. One that makes no sense is none. */
function isUsable({ atMs, capacity, cpu, memory, queue }: NodeLoad): boolean {
  return capacity > 0 && [atMs, capacity, cpu, memory, queue].every((value) => Number.isFinite(value));
}

function shareOf(value: number): number {
  return Math.min(1, Math.max(0, value));
}

/** Fresh reports say more about what is usual. */
function meanOf(reports: readonly Report[]): Mean {
  let [freshness, load, capacity] = [0, 0, 0];
  for (const report of reports) {
    freshness += report.freshness;
    load += report.freshness * report.load;
    capacity += report.freshness * report.capacity;
  }
  return freshness > 0 ? { load: load / freshness, capacity: capacity / freshness } : { load: 0, capacity: undefined };
}

function costOf(candidate: Candidate, report: Report | undefined, mean: Mean): number {
  const say = report?.freshness ?? 0;
  const load = say * (report?.load ?? 0) + (1 - say) * mean.load;
  const capacity = report?.capacity ?? mean.capacity ?? weightOf(candidate);
  return Math.round(load / LOAD_STEP) * LOAD_STEP + (OWN_WEIGHT * outstandingOf(candidate)) / capacity;
}
