/** How late timers are: what everything else in the process has to wait for too. One timer twice a second costs nothing that can be measured. */
import type { Clock, Timer } from "../../base/clock.ts";
import { Histogram } from "../../base/histogram.ts";

/** Rare enough for an idle node, often enough to meet a stall that lasts. */
const LOOK_EVERY_MS = 500;

export class LoopLag {
  readonly late = new Histogram();
  readonly #clock: Pick<Clock, "monotonic" | "after">;
  #timer: Timer;

  /** Measures until it is closed. */
  constructor(clock: Pick<Clock, "monotonic" | "after">) {
    this.#clock = clock;
    this.#timer = this.#arm();
  }

  close(): void {
    this.#timer.cancel();
  }

  #arm(): Timer {
    const dueMs = this.#clock.monotonic() + LOOK_EVERY_MS;
    return this.#clock.after(LOOK_EVERY_MS, () => {
      this.late.record(Math.max(0, this.#clock.monotonic() - dueMs));
      this.#timer = this.#arm();
    });
  }
}
