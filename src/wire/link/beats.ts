/** Heart-beats of one link: one is sent each interval, whatever else is sent; a peer that says nothing for many is dead. */
import type { Clock, Timer } from "../../base/clock.ts";
import { BEAT_INTERVAL_MS, BEATS_MISSED_MAX } from "./limits.ts";

export interface BeatsPorts {
  readonly beat: () => void;
  readonly silent: (silentMs: number) => void;
}

export class Beats {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #ports: BeatsPorts;
  #timer: Timer;
  /** Monotonic time at which anything last came. */
  heardMs: number;

  constructor(clock: Clock, intervalMs: number | undefined, ports: BeatsPorts) {
    this.#clock = clock;
    this.#intervalMs = intervalMs ?? BEAT_INTERVAL_MS;
    this.#ports = ports;
    this.heardMs = clock.monotonic();
    this.#timer = this.#arm();
  }

  heard(): number {
    this.heardMs = this.#clock.monotonic();
    return this.heardMs;
  }

  stop(): void {
    this.#timer.cancel();
  }

  #arm(): Timer {
    return this.#clock.after(this.#intervalMs, () => {
      this.#timer = this.#arm();
      const silentMs = this.#clock.monotonic() - this.heardMs;
      if (silentMs > this.#intervalMs * BEATS_MISSED_MAX) this.#ports.silent(silentMs);
      else this.#ports.beat();
    });
  }
}
