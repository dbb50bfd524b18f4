/**
 * What is known of one target: whether it may be asked now, and how its tries have gone. It is a candidate of the balancer itself, so that
 * a choice costs no objects.
 */
import { Histogram } from "../../../base/histogram.ts";
import type { Candidate } from "../../../protocol/balance/index.ts";
import {
  Breaker,
  type BreakerEffect,
  type BreakerInput,
  type BreakerOptions,
  type BreakerState,
} from "../../../protocol/breaker/index.ts";
import type { HealthState } from "../../../protocol/health/index.ts";
import type { TargetPlan } from "../words/index.ts";

/**
 * Half of at least twenty requests in ten seconds, or ten in a row: a target that is down is left alone within a moment, one with a few
 * faults is not. After five seconds a few requests try it again.
 */
const BREAKER: BreakerOptions = {
  rate: { failureRate: 0.5, minimumCalls: 20, windowMs: 10_000 },
  failureThreshold: 10,
  halfOpenAfterMs: 5_000,
  halfOpenCalls: 3,
  successThreshold: 3,
};

/** In the place of a ticket: there is no breaker. */
const NO_TICKET = 0;

export type BreakerListener = (state: TargetState, effect: BreakerEffect) => void;

export class TargetState implements Candidate {
  readonly plan: TargetPlan;
  readonly id: string;
  readonly weight: number;
  outstanding = 0;
  asked = 0;
  failed = 0;
  health: HealthState = "unknown";
  healthReason = "";
  readonly latency = new Histogram();
  readonly #breaker: Breaker | undefined;
  readonly #report: BreakerListener;

  constructor(plan: TargetPlan, id: string, hasBreaker: boolean, report: BreakerListener) {
    this.plan = plan;
    this.id = id;
    this.weight = plan.weight;
    this.#breaker = hasBreaker ? new Breaker(BREAKER) : undefined;
    this.#report = report;
  }

  get breaker(): BreakerState {
    return this.#breaker?.state ?? "closed";
  }

  get isHealthy(): boolean {
    return this.health !== "unhealthy";
  }

  /** A ticket; or undefined: not now. */
  admit(nowMs: number): number | undefined {
    if (this.#breaker === undefined) return NO_TICKET;
    const { decision, effects } = this.#breaker.admit(nowMs);
    for (const effect of effects) this.#report(this, effect);
    return decision.type === "admitted" ? decision.ticket : undefined;
  }

  /** When asking again can help. */
  retryAfterMs(nowMs: number): number | undefined {
    const dueMs = this.#breaker?.nextDeadlineMs;
    return dueMs === undefined ? undefined : Math.max(0, dueMs - nowMs);
  }

  succeeded(ticket: number, nowMs: number): void {
    if (ticket !== NO_TICKET) this.#tell({ type: "succeeded", ticket }, nowMs);
  }

  blamed(ticket: number, reason: string, nowMs: number): void {
    this.failed++;
    if (ticket !== NO_TICKET) this.#tell({ type: "failed", ticket, reason }, nowMs);
  }

  /** It says nothing of the target. */
  cancelled(ticket: number, nowMs: number): void {
    if (ticket !== NO_TICKET) this.#tell({ type: "cancelled", ticket }, nowMs);
  }

  #tell(input: BreakerInput, nowMs: number): void {
    for (const effect of this.#breaker!.step(input, nowMs)) this.#report(this, effect);
  }
}
