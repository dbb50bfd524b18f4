/**
 * Calls and failures of the last while, in a fixed number of buckets: however many calls there are, it stays this small. The
 * price is that the window's far end moves a bucket at a time.
 */
import type { RateOptions } from "./options.ts";

/** A window ends at most a tenth of itself too early: exact enough for a share of failures. */
export const RATE_BUCKETS = 10;

export class RateWindow {
  readonly #options: RateOptions;
  readonly #bucketMs: number;
  readonly #calls = new Uint32Array(RATE_BUCKETS);
  readonly #failures = new Uint32Array(RATE_BUCKETS);
  /** Number of the newest bucket, counted from time 0. */
  #newest = 0;

  constructor(options: RateOptions) {
    this.#options = options;
    this.#bucketMs = options.windowMs / RATE_BUCKETS;
  }

  add(failed: boolean, nowMs: number): void {
    this.#moveTo(nowMs);
    const at = this.#newest % RATE_BUCKETS;
    this.#calls[at]!++;
    if (failed) this.#failures[at]!++;
  }

  exceeded(nowMs: number): boolean {
    this.#moveTo(nowMs);
    const { failureRate, minimumCalls } = this.#options;
    const calls = sum(this.#calls);
    return calls >= minimumCalls && sum(this.#failures) >= failureRate * calls;
  }

  clear(): void {
    this.#calls.fill(0);
    this.#failures.fill(0);
  }

  #moveTo(nowMs: number): void {
    const wanted = Math.floor(nowMs / this.#bucketMs);
    if (wanted - this.#newest >= RATE_BUCKETS) this.clear();
    else
      for (let bucket = this.#newest + 1; bucket <= wanted; bucket++)
        this.#calls[bucket % RATE_BUCKETS] = this.#failures[bucket % RATE_BUCKETS] = 0;
    this.#newest = Math.max(this.#newest, wanted);
  }
}

function sum(counts: Uint32Array): number {
  return counts.reduce((total, count) => total + count, 0);
}
