/**
 * Outlier ejection (gRPC A50): who keeps failing gets no requests for a while, the longer the more often. Counts are judged once an
 * interval; an ejection lasts the base time × how often in a row, and ends at the first judgement after it; each good interval
 * takes one off again. A pure machine: results go in, ejections and returns come out, each with its reason.
 *
 * Judgements are due on a fixed grid and happen at their own times before the next input: ticked often or never, the outcome
 * is the same. Differing from A50: the worst are ejected first, results of those ejected do not count, and the count of
 * ejections stops where it no longer lengthens the next. Not here: keeping somebody in use (see `withOutlierEjection`).
 */
import { assert } from "../../base/errors.ts";
import type { Machine, Tick } from "../../base/machine.ts";
import type { Random } from "../../base/random.ts";
import { failurePercentageOutliers, type Outlier, successRateOutliers, type Tally } from "./outlier-judgement.ts";
import { type OutlierOptions, type OutlierRules, outlierRules } from "./outlier-options.ts";

export type OutlierAlgorithm = "success_rate" | "failure_percentage";

export type OutlierInput =
  /** These nodes are there; others stay as they are. */
  | { readonly type: "seen"; readonly ids: readonly string[] }
  /** A request there is over; `ok` is false when the node is to blame. Of nodes not seen, or forgotten, nothing is counted. */
  | { readonly type: "ended"; readonly id: string; readonly ok: boolean };

export type OutlierEffect =
  | {
      readonly type: "ejected";
      readonly id: string;
      readonly algorithm: OutlierAlgorithm;
      readonly reason: string;
      readonly atMs: number;
      /** It returns at the first judgement at or after this. */
      readonly untilMs: number;
      /** In how many ejections without enough good intervals between them. */
      readonly times: number;
    }
  /** An outlier that was not ejected, and why not. */
  | {
      readonly type: "spared";
      readonly id: string;
      readonly algorithm: OutlierAlgorithm;
      readonly reason: string;
      readonly atMs: number;
    }
  | { readonly type: "returned"; readonly id: string; readonly reason: string; readonly atMs: number };

/** What is known of a node, for people. */
export interface OutlierStanding {
  readonly id: string;
  readonly ejectedUntilMs: number | undefined;
  readonly times: number;
  /** In the interval under way. */
  readonly successes: number;
  readonly failures: number;
  readonly why: string;
}

interface Host {
  successes: number;
  failures: number;
  /** A50's multiplier. */
  times: number;
  untilMs: number | undefined;
  why: string;
}

/** Far above any cluster. Whoever comes when it is reached is not judged, so nobody is ejected in error. */
export const OUTLIER_HOSTS_MAX = 10_000;

const NOTHING: readonly OutlierEffect[] = [];
const NEVER_EJECTED = "was never ejected";

export class OutlierDetector implements Machine<OutlierInput, OutlierEffect> {
  readonly #rules: OutlierRules;
  readonly #random: Random;
  readonly #timesMax: number;
  readonly #hosts = new Map<string, Host>();
  readonly #ejected = new Set<string>();
  /** Of the grid that the first input began. */
  #nextSweepMs: number | undefined;
  /** Nothing to judge, nobody to return, nothing to take off. */
  #isIdle = true;
  #nowMs = Number.NEGATIVE_INFINITY;

  constructor(options: OutlierOptions, random: Random) {
    this.#rules = outlierRules(options);
    this.#random = random;
    this.#timesMax = Math.ceil(this.#rules.maxEjectionMs / this.#rules.baseEjectionMs);
  }

  /** Now, not a copy. */
  get ejected(): ReadonlySet<string> {
    return this.#ejected;
  }

  get nextDeadlineMs(): number | undefined {
    return this.#isIdle ? undefined : this.#nextSweepMs;
  }

  get hosts(): number {
    return this.#hosts.size;
  }

