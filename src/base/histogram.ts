/**
 * How often each duration came, in constant memory: quantiles are off by less than 1 %, and histograms of several processes
 * add up exactly. The idea is HdrHistogram's: buckets that double in width with every octave, 64 to an octave, so that
 * the relative error is the same from microseconds to years. Every histogram has the same buckets, so any two can be
 * merged, and the order of merging changes nothing: what is kept is whole counts, the least, the greatest, and a sum in whole
 * microseconds, which stays in this process.
 * It refuses what no duration can be, and what another layout has written.
 */
import { Failure } from "./errors.ts";

/** Steps in one octave, as a power of two. */
const STEP_BITS = 6;
const STEPS = 2 ** STEP_BITS;
/** Shorter durations share the first bucket: about a microsecond, and a power of two, so that scaling is exact. */
const LEAST_MS = 2 ** -10;
/** From `LEAST_MS` to `LIMIT_MS`. */
const OCTAVES = 50;
/** About 35 years: nothing that runs takes as long. */
const LIMIT_MS = LEAST_MS * 2 ** OCTAVES;
/** The first bucket lies below the octaves. */
const BUCKETS = 1 + OCTAVES * STEPS;
const POWERS: readonly number[] = Array.from({ length: OCTAVES }, (_, octave) => 2 ** octave);
const WORD_BITS = 31;
const WORD = 2 ** WORD_BITS;

/** Quantiles and the mean are off by no more than this share, or by `LEAST_MS` where that is more. */
export const HISTOGRAM_ERROR_MAX = 1 / (2 * STEPS);

const US_PER_MS = 1_000;

const VERSION = 1;

export interface HistogramJson {
  readonly version: typeof VERSION;
  readonly minMs: number;
  readonly maxMs: number;
  /** Pairs: how far behind the one before a bucket lies (the first one behind -1), and its count. Empty buckets are left out. */
  readonly buckets: readonly number[];
}

export class Histogram {
  /** By octave, made when something falls into it: durations of one kind lie in a few. */
  readonly #octaves: (Float64Array | undefined)[] = [];
  /** Shorter than `LEAST_MS`. */
  #least = 0;
  #total = 0;
  #minMs = Number.POSITIVE_INFINITY;
  #maxMs = 0;
  /** Whole numbers: they add up to the same in any order. */
  #sumUs = 0;

  /** Fails with `histogram.malformed` when it is not what `toJson` gives. `sumMs`: of the one that was written, where that is known. */
  static fromJson(json: unknown, sumMs?: number): Histogram {
    const histogram = new Histogram();
    const fault = histogram.#read(json);
    if (fault !== undefined) throw new Failure("histogram.malformed", `reading a histogram: ${fault}`);
    if (sumMs !== undefined && sumMs >= 0) histogram.#sumUs = Math.round(sumMs * US_PER_MS);
    return histogram;
  }

  get total(): number {
    return this.#total;
  }

  /** Exact; 0 when there are none. */
  get minMs(): number {
    return this.#total === 0 ? 0 : this.#minMs;
  }

  /** Exact; 0 when there are none. */
  get maxMs(): number {
    return this.#maxMs;
  }

