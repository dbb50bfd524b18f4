/**
 * How many retries there may be: a share of the calls of the last while, and a few in any case (Finagle's RetryBudget). When all
 * calls fail, retrying all of them would multiply the load of what is down already. Time comes in as an argument.
 */
import { assert } from "../../base/errors.ts";

export interface BudgetOptions {
  /** Retries for each call within the window, 0 to 1. */
  readonly share: number;
  /** Retries within the window in any case. */
  readonly reserve: number;
  readonly windowMs: number;
}

/** The window's far end moves a tenth of it at a time. */
const SLOTS = 10;

export class RetryBudget {
  readonly #options: BudgetOptions;
  readonly #slotMs: number;
  readonly #calls = new Float64Array(SLOTS);
  readonly #retries = new Float64Array(SLOTS);
  /** Number of the slot that the latest input fell into, counted from the start of the clock. */
  #slot = 0;
  /** Of all slots. */
  #callsTotal = 0;
  #retriesTotal = 0;

  constructor(options: BudgetOptions) {
    const { reserve, share, windowMs } = options;
    assert(share >= 0 && share <= 1 && reserve >= 0 && windowMs > 0, () => `no budget: ${JSON.stringify(options)}`);
    this.#options = options;
    this.#slotMs = windowMs / SLOTS;
  }

  called(nowMs: number): void {
    this.#turn(nowMs);
    this.#calls[this.#slot % SLOTS]!++;
    this.#callsTotal++;
  }

  /** Takes one, if there is one. */
  take(nowMs: number): boolean {
    this.#turn(nowMs);
    const { reserve, share } = this.#options;
    if (this.#retriesTotal >= reserve + share * this.#callsTotal) return false;
    this.#retries[this.#slot % SLOTS]!++;
    this.#retriesTotal++;
    return true;
  }

  /** What fell out of the window counts no more. */
  #turn(nowMs: number): void {
    const slot = Math.floor(nowMs / this.#slotMs);
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
