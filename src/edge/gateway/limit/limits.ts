/**
 * All limits of a gateway as a machine: requests and the time go in, verdicts come out. Those that have to wait stand in the order in
 * which they came, and are asked again when what they wait for may be there. Nothing here knows a timer: `nextDeadlineMs` says when
 * `tick` is due.
 */
import { addressKey } from "../../../base/ip-address.ts";
import type { LimitPlan } from "../words/index.ts";
import { Concurrency } from "./concurrency.ts";
import { byCountedName, countedNames } from "./counted-names.ts";
import { keyReader } from "./keys.ts";
import { policyText } from "./rate-headers.ts";
import { type Blocked, type LimitState, RouteLimits } from "./route-limits.ts";
import { TokenBuckets } from "./token-buckets.ts";
import { type LimitRequest, LimitVerdict } from "./words.ts";

/** Requests that wait, of all clients: each holds a connection and what has come of its body. */
const WAITING_MAX = 1_000;
/** Of one client, whatever keys it is counted under: it may choose them by itself. */
const WAITING_PER_CLIENT_MAX = 100;
/** IPv6 clients own a network of this size. */
const CLIENT_PREFIX = 64;

export interface LimitCounts {
  readonly id: string;
  /** Keys that are counted at the moment. */
  readonly keys: number;
  /** Buckets that had to go before they were full again. */
  readonly evicted: number;
  readonly waiting: number;
}

export interface CountedTogether {
  readonly buckets: readonly TokenBuckets[];
  readonly concurrencies: readonly Concurrency[];
}

interface Waiting {
  readonly route: RouteLimits;
  readonly request: LimitRequest;
  readonly endMs: number;
  readonly client: string;
  blocked: Blocked;
}

export class Limits {
  /** Called when `nextDeadlineMs` has become earlier. */
  onDue: (() => void) | undefined;
  readonly #states: readonly LimitState[];
  readonly #waiting = new Map<LimitVerdict, Waiting>();
  /** How many wait of each client. */
  readonly #clients = new Map<string, number>();
  #nextMs = Number.POSITIVE_INFINITY;
  readonly #freed = (): void => {
    if (this.#waiting.size === 0) return;
    this.#isFreed = true;
    this.#nextMs = Number.NEGATIVE_INFINITY;
    this.onDue?.();
  };
  #isFreed = false;
  #isRetired = false;

  /** What `former` has counted goes on under limits that are still the same. */
  constructor(plans: readonly LimitPlan[], former?: Limits) {
    const names = countedNames(plans);
    const formers = former === undefined ? undefined : byCountedName(former.#states);
    this.#states = plans.map((plan, at) => goingOn(formers?.get(names[at]!), plan) ?? makeState(plan));
    for (const { concurrency } of this.#states) concurrency?.onFreed.add(this.#freed);
  }

  get nextDeadlineMs(): number {
    return this.#nextMs;
  }

  /** Undefined: nothing limits this route. `kinds`: only those that count by this. */
  forRoute(id: string, kinds?: readonly LimitPlan["key"]["kind"][]): RouteLimits | undefined {
    const states = this.#states.filter(
      ({ plan }) =>
        (plan.routes.length === 0 || plan.routes.includes(id)) &&
        (kinds === undefined || kinds.includes(plan.key.kind)),
    );
    if (states.length === 0) return undefined;
    const limits = states.map((state) => ({ state, readKey: keyReader(state.plan, id) }));
    return new RouteLimits(limits, policyText(states.map(({ plan }) => plan)));
  }

  admit(route: RouteLimits, request: LimitRequest, nowMs: number): LimitVerdict {
    const verdict = new LimitVerdict();
    const blocked = route.decide(request, verdict, nowMs, false);
    if (blocked !== undefined) this.#wait(verdict, { route, request, nowMs, blocked });
    return verdict;
  }

  /** The exchange is over: its places are free. Asked once or more often, also of verdicts that hold nothing. */
  release(verdict: LimitVerdict): void {
    const { held } = verdict;
    if (held === undefined) return;
    verdict.held = undefined;
    for (const { giveBack, key } of held) giveBack(key);
  }

  /** The client of a waiting request went; it is not settled any more. */
  cancel(verdict: LimitVerdict): void {
    const waiting = this.#waiting.get(verdict);
    if (waiting === undefined) return;
    this.#leave(verdict, waiting);
    countWaiting(waiting.blocked, -1);
  }

  /** Asks those again whose time has come, the one that came first at first. */
  tick(nowMs: number): void {
    const wasFreed = this.#isFreed;
    this.#isFreed = false;
    this.#nextMs = Number.POSITIVE_INFINITY;
    const settled: LimitVerdict[] = [];
    for (const [verdict, waiting] of this.#waiting) {
      const { blocked, endMs } = waiting;
      const isDue =
        nowMs >= blocked.dueMs || nowMs >= endMs || (wasFreed && blocked.dueMs === Number.POSITIVE_INFINITY);
      if (isDue && this.#again(verdict, waiting, nowMs)) settled.push(verdict);
      else this.#nextMs = Math.min(this.#nextMs, waiting.blocked.dueMs, endMs);
    }
    if (this.#isRetired) this.retire();
    for (const verdict of settled) verdict.onSettled?.(verdict);
  }

  /** What others have to know: other gateways of limits that are shared, other processes of this one of all. */
  countedTogether(withProcesses = false): CountedTogether {
    const together = this.#states.filter(({ plan }) => plan.isShared || withProcesses);
    return {
      buckets: together.flatMap(({ buckets }) => buckets ?? []),
      concurrencies: together.flatMap(({ concurrency }) => concurrency ?? []),
    };
  }

  counts(): readonly LimitCounts[] {
    return this.#states.map(({ buckets, concurrency, plan, waiting }) => ({
      id: plan.id,
      keys: (buckets ?? concurrency)?.counts().keys ?? 0,
      evicted: buckets?.counts().evicted ?? 0,
      waiting: [...waiting.values()].reduce((sum, each) => sum + each, 0),
    }));
  }

