/**
 * Durations in buckets of 5 % width: constant memory, mergeable, quantiles exact to 2.5 %. The idea is HdrHistogram's, with
 * a logarithm instead of bit tricks because it is fed once a batch, not once a record.
 */
const GROWTH = 1.05;
/** From 1 µs to more than a day in steps of 5 %. */
const BUCKETS = 512;
const LEAST_MS = 0.001;

export class Histogram {
  readonly #counts = new Float64Array(BUCKETS);
  #total = 0;
  #maxMs = 0;

  get total(): number {
    return this.#total;
  }

  get maxMs(): number {
    return this.#maxMs;
  }

  record(ms: number): void {
    const bucket = Math.ceil(Math.log(Math.max(ms, LEAST_MS) / LEAST_MS) / Math.log(GROWTH));
    const at = Math.min(BUCKETS - 1, bucket);
    this.#counts[at] = this.#counts[at]! + 1;
    this.#total++;
    this.#maxMs = Math.max(this.#maxMs, ms);
  }

  /** Milliseconds that the share `quantile` (0 to 1) of all durations does not exceed; 0 when there are none. */
  quantileMs(quantile: number): number {
    if (this.#total === 0) return 0;
    let left = Math.ceil(quantile * this.#total);
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      left -= this.#counts[bucket]!;
      if (left <= 0) return Math.min(this.#maxMs, LEAST_MS * GROWTH ** (bucket - 0.5));
    }
    return this.#maxMs;
  }
}
