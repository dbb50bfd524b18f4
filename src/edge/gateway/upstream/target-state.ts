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
import { LAST_RESORT_MAX } from "./limits.ts";

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
  /** It was tried before its time, in vain so far: now it has to wait. */
  #wasProbed = false;

  constructor(plan: TargetPlan, id: string, hasBreaker: boolean, report: BreakerListener) {
    this.plan = plan;
    this.id = id;
    this.weight = plan.weight;
    this.#breaker = hasBreaker ? new Breaker(BREAKER) : undefined;
    this.#report = report;
  }

  /** What was counted under the same id before. */
  goOnFrom({ asked, failed, latency }: TargetState): void {
    this.asked += asked;
    this.failed += failed;
    this.latency.merge(latency);
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
    this.#heed(effects);
    return decision.type === "admitted" ? decision.ticket : undefined;
  }

  /** Where nobody else can be asked: the sooner trial of a breaker that is open, or what a target that passes its checks can take beside it. */
  admitAnyway(nowMs: number): number | undefined {
    this.probe("no other target can be asked", nowMs);
    const ticket = this.admit(nowMs);
    if (ticket !== undefined) return ticket;
    return this.health === "healthy" && this.outstanding < LAST_RESORT_MAX ? NO_TICKET : undefined;
  }

  /** There is hope: a breaker that is open makes its trial now. Once until it closes, so that hope does not take its place. */
  probe(reason: string, nowMs: number): void {
    if (this.breaker !== "open" || this.#wasProbed) return;
    this.#wasProbed = true;
    this.#tell({ type: "probe", reason }, nowMs);
  }

  /** It was unhealthy and is not any more: what its breaker has seen is of the past. */
  recovered(nowMs: number): void {
    this.#wasProbed = false;
    this.probe("its health checks pass again", nowMs);
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
    this.#heed(this.#breaker!.step(input, nowMs));
  }

  #heed(effects: readonly BreakerEffect[]): void {
    for (const effect of effects) {
      if (effect.to === "closed") this.#wasProbed = false;
      this.#report(this, effect);
    }
  }
}
