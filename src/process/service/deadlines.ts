/** One timer for the deadlines of many calls, set for the earliest one known. When it rings, their owner looks through them. */
import type { Clock, Timer } from "../../base/clock.ts";

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

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#dueMs = Number.NEGATIVE_INFINITY;
  }

  /** A timer may ring a little early by the clock that the deadlines are counted on. */
  #ring(): void {
    const dueMs = this.#dueMs;
    this.#timer = undefined;
    this.#dueMs = Number.POSITIVE_INFINITY;
    this.note(this.#sweep(Math.max(this.#clock.monotonic(), dueMs)));
  }
}
