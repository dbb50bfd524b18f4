/** A clock that moves only when a test says so. */
import type { Clock, Timer } from "../../../../src/base/clock.ts";

export class HandClock implements Clock {
  #ms = 0;
  now(): number {
    return this.#ms;
  }
  monotonic(): number {
    return this.#ms;
  }
  after(): Timer {
    throw new Error("this clock has no timers");
  }
  advance(ms: number): void {
    this.#ms += ms;
  }
}
