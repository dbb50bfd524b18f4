/** One place of one version of a service, as calls go there: how many are under way, and its circuit breaker. A balancer's candidate. */
import type { Candidate } from "../../../protocol/balance/index.ts";
import { Breaker, type BreakerOptions, type BreakerState } from "../../../protocol/breaker/index.ts";
import { isCallable, type Place } from "../registry/index.ts";
import type { Outcome } from "./outcome.ts";

export interface TargetCounts {
  readonly node: string;
  readonly service: string;
  readonly version: string;
  readonly healthy: number;
  readonly outstanding: number;
  readonly breaker: BreakerState;
  readonly opened: number;
  readonly isEjected: boolean;
}

export class Target implements Candidate {
  readonly id: string;
  readonly instance: string;
  readonly isSelf: boolean;
  readonly breaker: Breaker;
  outstanding = 0;
  place: Place;
  /** When the last process there, or the link to it, was found to have ended. */
  #endedMs = Number.NEGATIVE_INFINITY;

  constructor(place: Place, options: BreakerOptions) {
    this.id = place.node;
    this.instance = place.instance;
    this.isSelf = place.isSelf;
    this.place = place;
    this.breaker = new Breaker(options);
  }

  /** Its processes. */
  get weight(): number {
    return this.place.offer.healthy;
  }

  get isCallable(): boolean {
    return isCallable(this.place);
  }

  get tags(): readonly string[] {
    return this.place.offer.description.tags;
  }

  /** Its breaker would refuse now, without asking it. */
  isOpen(nowMs: number): boolean {
    return this.breaker.state === "open" && nowMs < (this.breaker.nextDeadlineMs ?? nowMs);
  }

  /** Processes that failed are replaced by new ones: what was held against them is over. */
  update(place: Place, nowMs: number): void {
    const isBack = !isCallable(this.place) && isCallable(place);
    this.place = place;
    if (isBack) this.breaker.step({ type: "reset" }, nowMs);
  }

  /** A ticket, or undefined. */
  admit(nowMs: number): number | undefined {
    const { decision } = this.breaker.admit(nowMs);
    return decision.type === "admitted" ? decision.ticket : undefined;
  }

  answered(ticket: number, outcome: Outcome | undefined, nowMs: number, durationMs = 0): void {
    if (outcome === undefined || outcome.verdict === "succeeded")
      this.breaker.step({ type: "succeeded", ticket }, nowMs);
    else if (outcome.verdict === "cancelled" || this.#isOldNews(outcome, nowMs, durationMs))
      this.breaker.step({ type: "cancelled", ticket }, nowMs);
    else this.breaker.step({ type: "failed", ticket, reason: outcome.failure.code }, nowMs);
  }

  /**
   * One process that ends takes all its calls with it. That is one failure and not as many as it had calls: the other processes of the
   * place are well, and a breaker that opens on it would keep calls from them.
   */
  #isOldNews({ failure }: Outcome, nowMs: number, durationMs: number): boolean {
    if (failure.code !== "service.exited") return false;
    const hasBegunBefore = nowMs - durationMs < this.#endedMs;
    if (!hasBegunBefore) this.#endedMs = nowMs;
    return hasBegunBefore;
  }
}
