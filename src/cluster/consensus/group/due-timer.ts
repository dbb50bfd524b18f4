/** Rings when something is due in the state, on the group's clock; set anew only for something earlier. */
import type { Clock, Timer } from "../../../base/clock.ts";

export class DueTimer {
  readonly #clock: Pick<Clock, "after">;
  readonly #ring: () => void;
  #timer: Timer | undefined;
  #dueMs = Number.POSITIVE_INFINITY;
  #notBeforeMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, "after">, ring: () => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  arm(dueMs: number, nowMs: number): void {
    const atMs = Math.max(dueMs, this.#notBeforeMs);
    if (atMs >= this.#dueMs) return;
    this.cancel();
    this.#dueMs = atMs;
    this.#timer = this.#clock.after(Math.max(0, atMs - nowMs), () => {
      this.#dueMs = Number.POSITIVE_INFINITY;
      this.#ring();
    });
  }

  /** Does not ring before, whatever is due: the last ring led to nothing. */
  rest(untilMs: number): void {
    this.#notBeforeMs = untilMs;
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#dueMs = Number.POSITIVE_INFINITY;
  }
}