  step(input: OutlierInput | Tick, nowMs: number): readonly OutlierEffect[] {
    assert(nowMs >= this.#nowMs, () => `time went back from ${this.#nowMs} to ${nowMs} ms`);
    this.#nowMs = nowMs;
    const effects = this.#catchUp(nowMs);
    if (input.type === "seen") for (const id of input.ids) this.#see(id);
    else if (input.type === "ended") this.#count(input.id, input.ok);
    return effects;
  }

  /** It is gone for good, and so is its past. */
  forget(id: string): void {
    this.#hosts.delete(id);
    this.#ejected.delete(id);
  }

  /** All nodes in the order of ids. */
  explain(): readonly OutlierStanding[] {
    return [...this.#hosts]
      .map(([id, { failures, successes, times, untilMs, why }]) => {
        return { id, ejectedUntilMs: untilMs, times, successes, failures, why };
      })
      .sort((left, right) => (left.id < right.id ? -1 : 1));
  }

  /** All judgements that are due, each at its own time. While there is nothing to do they are skipped, not made. */
  #catchUp(nowMs: number): readonly OutlierEffect[] {
    const { intervalMs } = this.#rules;
    this.#nextSweepMs ??= nowMs + intervalMs;
    if (nowMs < this.#nextSweepMs) return NOTHING;
    const effects: OutlierEffect[] = [];
    while (this.#nextSweepMs <= nowMs && !this.#isIdle) {
      this.#sweep(this.#nextSweepMs, effects);
      this.#nextSweepMs += intervalMs;
    }
    const missed = Math.floor((nowMs - this.#nextSweepMs) / intervalMs) + 1;
    if (missed > 0) this.#nextSweepMs += missed * intervalMs;
    return effects;
  }

  #sweep(atMs: number, effects: OutlierEffect[]): void {
    const { failurePercentage, successRate } = this.#rules;
    const tallies = [...this.#hosts].map(([id, { failures, successes }]): Tally => ({ id, successes, failures }));
    if (successRate !== undefined) {
      for (const outlier of successRateOutliers(tallies, successRate)) {
        effects.push(this.#judge(outlier, "success_rate", successRate.enforcementPercent, atMs));
      }
    }
    if (failurePercentage !== undefined) {
      for (const outlier of failurePercentageOutliers(tallies, this.#hosts.size, failurePercentage)) {
        if (this.#ejected.has(outlier.id)) continue; // by the other algorithm, just now
        effects.push(this.#judge(outlier, "failure_percentage", failurePercentage.enforcementPercent, atMs));
      }
    }
    this.#endInterval(atMs, effects);
  }

  #judge(
    { id, reason }: Outlier,
    algorithm: OutlierAlgorithm,
    enforcementPercent: number,
    atMs: number,
  ): OutlierEffect {
    const spared = this.#reasonToSpare(enforcementPercent);
    if (spared !== undefined) return { type: "spared", id, algorithm, reason: `${reason}; ${spared}`, atMs };
    const { baseEjectionMs, maxEjectionMs } = this.#rules;
    const host = this.#hosts.get(id);
    assert(host !== undefined, `${id} is judged, but not known`);
    host.times = Math.min(this.#timesMax, host.times + 1);
    host.untilMs = atMs + Math.min(baseEjectionMs * host.times, maxEjectionMs);
    host.why = `ejected (${algorithm}): ${reason}`;
    this.#ejected.add(id);
    return { type: "ejected", id, algorithm, reason, atMs, untilMs: host.untilMs, times: host.times };
  }

  #reasonToSpare(enforcementPercent: number): string | undefined {
    const { maxEjectionPercent } = this.#rules;
    const [ejected, hosts] = [this.#ejected.size, this.#hosts.size];
    if (ejected > 0 && 100 * ejected >= maxEjectionPercent * hosts) {
      return `spared: ${ejected} of ${hosts} are ejected, at most ${maxEjectionPercent} % may be`;
    }
    const isEnforced = this.#random.below(100) < enforcementPercent;
    return isEnforced ? undefined : `spared by chance: ${enforcementPercent} % of outliers are ejected`;
  }

  #endInterval(atMs: number, effects: OutlierEffect[]): void {
    this.#isIdle = true;
    for (const [id, host] of this.#hosts) {
      host.successes = 0;
      host.failures = 0;
      if (host.untilMs === undefined) host.times = Math.max(0, host.times - 1);
      else if (host.untilMs <= atMs) effects.push(this.#return(id, host, atMs));
      if (host.times > 0) this.#isIdle = false;
    }
  }

  #return(id: string, host: Host, atMs: number): OutlierEffect {
    host.untilMs = undefined;
    host.why = `returned; it was ${host.why}`;
    this.#ejected.delete(id);
    return { type: "returned", id, reason: `the time of ejection ${host.times} is over`, atMs };
  }

  #count(id: string, ok: boolean): void {
    const host = this.#hosts.get(id);
    if (host === undefined || this.#ejected.has(id)) return;
    if (ok) host.successes++;
    else host.failures++;
    this.#isIdle = false;
  }

  #see(id: string): void {
    if (this.#hosts.has(id) || this.#hosts.size >= OUTLIER_HOSTS_MAX) return;
    this.#hosts.set(id, { successes: 0, failures: 0, times: 0, untilMs: undefined, why: NEVER_EJECTED });
  }
}
