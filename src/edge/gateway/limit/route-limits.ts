/**
 * The limits of one route: a request passes all of them, and takes from all of them, or from none. Of several that refuse the strongest
 * action counts (DROP, then REJECT, then DELAY), and the longest wait is told.
 */
import type { LimitPlan } from "../words/index.ts";
import type { Concurrency } from "./concurrency.ts";
import { fallbackKey, type KeyReader } from "./keys.ts";
import type { TokenBuckets } from "./token-buckets.ts";
import type { HeldPlace, LimitCause, LimitRequest, LimitVerdict } from "./words.ts";

/** One line of the file: counted in one place, whatever routes it is for. */
export interface LimitState {
  readonly plan: LimitPlan;
  readonly buckets: TokenBuckets | undefined;
  readonly concurrency: Concurrency | undefined;
  /** How many wait for a key. */
  readonly waiting: Map<string, number>;
}

export interface LimitOfRoute {
  readonly state: LimitState;
  readonly readKey: KeyReader;
}

/** Waiting under one key, at one time: more of one client would leave no room for others. */
const WAITING_PER_KEY_MAX = 100;

const DROP = 3;
const REJECT = 2;
const DELAY = 1;
const PASS = 0;

/** What was found in the way of a request: of the strongest limit that refuses. */
class Refusal {
  rank = PASS;
  cause: LimitCause | undefined = undefined;
  state: LimitState | undefined = undefined;
  key = "";
  /** Of all that refuse. */
  retryMs = 0;
  /** When the one that refuses has to be asked again. */
  waitMs = 0;
}

export class RouteLimits {
  readonly #limits: readonly LimitOfRoute[];
  readonly #policy: string;
  /** Keys of the request that is looked at. */
  readonly #keys: (string | undefined)[];

  constructor(limits: readonly LimitOfRoute[], policy: string) {
    this.#limits = limits;
    this.#policy = policy;
    this.#keys = limits.map(() => undefined);
  }

  /**
   * Fills the verdict in; `wait` names the limit and the key that it waits for in what is given back. `isQueued`: it has waited,
   * so those who wait behind it are not in its way.
   */
  decide(request: LimitRequest, verdict: LimitVerdict, nowMs: number, isQueued: boolean): Blocked | undefined {
    let refusal: Refusal | undefined;
    for (let at = 0; at < this.#limits.length; at++) {
      const { readKey, state } = this.#limits[at]!;
      const key =
        readKey(request) ?? (state.plan.missing === "client_ip" ? fallbackKey(request, state.plan) : undefined);
      this.#keys[at] = key;
      if (key !== undefined) refusal = look(state, key, nowMs, isQueued, refusal);
      else if (state.plan.missing === "deny") refusal = refuse(refusal, state, REJECT, "missing", "", 0);
    }
    verdict.policy = this.#policy;
    if (refusal === undefined) this.#pass(verdict, nowMs);
    else return this.#refused(refusal, verdict, nowMs);
    return undefined;
  }

  #pass(verdict: LimitVerdict, nowMs: number): void {
    verdict.kind = "pass";
    verdict.cause = undefined;
    verdict.limit = undefined;
    let least = Number.POSITIVE_INFINITY;
    for (let at = 0; at < this.#limits.length; at++) {
      const key = this.#keys[at];
      if (key === undefined) continue;
      const { buckets, concurrency, plan } = this.#limits[at]!.state;
      if (concurrency !== undefined) {
        concurrency.take(key);
        const place: HeldPlace = { giveBack: concurrency.giveBack, key };
        if (verdict.held === undefined) verdict.held = [place];
        else verdict.held.push(place);
      } else if (buckets !== undefined) {
        buckets.take(key, nowMs);
        const remaining = buckets.remaining(key, nowMs);
        const share = remaining / plan.burst;
        if (share >= least) continue;
        least = share;
        verdict.limit = plan;
        verdict.remaining = remaining;
        verdict.resetMs = buckets.resetMs(key, nowMs);
      }
    }
  }

  #refused(refusal: Refusal, verdict: LimitVerdict, nowMs: number): Blocked | undefined {
    const { cause, key, rank, retryMs, waitMs } = refusal;
    const state = refusal.state!; // set with the rank
    verdict.kind = rank === DROP ? "drop" : rank === REJECT ? "reject" : "wait";
    verdict.cause = cause;
    verdict.limit = state.plan;
    verdict.retryMs = retryMs;
    verdict.remaining = 0;
    verdict.resetMs = state.buckets?.resetMs(key, nowMs) ?? 0;
    return rank === DELAY ? { state, key, dueMs: nowMs + waitMs } : undefined;
  }
}

/** What a waiting request waits for, and when it is worth asking again. */
export interface Blocked {
  readonly state: LimitState;
  readonly key: string;
  readonly dueMs: number;
}

function look(
  state: LimitState,
  key: string,
  nowMs: number,
  isQueued: boolean,
  refusal: Refusal | undefined,
): Refusal | undefined {
  const { buckets, concurrency, plan, waiting } = state;
  const cause = buckets === undefined ? "concurrency" : "rate";
  const waitMs = buckets === undefined ? (concurrency?.look(key) ?? 0) : buckets.look(key, nowMs);
  if (plan.action !== "DELAY") {
    if (waitMs === 0) return refusal;
    return refuse(refusal, state, plan.action === "DROP" ? DROP : REJECT, cause, key, waitMs);
  }
  const ahead = isQueued || waiting.size === 0 ? 0 : (waiting.get(key) ?? 0);
  if (waitMs === 0 && ahead === 0) return refusal;
  const expectedMs = buckets === undefined ? 0 : waitMs + ahead * buckets.intervalMs;
  const isCrowded = ahead >= WAITING_PER_KEY_MAX;
  if (isCrowded || expectedMs > plan.delayMsMax)
    return refuse(
      refusal,
      state,
      REJECT,
      isCrowded ? "crowded" : cause,
      key,
      Math.max(waitMs, expectedMs - plan.delayMsMax),
    );
  return refuse(refusal, state, DELAY, cause, key, waitMs);
}

function refuse(
  former: Refusal | undefined,
  state: LimitState,
  rank: number,
  cause: LimitCause,
  key: string,
  waitMs: number,
): Refusal {
  const refusal = former ?? new Refusal();
  if (waitMs > refusal.retryMs) refusal.retryMs = waitMs;
  if (rank <= refusal.rank) return refusal;
  refusal.rank = rank;
  refusal.cause = cause;
  refusal.state = state;
  refusal.key = key;
  refusal.waitMs = waitMs;
  return refusal;
}
