/**
 * One timer for many deadlines: a timer for each request would cost more than the request. It is set for the earliest one
 * known; when it rings, whoever owns the deadlines looks through them and says which is next. Most are gone by then.
 */
import type { Clock, Timer } from "./clock.ts";

export class Deadlines {
  readonly #clock: Clock;
  readonly #sweep: (nowMs: number) => number;
  #timer: Timer | undefined;
  #dueMs = Number.POSITIVE_INFINITY;

  /** `sweep` ends what is due and gives back the earliest of those left, infinity when there are none. */
  constructor(clock: Clock, sweep: (nowMs: number) => number) {
    this.#clock = clock;
    this.#sweep = sweep;
  }

  note(dueMs: number): void {
    if (dueMs >= this.#dueMs) return;
    this.#timer?.cancel();
    this.#dueMs = dueMs;
    this.#timer = this.#clock.after(Math.max(0, dueMs - this.#clock.monotonic()), () => this.#ring());
  }

  #ring(): void {
    const nowMs = this.#clock.monotonic();
    const wasDueMs = this.#dueMs;
    this.#timer = undefined;
    this.#dueMs = Number.POSITIVE_INFINITY;
    // A timer may ring a little early by the clock that the deadlines are counted on.
    this.note(this.#sweep(Math.max(nowMs, wasDueMs)));
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#dueMs = Number.NEGATIVE_INFINITY;
  }
}