  /** From the buckets, so that it is the same in whatever order histograms were merged. */
  get meanMs(): number {
    if (this.#total === 0) return 0;
    let sum = 0;
    for (const [bucket, count] of this.#filled()) sum += count * this.#valueOf(bucket);
    return sum / this.#total;
  }

  /** Of what was recorded here to the microsecond, and never less than before; of what came as JSON from its buckets. */
  get sumMs(): number {
    return this.#sumUs / US_PER_MS;
  }

  /** `count` durations of `ms`. Fails with `histogram.value` or `histogram.count`. */
  record(ms: number, count = 1): void {
    requireDuration(ms);
    if (!(Number.isSafeInteger(count) && count > 0)) throw countFailure(count);
    if (this.#total + count > Number.MAX_SAFE_INTEGER) throw countFailure(this.#total + count);
    this.#add(bucketOf(ms), count);
    this.#sumUs += Math.round(ms * US_PER_MS) * count;
    if (ms < this.#minMs) this.#minMs = ms;
    if (ms > this.#maxMs) this.#maxMs = ms;
  }

  /** Takes over what the other one holds. Fails with `histogram.count`, and changes nothing, when that is too much. */
  merge(other: Histogram): void {
    if (other.#total === 0) return;
    if (this.#total + other.#total > Number.MAX_SAFE_INTEGER) throw countFailure(this.#total + other.#total);
    for (const [bucket, count] of other.#filled()) this.#add(bucket, count);
    this.#sumUs += other.#sumUs;
    this.#minMs = Math.min(this.#minMs, other.#minMs);
    this.#maxMs = Math.max(this.#maxMs, other.#maxMs);
  }

  /** Milliseconds that the share `quantile` (0 to 1) of all durations does not exceed; 0 when there are none. */
  quantileMs(quantile: number): number {
    if (this.#total === 0) return 0;
    const rank = Math.min(this.#total, Math.max(1, Math.ceil(quantile * this.#total)));
    if (rank === this.#total) return this.#maxMs;
    if (rank === 1) return this.#minMs;
    let left = rank;
    for (const [bucket, count] of this.#filled()) {
      left -= count;
      if (left <= 0) return this.#valueOf(bucket);
    }
    return this.#maxMs;
  }

  /**
   * How many durations each bound is not exceeded by; `boundsMs` ascend. A bound inside a bucket takes all of the bucket: 1.6 % longer
   * ones at most count as well, and none is left out.
   */
  atMost(boundsMs: readonly number[]): number[] {
    const counts: number[] = [];
    let sum = 0;
    for (const [bucket, count] of this.#filled()) {
      while (counts.length < boundsMs.length && bucket > bucketWithin(boundsMs[counts.length]!)) counts.push(sum);
      sum += count;
    }
    while (counts.length < boundsMs.length) counts.push(sum);
    return counts;
  }

  toJson(): HistogramJson {
    const buckets: number[] = [];
    let before = -1;
    for (const [bucket, count] of this.#filled()) {
      buckets.push(bucket - before, count);
      before = bucket;
    }
    return { version: VERSION, minMs: this.minMs, maxMs: this.#maxMs, buckets };
  }

  #add(bucket: number, count: number): void {
    this.#total += count;
    if (bucket === 0) {
      this.#least += count;
      return;
    }
    const octave = (bucket - 1) >>> STEP_BITS;
    let steps = this.#octaves[octave];
    if (steps === undefined) {
      steps = new Float64Array(STEPS);
      this.#octaves[octave] = steps;
    }
    const step = (bucket - 1) & (STEPS - 1);
    steps[step] = steps[step]! + count;
  }

  /** Buckets that hold something, with their counts, the shortest first. */
  *#filled(): Generator<readonly [bucket: number, count: number]> {
    if (this.#least > 0) yield [0, this.#least];
    for (let octave = 0; octave < this.#octaves.length; octave++) {
      const steps = this.#octaves[octave];
      if (steps === undefined) continue;
      for (let step = 0; step < STEPS; step++) {
        if (steps[step]! > 0) yield [1 + octave * STEPS + step, steps[step]!];
      }
    }
  }

  /** What stands for a bucket: its middle, but never what was not recorded at either end. */
  #valueOf(bucket: number): number {
    return Math.min(this.#maxMs, Math.max(this.#minMs, middleOf(bucket)));
  }

  /** What is wrong with it, or undefined when all of it has been taken over. */
  #read(json: unknown): string | undefined {
    const { version, minMs, maxMs, buckets } = (json ?? {}) as Partial<Record<keyof HistogramJson, unknown>>; // checked here
    if (version !== VERSION) return `it has version ${JSON.stringify(version)}, ${VERSION} is required`;
    if (!Array.isArray(buckets) || buckets.length % 2 !== 0) return "pairs of gap and count are required";
    for (let at = 0, bucket = -1; at < buckets.length; at += 2) {
      const [gap, count] = [buckets[at], buckets[at + 1]] as unknown[];
      if (!isCount(gap) || !isCount(count))
        return `${JSON.stringify([gap, count])} is no pair of whole numbers above 0`;
      bucket += gap;
      if (bucket >= BUCKETS) return `bucket ${bucket} does not exist, there are ${BUCKETS}`;
      if (this.#total + count > Number.MAX_SAFE_INTEGER) return "it holds more than can be counted";
      this.#add(bucket, count);
    }
    if (this.#total === 0) return undefined;
    if (!isDuration(minMs) || !isDuration(maxMs)) return "minMs and maxMs must be durations";
    const filled = [...this.#filled()];
    const isWithin = bucketOf(minMs) === filled[0]![0] && bucketOf(maxMs) === filled.at(-1)![0] && minMs <= maxMs;
    if (!isWithin) return `minMs ${minMs} and maxMs ${maxMs} must lie in its first and last bucket`;
    [this.#minMs, this.#maxMs] = [minMs, maxMs];
    this.#sumUs = Math.round(this.meanMs * this.#total * US_PER_MS);
    return undefined;
  }
}

/** For who must know before anything is counted. Fails with `histogram.value`. */
export function requireDuration(ms: number): void {
  if (ms >= 0 && ms < LIMIT_MS) return;
  const allowed = `a duration from 0 to less than ${LIMIT_MS} ms is required`;
  throw new Failure("histogram.value", `recording ${ms} ms: ${allowed}`);
}

/** Exact: scaling by powers of two rounds nothing, so a duration on a border always falls to the same side. */
function bucketOf(ms: number): number {
  const units = ms / LEAST_MS;
  if (units < 1) return 0;
  const octave = units < WORD ? WORD_BITS - Math.clz32(units) : 2 * WORD_BITS - Math.clz32(units / WORD);
  return 1 + octave * STEPS + Math.floor((units / POWERS[octave]! - 1) * STEPS);
}

/** Bounds may lie beyond what can be recorded. */
function bucketWithin(ms: number): number {
  return ms >= LIMIT_MS ? BUCKETS : bucketOf(ms);
}

function middleOf(bucket: number): number {
  if (bucket === 0) return LEAST_MS / 2;
  const octave = (bucket - 1) >>> STEP_BITS;
  const step = (bucket - 1) & (STEPS - 1);
  return LEAST_MS * POWERS[octave]! * (1 + (step + 0.5) / STEPS);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0; // a number, says the first half
}

function isDuration(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value < LIMIT_MS;
}

function countFailure(count: number): Failure {
  const allowed = `a whole number from 1 to ${Number.MAX_SAFE_INTEGER} is required`;
  return new Failure("histogram.count", `counting ${count} durations: ${allowed}`);
}
