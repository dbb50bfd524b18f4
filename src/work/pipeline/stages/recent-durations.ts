/**
 * How long something took lately: two histograms that take turns, so that what is told is of the last ten to twenty seconds and an hour
 * without trouble does not hide a bad minute. Two quantiles are all that leaves it: they cost nothing to report four times a second.
 */
import type { Clock } from "../../../base/clock.ts";
import { Histogram } from "../../../base/histogram.ts";

/** Long enough for some hundred batches of a slow stage, short enough to see what has just begun. */
const TURN_MS = 10_000;

export interface Quantiles {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export class RecentDurations {
  readonly #clock: Pick<Clock, "monotonic">;
  #before = new Histogram();
  #now = new Histogram();
  #turnMs: number;

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
    this.#turnMs = clock.monotonic() + TURN_MS;
  }

  /** Of something that began then, by the same clock. */
  record(startedMs: number): void {
    const nowMs = this.#clock.monotonic();
    this.#turn(nowMs);
    this.#now.record(nowMs - startedMs);
  }

  /** Undefined when nothing was done lately. */
  quantiles(): Quantiles | undefined {
    this.#turn(this.#clock.monotonic());
    const all = new Histogram();
    all.merge(this.#before);
    all.merge(this.#now);
    if (all.total === 0) return undefined;
    return { p50Ms: all.quantileMs(0.5), p99Ms: all.quantileMs(0.99) };
  }

  #turn(nowMs: number): void {
    if (nowMs < this.#turnMs) return;
    this.#before = nowMs < this.#turnMs + TURN_MS ? this.#now : new Histogram();
    this.#now = new Histogram();
    this.#turnMs = nowMs + TURN_MS;
  }
}
