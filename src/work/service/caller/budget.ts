/**
 * How many retries a service gets: a share of its calls of the last ten seconds, and a few in any case (Finagle's RetryBudget). When all
 * calls fail, retrying all of them would multiply the load of what is down already. Time comes in as an argument.
 */
import { BUDGET_RESERVE, BUDGET_SHARE, BUDGET_WINDOW_MS } from "./limits.ts";

const SLOTS = 10;
const SLOT_MS = BUDGET_WINDOW_MS / SLOTS;

export class RetryBudget {
  readonly #calls = new Float64Array(SLOTS);
  readonly #retries = new Float64Array(SLOTS);
  /** Number of the slot that the latest input fell into, counted from the start of the clock. */
  #slot = 0;
  /** Of all slots. */
  #callsTotal = 0;
  #retriesTotal = 0;

  called(nowMs: number): void {
    this.#turn(nowMs);
    this.#calls[this.#slot % SLOTS]!++;
    this.#callsTotal++;
  }

  /** Takes one, if there is one. */
  take(nowMs: number): boolean {
    this.#turn(nowMs);
    if (this.#retriesTotal >= BUDGET_RESERVE + BUDGET_SHARE * this.#callsTotal) return false;
    this.#retries[this.#slot % SLOTS]!++;
    this.#retriesTotal++;
    return true;
  }

  /** What fell out of the window counts no more. */
  #turn(nowMs: number): void {
    const slot = Math.floor(nowMs / SLOT_MS);
    if (slot === this.#slot) return;
    const from = Math.max(this.#slot + 1, slot - SLOTS + 1);
    for (let each = from; each <= slot; each++) {
      const at = each % SLOTS;
      this.#callsTotal -= this.#calls[at]!;
      this.#retriesTotal -= this.#retries[at]!;
      this.#calls[at] = 0;
      this.#retries[at] = 0;
    }
    this.#slot = slot;
  }
}
