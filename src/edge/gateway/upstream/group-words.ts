/** What the gateway asks a group of targets for, and what it hears: the words of `TargetGroup`. */
import type { Failure } from "../../../base/errors.ts";
import type { Histogram } from "../../../base/histogram.ts";
import type { BalancerName } from "../../../protocol/balance/index.ts";
import type { BreakerState } from "../../../protocol/breaker/index.ts";
import type { HealthState } from "../../../protocol/health/index.ts";
import type { BodySource, RequestHead } from "../../../wire/http/index.ts";
import type {
  HealthPlan,
  NamedTarget,
  Origin,
  OriginTarget,
  TargetPlan,
  UpstreamCall,
  UpstreamEvents,
  UpstreamTimeouts,
  UpstreamTls,
} from "../words/index.ts";

/** What a route says of its targets; `groupSettings` makes it out of a `RoutePlan`. */
export interface GroupSettings {
  readonly targets: readonly TargetPlan[];
  /** Unequal weights make WEIGHTED_ROUND_ROBIN of ROUND_ROBIN. CUSTOM is not for gateways. */
  readonly balancer: BalancerName;
  /** `headMs` and `connectMs` of each try; `totalMs` of all of them together. */
  readonly timeouts: UpstreamTimeouts;
  /** Further tries. */
  readonly retries: number;
  /** Statuses that count as failures of a try. */
  readonly retryOn: readonly number[];
  /** Retries and hedges are at most this share of the requests of the last while (and a few more). */
  readonly retryBudget: number;
  readonly hedgeMs?: number | undefined;
  readonly mirror?: TargetPlan | undefined;
  /** 0 to 1. */
  readonly mirrorShare: number;
  readonly health?: HealthPlan | undefined;
  /** What health checks name as their host; undefined: the target. */
  readonly host?: string | undefined;
  readonly outliers: boolean;
  readonly breaker: boolean;
  readonly tls?: UpstreamTls | undefined;
  readonly version?: "1.1" | "2" | undefined;
}

/** One request of a client to the group. Asked for each try anew, because path and host differ from target to target. */
export interface GroupRequest {
  headFor(target: TargetPlan): RequestHead;
  /** Of a dynamic target: its host with the names filled in. */
  originFor?(target: OriginTarget): Origin;
  readonly body?: BodySource | undefined;
  /** What CONSISTENT_HASH goes by. */
  readonly hashKey?: string | undefined;
  /** The value of the sticky cookie: what `stickyNames` calls a target; another value counts as none. */
  readonly sticky?: string | undefined;
  /** The target that a rule or the core has chosen: only this one is asked, also with weight 0, also by retries. */
  readonly target?: TargetPlan | undefined;
  /** For named targets. */
  readonly context?: NamedContext | undefined;
  /** Of the whole call, where it is shorter than the route's. */
  readonly timeoutMs?: number | undefined;
  /** Whether it may be sent twice; otherwise the method says so, or an `idempotency-key`. */
  readonly isIdempotent?: boolean | undefined;
}

export interface GroupEvents extends UpstreamEvents {
  /** A try begins: the first, a retry or a hedge. */
  onTry?(target: TargetPlan, why: TryReason): void;
}

export type TryReason = "first" | "retry" | "hedge";

export interface GroupCall extends UpstreamCall {
  /** The one whose answer was passed on, or that was tried last. */
  readonly target: TargetPlan | undefined;
  /** Tries begun, the first one included. */
  readonly tries: number;
}

/** Asks services, pipelines and tasks; a retry is asked as a new request. */
export interface NamedTargets {
  ask(target: NamedTarget, request: NamedRequest, events: UpstreamEvents): UpstreamCall;
}

export interface NamedRequest {
  readonly head: RequestHead;
  readonly body?: BodySource | undefined;
  readonly timeouts: UpstreamTimeouts;
  readonly context?: NamedContext | undefined;
  /** Tries of the same request before this one. */
  readonly resends?: number | undefined;
}

export interface NamedCaller {
  readonly name: string;
  readonly claims: Readonly<Record<string, unknown>>;
  /** What a token of the cluster allows; undefined for callers that others vouch for. */
  readonly cluster?: { readonly access: string; readonly scopes: readonly string[] } | undefined;
}

/** What named targets know of a request beside its head. */
export interface NamedContext {
  /** Its id. */
  readonly route?: string | undefined;
  /** Of the route's pattern. */
  readonly params: Readonly<Record<string, string>>;
  readonly caller?: NamedCaller | undefined;
}

/** For people and logs; the state is in `standing()`. */
export type TargetEvent =
  | { readonly type: "health"; readonly target: TargetPlan; readonly to: HealthState; readonly reason: string }
  | { readonly type: "breaker"; readonly target: TargetPlan; readonly to: BreakerState; readonly reason: string }
  | { readonly type: "ejected"; readonly target: TargetPlan; readonly reason: string; readonly untilMs: number }
  | { readonly type: "returned"; readonly target: TargetPlan; readonly reason: string }
  | { readonly type: "mirror_failed"; readonly target: TargetPlan; readonly failure: Failure };

/** What active checks say of a target: by its id, which is the same in all processes that go by the same file. */
export interface TargetHealth {
  readonly id: string;
  readonly health: HealthState;
  readonly reason: string;
}

export interface TargetStanding {
  readonly target: TargetPlan;
  /** `unknown` also without active checks. */
  readonly health: HealthState;
  readonly healthReason: string;
  readonly isEjected: boolean;
  readonly ejection: string;
  readonly breaker: BreakerState;
  /** Tries under way, until the end of the reply. */
  readonly inflight: number;
  /** Tries. */
  readonly asked: number;
  /** Of these: no reply, or one that is the target's fault. */
  readonly failed: number;
  /** From the beginning of a try to the reply's head. */
  readonly latency: Histogram;
}

export interface GroupCounts {
  readonly requests: number;
  readonly retries: number;
  readonly hedges: number;
  /** Hedges whose answer was the one passed on. */
  readonly hedgesWon: number;
  /** Retries and hedges that the budget refused. */
  readonly unbudgeted: number;
  /** Retries that were not possible because the body was too long to be kept. */
  readonly unkept: number;
  readonly mirrored: number;
  /** Copies not sent: body too large, or too many under way. */
  readonly mirrorsSkipped: number;
  readonly noTarget: number;
}
