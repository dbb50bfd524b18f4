/**
 * OTP's restart intensity: at most `maxRestarts` within any `periodMs`. One more says that restarting does not help, and
 * the supervisor gives up. Bounded: it remembers no more than `maxRestarts` times.
 */
import { assert } from "../../base/errors.ts";

export class RestartWindow {
  readonly #maxRestarts: number;
  readonly #periodMs: number;
  readonly #timesMs: number[] = [];

  constructor(maxRestarts: number, periodMs: number) {
    assert(Number.isInteger(maxRestarts) && maxRestarts >= 0, `maxRestarts is ${maxRestarts}`);
    assert(periodMs > 0, `restartPeriodMs is ${periodMs}`);
    this.#maxRestarts = maxRestarts;
    this.#periodMs = periodMs;
  }

  /** Counts a restart at `nowMs`, or says no when it would be one too many. */
  admit(nowMs: number): boolean {
    const firstInPeriod = this.#timesMs.findIndex((timeMs) => nowMs - timeMs < this.#periodMs);
    this.#timesMs.splice(0, firstInPeriod === -1 ? this.#timesMs.length : firstInPeriod);
    if (this.#timesMs.length >= this.#maxRestarts) return false;
    this.#timesMs.push(nowMs);
    return true;
  }
}
