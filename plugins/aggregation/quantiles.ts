/**
 * Quantiles of a group. Up to 512 values are kept and the answer is exact (nearest rank: always one of the values); beyond, they
 * move into a DDSketch (Masson, Rim, Lee, VLDB 2019): counts in buckets whose bounds grow by a fixed ratio, so that an answer is
 * within 0.5 % of the true value, whatever the distribution. No randomness: the same values in any order give the same buckets.
 */
const EXACT_MAX = 512; // 4 KiB a group; a sketch of the same values is of that order too
const ACCURACY = 0.005;
const GAMMA = (1 + ACCURACY) / (1 - ACCURACY);
const LOG_GAMMA = Math.log(GAMMA);
/** Buckets of one sign: they span a factor of 10^17 within the accuracy; beyond, the smallest ones are merged. */
const BUCKETS_MAX = 4096;

export interface QuantilesState {
  readonly values?: readonly number[];
  readonly count?: number;
  readonly min?: number;
  readonly max?: number;
  readonly zeros?: number;
  readonly positive?: readonly (readonly [number, number])[];
  readonly negative?: readonly (readonly [number, number])[];
}

export class Quantiles {
  #values: number[] | undefined = [];
  #count = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;
  #zeros = 0;
  #positive = new Map<number, number>();
  #negative = new Map<number, number>();

  add(value: number): void {
    if (!Number.isFinite(value)) return;
    if (this.#values === undefined) this.#sketch(value);
    else if (this.#values.push(value) > EXACT_MAX) this.#sketchAll(this.#values);
  }

  #sketchAll(values: readonly number[]): void {
    this.#values = undefined;
    for (const each of values) this.#sketch(each);
  }

  /** The value below or at which the share `share` of all values lies; null when there are none. */
  quantile(share: number): number | null {
    if (this.#values === undefined) return this.#estimate(share);
    const sorted = this.#values.toSorted((a, b) => a - b);
    return sorted[rankOf(share, sorted.length)] ?? null;
  }

  #sketch(value: number): void {
    this.#count++;
    this.#min = Math.min(this.#min, value);
    this.#max = Math.max(this.#max, value);
    if (value === 0) this.#zeros++;
    else countIn(value > 0 ? this.#positive : this.#negative, Math.ceil(Math.log(Math.abs(value)) / LOG_GAMMA));
  }

  #estimate(share: number): number {
    let left = rankOf(share, this.#count);
    for (const [bucket, count] of inOrder(this.#negative, -1)) {
      left -= count;
      if (left < 0) return this.#clamp(-middleOf(bucket));
    }
    left -= this.#zeros;
    if (left < 0) return 0;
    for (const [bucket, count] of inOrder(this.#positive, 1)) {
      left -= count;
      if (left < 0) return this.#clamp(middleOf(bucket));
    }
    return this.#max;
  }

  #clamp(value: number): number {
    return Math.min(this.#max, Math.max(this.#min, value));
  }

  snapshot(): QuantilesState {
    if (this.#values !== undefined) return { values: this.#values };
    return {
      count: this.#count,
      min: this.#min,
      max: this.#max,
      zeros: this.#zeros,
      positive: inOrder(this.#positive, 1),
      negative: inOrder(this.#negative, 1),
    };
  }

  static restore(state: QuantilesState): Quantiles {
    const quantiles = new Quantiles();
    quantiles.#values = state.values && [...state.values];
    quantiles.#count = state.count ?? 0;
    quantiles.#min = state.min ?? Number.POSITIVE_INFINITY;
    quantiles.#max = state.max ?? Number.NEGATIVE_INFINITY;
    quantiles.#zeros = state.zeros ?? 0;
    quantiles.#positive = new Map(state.positive);
    quantiles.#negative = new Map(state.negative);
    return quantiles;
  }
}

/** Nearest rank, from 0. The small number takes back what 0.999 * 1000 is too much in doubles. */
function rankOf(share: number, count: number): number {
  return Math.min(count - 1, Math.max(0, Math.ceil(share * count - 1e-9) - 1));
}

function middleOf(bucket: number): number {
  return (2 * GAMMA ** bucket) / (GAMMA + 1);
}

function inOrder(buckets: ReadonlyMap<number, number>, direction: 1 | -1): [number, number][] {
  return [...buckets].sort(([a], [b]) => (a - b) * direction);
}

function countIn(buckets: Map<number, number>, bucket: number): void {
  const before = buckets.get(bucket);
  buckets.set(bucket, (before ?? 0) + 1);
  if (before !== undefined || buckets.size <= BUCKETS_MAX) return;
  const lowest = leastOf(buckets);
  const count = buckets.get(lowest)!;
  buckets.delete(lowest);
  const next = leastOf(buckets);
  buckets.set(next, buckets.get(next)! + count);
}

function leastOf(buckets: ReadonlyMap<number, number>): number {
  let least = Number.POSITIVE_INFINITY;
  for (const bucket of buckets.keys()) if (bucket < least) least = bucket;
  return least;
}
