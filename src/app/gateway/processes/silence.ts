/**
 * Whether somebody who has something to say every second still says it. Seconds are counted by own ticks: while this process itself is not let
 * run, or the whole machine sleeps, one tick passes at most, and nobody's silence is counted longer.
 */
import type { Clock, Timer } from "../../../base/clock.ts";

const TICK_MS = 1_000;

export class Silence {
  readonly #clock: Clock;
  readonly #ticksMax: number;
  readonly #onSilent: () => void;
  #ticks = 0;
  #timer: Timer;

  /** Begins to count now; calls back once. */
  constructor(clock: Clock, silentMsMax: number, onSilent: () => void) {
    this.#clock = clock;
    this.#ticksMax = Math.ceil(silentMsMax / TICK_MS);
    this.#onSilent = onSilent;
    this.#timer = this.#next();
  }

  heard(): void {
    this.#ticks = 0;
  }

  stop(): void {
    this.#timer.cancel();
  }

  #next(): Timer {
    return this.#clock.after(TICK_MS, () => {
      if (++this.#ticks >= this.#ticksMax) return this.#onSilent();
      this.#timer = this.#next();
    });
  }
}
