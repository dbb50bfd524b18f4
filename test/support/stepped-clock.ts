/** A clock with timers that moves only when a test says so. */
import type { Clock, Timer } from "../../src/base/clock.ts";

interface Pending {
  readonly atMs: number;
  readonly callback: () => void;
}

export class SteppedClock implements Clock {
  #ms = 0;
  readonly #pending = new Set<Pending>();

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

  /** Set, and neither due nor cancelled. */
  get timers(): number {
    return this.#pending.size;
  }

  /** Time passes, and nobody is called back: a process that was not let run. They are called late, by the next `advance`. */
  sleep(ms: number): void {
    this.#ms += ms;
  }

  /** Calls back whoever is due on the way, in the order of their times. */
  advance(ms: number): void {
    const endMs = this.#ms + ms;
    for (;;) {
      const due = [...this.#pending].filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (!due) break;
      this.#pending.delete(due);
      this.#ms = Math.max(this.#ms, due.atMs);
      due.callback();
    }
    this.#ms = endMs;
  }
}
