/** Rings when something is due in the state, on the group's clock; set anew only for something earlier. */
import type { Clock, Timer } from "../../../base/clock.ts";

export class DueTimer {
  readonly #clock: Pick<Clock, "after">;
  readonly #ring: () => void;
  #timer: Timer | undefined;
  #dueMs = Number.POSITIVE_INFINITY;

  constructor(clock: Pick<Clock, "after">, ring: () => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  arm(dueMs: number, nowMs: number): void {
    if (dueMs >= this.#dueMs) return;
    this.cancel();
    this.#dueMs = dueMs;
    this.#timer = this.#clock.after(Math.max(0, dueMs - nowMs), () => {
      this.#dueMs = Number.POSITIVE_INFINITY;
      this.#ring();
    });
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#dueMs = Number.POSITIVE_INFINITY;
  }
}