  /** No more requests come; those that wait still are settled as ever. */
  retire(): void {
    this.#isRetired = true;
    if (this.#waiting.size > 0) return;
    for (const { concurrency } of this.#states) concurrency?.onFreed.delete(this.#freed);
  }

  #wait(verdict: LimitVerdict, entry: Omit<Waiting, "endMs" | "client"> & { readonly nowMs: number }): void {
    const { blocked, nowMs, request, route } = entry;
    const client = addressKey(request.client, CLIENT_PREFIX);
    if (this.#waiting.size >= WAITING_MAX || (this.#clients.get(client) ?? 0) >= WAITING_PER_CLIENT_MAX) {
      verdict.kind = "reject";
      verdict.cause = "crowded";
      return;
    }
    const endMs = nowMs + blocked.state.plan.delayMsMax;
    this.#waiting.set(verdict, { route, request, endMs, client, blocked });
    count(this.#clients, client, 1);
    countWaiting(blocked, 1);
    this.#nextMs = Math.min(this.#nextMs, blocked.dueMs, endMs);
    this.onDue?.();
  }

  /** True: it does not wait any more. */
  #again(verdict: LimitVerdict, waiting: Waiting, nowMs: number): boolean {
    const blocked = waiting.route.decide(waiting.request, verdict, nowMs, true);
    countWaiting(waiting.blocked, -1);
    if (blocked === undefined || nowMs >= waiting.endMs) {
      if (blocked !== undefined) verdict.kind = "reject";
      this.#leave(verdict, waiting);
      return true;
    }
    countWaiting(blocked, 1);
    waiting.blocked = blocked;
    return false;
  }

  #leave(verdict: LimitVerdict, { client }: Waiting): void {
    this.#waiting.delete(verdict);
    count(this.#clients, client, -1);
  }
}

function makeState(plan: LimitPlan): LimitState {
  const isConcurrency = plan.algorithm === "concurrency";
  return {
    plan,
    buckets: isConcurrency ? undefined : new TokenBuckets(plan),
    concurrency: isConcurrency ? new Concurrency(plan) : undefined,
    waiting: new Map(),
  };
}

/** What was counted under the same name goes on; with as many places as there were, or none of it. */
function goingOn(state: LimitState | undefined, plan: LimitPlan): LimitState | undefined {
  return state?.plan.keysMax === plan.keysMax ? { ...state, plan } : undefined;
}

function countWaiting({ key, state }: Blocked, change: 1 | -1): void {
  count(state.waiting, key, change);
}

function count(counts: Map<string, number>, key: string, change: 1 | -1): void {
  const changed = (counts.get(key) ?? 0) + change;
  if (changed === 0) counts.delete(key);
  else counts.set(key, changed);
}
