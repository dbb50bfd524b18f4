/** A clock with timers that moves only when a test says so. */
import type { Clock, Timer } from "../../../../src/base/clock.ts";

interface Pending {
  readonly atMs: number;
  readonly callback: () => void;
}

export class TimerClock implements Clock {
  readonly #pending = new Set<Pending>();
  #ms = 1_000;

  now(): number {
    return this.#ms;
  }

  monotonic(): number {
    return this.#ms;
  }

  after(delayMs: number, callback: () => void): Timer {
    const pending = { atMs: this.#ms + delayMs, callback };
    this.#pending.add(pending);
    return { cancel: () => void this.#pending.delete(pending) };
  }

  get timers(): number {
    return this.#pending.size;
  }

  /** Runs what falls due on the way, in order. */
  advance(ms: number): void {
    const untilMs = this.#ms + ms;
    for (;;) {
      const due = [...this.#pending].filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (!due) break;
      this.#pending.delete(due);
      this.#ms = due.atMs;
      due.callback();
    }
    this.#ms = untilMs;
  }
}
