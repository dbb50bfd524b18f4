/** The limits of a running gateway: the machine bound to a clock. A reload makes a new one out of the old one, which ends by itself. */
import type { Clock } from "../../../base/clock.ts";
import { Deadlines } from "../../../base/deadlines.ts";
import type { LimitPlan } from "../words/index.ts";
import { type CountedTogether, type LimitCounts, Limits } from "./limits.ts";
import type { RouteLimits } from "./route-limits.ts";
import type { LimitRequest, LimitVerdict } from "./words.ts";

export class GatewayLimits {
  readonly #clock: Clock;
  readonly #limits: Limits;
  readonly #deadlines: Deadlines;

  /** What `former` has counted goes on under limits that are still the same. */
  constructor(plans: readonly LimitPlan[], clock: Clock, former?: GatewayLimits) {
    this.#clock = clock;
    this.#limits = new Limits(plans, former === undefined ? undefined : former.#limits);
    this.#deadlines = new Deadlines(clock, (nowMs) => {
      this.#limits.tick(nowMs);
      return this.#limits.nextDeadlineMs;
    });
    this.#limits.onDue = () => this.#deadlines.note(this.#limits.nextDeadlineMs);
    if (former !== undefined) former.#limits.retire();
  }

  /** Looked up once, when the routes are made. Undefined: nothing limits this route. `kinds`: only those that count by this. */
  forRoute(id: string, kinds?: readonly LimitPlan["key"]["kind"][]): RouteLimits | undefined {
    return this.#limits.forRoute(id, kinds);
  }

  admit(route: RouteLimits, request: LimitRequest): LimitVerdict {
    return this.#limits.admit(route, request, this.#clock.monotonic());
  }

  /** Of every verdict that passed, when its exchange is over. */
  release(verdict: LimitVerdict): void {
    this.#limits.release(verdict);
  }

  /** Of a verdict that waits, when its client went. */
  cancel(verdict: LimitVerdict): void {
    this.#limits.cancel(verdict);
  }

  /** `withProcesses`: also those that other gateways do not count, for the other processes of this one. */
  countedTogether(withProcesses = false): CountedTogether {
    return this.#limits.countedTogether(withProcesses);
  }

  counts(): readonly LimitCounts[] {
    return this.#limits.counts();
  }

  stop(): void {
    this.#deadlines.stop();
  }
}
