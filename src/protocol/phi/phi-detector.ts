/**
 * The φ accrual failure detector (Hayashibara and others, 2004): not "dead or alive", but how unlikely this silence is, given
 * how regularly heart-beats came so far. φ = -log10(chance that a heart-beat comes even later): 1 is wrong once in ten
 * silences, 8 once in a hundred million. The caller decides which φ means what.
 *
 * Intervals are held to be normally distributed, with a mean shifted by the pause that is acceptable and a deviation of at
 * least `deviationMsMin`. A silence longer than that is no interval of the same kind and does not enter the window.
 */
import { Failure } from "../../base/errors.ts";

export interface PhiOptions {
  /** Expected before any interval is known. */
  readonly firstIntervalMs: number;
  /** A silence this much longer than usual is nothing: garbage collection, a busy processor. */
  readonly acceptablePauseMs: number;
  /** Very regular heart-beats must not make φ jump at the first one that is a little late. */
  readonly deviationMsMin: number;
  /** Intervals remembered. */
  readonly windowSize: number;
  /** An interval that ends at a higher φ than this does not enter the window. */
  readonly learnPhiMax: number;
}

/** For heart-beats each second: a silence of four seconds is nearly nothing, one of six is nearly certain. */
export const defaultPhiOptions: PhiOptions = {
  firstIntervalMs: 1_000,
  acceptablePauseMs: 3_000,
  deviationMsMin: 200,
  windowSize: 200,
  learnPhiMax: 8,
};

export class PhiDetector {
  readonly #options: PhiOptions;
  readonly #intervals: Float64Array;
  #count = 0;
  #next = 0;
  #sum = 0;
  #squares = 0;
  #lastMs: number | undefined;

  constructor(options: Partial<PhiOptions> = {}) {
    this.#options = { ...defaultPhiOptions, ...options };
    assertValid(this.#options);
    this.#intervals = new Float64Array(this.#options.windowSize);
    const { firstIntervalMs } = this.#options;
    // Two made-up intervals around the expected one, so that the first real ones neither surprise nor decide.
    this.#learn(firstIntervalMs - firstIntervalMs / 4);
    this.#learn(firstIntervalMs + firstIntervalMs / 4);
  }

  /** When the last heart-beat came; undefined before the first one. */
  get lastMs(): number | undefined {
    return this.#lastMs;
  }

  get meanMs(): number {
    return this.#sum / this.#count;
  }

  get deviationMs(): number {
    const variance = this.#squares / this.#count - this.meanMs ** 2;
    return Math.max(this.#options.deviationMsMin, Math.sqrt(Math.max(0, variance)));
  }

  /** A sign of life. One that is older than the last changes nothing. */
  heartbeat(nowMs: number): void {
    if (this.#lastMs !== undefined) {
      if (nowMs < this.#lastMs) return;
      if (this.phi(nowMs) < this.#options.learnPhiMax) this.#learn(nowMs - this.#lastMs);
    }
    this.#lastMs = nowMs;
  }

  /** 0 before the first heart-beat: nothing was promised. Grows without end with the silence. */
  phi(nowMs: number): number {
    if (this.#lastMs === undefined) return 0;
    const lateMs = nowMs - this.#lastMs - this.meanMs - this.#options.acceptablePauseMs;
    return phiOf(lateMs / this.deviationMs);
  }

  /** When φ will reach this unless a heart-beat comes; undefined before the first one. */
  reachesMs(phi: number): number | undefined {
    if (this.#lastMs === undefined) return undefined;
    return this.#lastMs + this.meanMs + this.#options.acceptablePauseMs + deviationsAt(phi) * this.deviationMs;
  }

  /** Another process is behind it now: what it was like before says nothing. */
  reset(): void {
    const { firstIntervalMs } = this.#options;
    this.#count = this.#next = this.#sum = this.#squares = 0;
    this.#lastMs = undefined;
    this.#learn(firstIntervalMs - firstIntervalMs / 4);
    this.#learn(firstIntervalMs + firstIntervalMs / 4);
  }

  #learn(intervalMs: number): void {
    const intervals = this.#intervals;
    if (this.#count === intervals.length) {
      const oldest = intervals[this.#next]!;
      this.#sum -= oldest;
      this.#squares -= oldest ** 2;
    } else this.#count++;
    intervals[this.#next] = intervalMs;
    this.#sum += intervalMs;
    this.#squares += intervalMs ** 2;
    this.#next = (this.#next + 1) % intervals.length;
    if (this.#next === 0) this.#sumAnew();
  }

  /** Once in each turn of the window: what rounding has added up goes. */
  #sumAnew(): void {
    this.#sum = this.#squares = 0;
    for (const each of this.#intervals) {
      this.#sum += each;
      this.#squares += each ** 2;
    }
  }
}

/**
 * φ of a silence that is so many deviations longer than expected. The logistic approximation of the normal distribution
 * (error below 0.00014), with its logarithm taken by parts, so that it neither ends at what a double can hold nor jumps.
 */
export function phiOf(deviations: number): number {
  const exponent = deviations * (1.5976 + 0.070566 * deviations ** 2);
  return exponent > 0
    ? (exponent + Math.log1p(Math.exp(-exponent))) / Math.LN10
    : Math.log1p(Math.exp(exponent)) / Math.LN10;
}

/** The inverse of `phiOf`: where it reaches `phi`, by halving. */
function deviationsAt(phi: number): number {
  let low = -DEVIATIONS_MAX;
  let high = DEVIATIONS_MAX;
  for (let step = 0; step < HALVINGS; step++) {
    const middle = (low + high) / 2;
    if (phiOf(middle) < phi) low = middle;
    else high = middle;
  }
  return high;
}

/** φ is above 4 million there: nobody asks for more. */
const DEVIATIONS_MAX = 512;
/** 1,024 deviations halved so often are a millionth of one. */
const HALVINGS = 30;

function assertValid({
  acceptablePauseMs,
  deviationMsMin,
  firstIntervalMs,
  learnPhiMax,
  windowSize,
}: PhiOptions): void {
  const faults = [
    ...(firstIntervalMs > 0 ? [] : [`firstIntervalMs ${firstIntervalMs}, milliseconds above 0 are required`]),
    ...(acceptablePauseMs >= 0 ? [] : [`acceptablePauseMs ${acceptablePauseMs}, milliseconds from 0 are required`]),
    ...(deviationMsMin > 0 ? [] : [`deviationMsMin ${deviationMsMin}, milliseconds above 0 are required`]),
    ...(learnPhiMax > 0 ? [] : [`learnPhiMax ${learnPhiMax}, a number above 0 is required`]),
    ...(Number.isSafeInteger(windowSize) && windowSize >= 2 && windowSize <= WINDOW_MAX
      ? []
      : [`windowSize ${windowSize}, a whole number from 2 to ${WINDOW_MAX} is required`]),
  ];
  if (faults.length > 0) throw new Failure("phi.invalid_options", `cannot build the φ detector: ${faults.join("; ")}`);
}

/** 80 KB for each peer; more heart-beats say nothing that these do not. */
const WINDOW_MAX = 10_000;
