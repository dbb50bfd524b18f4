/**
 * When the second tries of a route are due: all wait equally long, so they stand in a row, and one timer serves them all. Who needs none
 * leaves the row at once: it holds a request and its body.
 */
import type { Clock } from "../../../base/clock.ts";
import { Deadlines } from "../../../base/deadlines.ts";

export interface Hedged {
  hedge(): void;
}

export class HedgeTimers {
  readonly #delayMs: number;
  readonly #deadlines: Deadlines;
  /** When each is due, in the order in which they came. */
  readonly #row = new Map<Hedged, number>();

  constructor(clock: Clock, delayMs: number) {
    this.#delayMs = delayMs;
    this.#deadlines = new Deadlines(clock, (nowMs) => this.#sweep(nowMs));
  }

  /** Those that wait. */
  get size(): number {
    return this.#row.size;
  }

  add(hedged: Hedged, nowMs: number): void {
    const dueMs = nowMs + this.#delayMs;
    this.#row.set(hedged, dueMs);
    this.#deadlines.note(dueMs);
  }

  /** It is answered, or nobody waits for it. */
  remove(hedged: Hedged): void {
    this.#row.delete(hedged);
  }

  stop(): void {
    this.#row.clear();
    this.#deadlines.stop();
  }

  /** One that is hedged may end others that are due. */
  #sweep(nowMs: number): number {
    for (const [hedged, dueMs] of this.#row) {
      if (dueMs > nowMs) return dueMs;
      this.#row.delete(hedged);
      hedged.hedge();
    }
    return Number.POSITIVE_INFINITY;
  }
}
