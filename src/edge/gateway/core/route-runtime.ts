/** A route as it runs: its plan, what its requests pass, who answers them, and what they have come to. */
import { Histogram } from "../../../base/histogram.ts";
import type { DroppedFrom } from "../convert/index.ts";
import type { RoutePlan } from "../words/index.ts";
import type { CrossOrigin } from "./cross-origin.ts";
import type { Passage, PassageRoute, ReplyGuard, Step } from "./words.ts";

export interface RouteCounts {
  requests: number;
  inFlight: number;
  /** By class: index 2 is 2xx, 0 those without a reply. */
  readonly byClass: number[];
  /** What the gateway answered by itself and what broke, by code. */
  readonly refused: Map<string, number>;
  /** Fields that conversions left out of messages because no descriptor knows them. */
  readonly dropped: Record<DroppedFrom, number>;
  receivedBytes: number;
  sentBytes: number;
  readonly latency: Histogram;
}

/** Codes are ours and few; a bound all the same. */
const CODES_MAX = 64;
const SWITCHING = 101;
const CLASS_OK = 2;

export interface RouteWays {
  readonly steps: readonly Step[];
  readonly guards: readonly ReplyGuard[];
  readonly finish: Step;
  readonly cors?: CrossOrigin | undefined;
  readonly preflights?: RouteRuntime | undefined;
}

export class RouteRuntime implements PassageRoute {
  readonly plan: RoutePlan;
  readonly steps: readonly Step[];
  readonly guards: readonly ReplyGuard[];
  readonly finish: Step;
  readonly counts: RouteCounts;
  readonly isGuardedStrictly: boolean;
  readonly cors: CrossOrigin | undefined;
  /** The same route for preflights, where they are its own matter. */
  readonly preflights: RouteRuntime | undefined;

  constructor(plan: RoutePlan, ways: RouteWays, counts: RouteCounts = newCounts()) {
    this.plan = plan;
    this.steps = ways.steps;
    this.guards = ways.guards;
    this.finish = ways.finish;
    this.counts = counts;
    this.cors = ways.cors;
    this.preflights = ways.preflights;
    this.isGuardedStrictly = ways.guards.some(({ isStrict }) => isStrict);
  }

  begun(): void {
    this.counts.requests++;
    this.counts.inFlight++;
  }

  dropped(from: DroppedFrom): void {
    this.counts.dropped[from]++;
  }

  ended(passage: Passage, tookMs: number): void {
    const { counts } = this;
    counts.inFlight--;
    const status = passage.status === SWITCHING ? CLASS_OK : Math.trunc(passage.status / 100);
    counts.byClass[status] = (counts.byClass[status] ?? 0) + 1;
    counts.receivedBytes += passage.receivedBytes;
    counts.sentBytes += passage.sentBytes;
    counts.latency.record(tookMs);
    const { why } = passage;
    if (why === undefined) return;
    const known = counts.refused.get(why);
    if (known !== undefined || counts.refused.size < CODES_MAX) counts.refused.set(why, (known ?? 0) + 1);
  }
}

export function newCounts(): RouteCounts {
  return {
    requests: 0,
    inFlight: 0,
    byClass: [0, 0, 0, 0, 0, 0],
    refused: new Map(),
    dropped: { request: 0, reply: 0 },
    receivedBytes: 0,
    sentBytes: 0,
    latency: new Histogram(),
  };
}
