/**
 * What plots show: the values of the last quarter of an hour, by name. A sample has what was known at its time; what it lacks is a gap
 * in the line. Oldest samples go first, and names beyond the limit are not kept.
 */

/** A quarter of an hour at one a second. */
export const SAMPLES_MAX = 900;
/** Names in one sample: four for each of 75 stages; with all samples this is a few megabytes. */
export const SERIES_MAX = 300;

interface Sample {
  readonly atMs: number;
  readonly values: ReadonlyMap<string, number>;
}

/** As uPlot takes it: seconds, then one list for each name, null where nothing is known. */
export type Columns = readonly [times: number[], ...values: (number | null)[][]];

export class History {
  readonly #samplesMax: number;
  readonly #seriesMax: number;
  #samples: Sample[] = [];

  constructor(samplesMax: number = SAMPLES_MAX, seriesMax: number = SERIES_MAX) {
    this.#samplesMax = samplesMax;
    this.#seriesMax = seriesMax;
  }

  get length(): number {
    return Math.min(this.#samples.length, this.#samplesMax);
  }

  /** Times only grow: a clock that was set back begins a new history. */
  push(atMs: number, values: ReadonlyMap<string, number>): void {
    const last = this.#samples.at(-1);
    if (last && atMs <= last.atMs) this.#samples = [];
    const kept = values.size <= this.#seriesMax ? values : new Map([...values].slice(0, this.#seriesMax));
    this.#samples.push({ atMs, values: kept });
    if (this.#samples.length > 2 * this.#samplesMax) this.#samples = this.#samples.slice(-this.#samplesMax);
  }

  /** What came at `sinceMs` or later. */
  columns(names: readonly string[], sinceMs: number): Columns {
    const samples = this.#samples.slice(-this.#samplesMax).filter(({ atMs }) => atMs >= sinceMs);
    return [
      samples.map(({ atMs }) => atMs / 1000),
      ...names.map((name) => samples.map(({ values }) => values.get(name) ?? null)),
    ];
  }

  /** Whether one of them was other than nothing since then. */
  hasMoved(names: readonly string[], sinceMs: number): boolean {
    return this.#samples.some(
      ({ atMs, values }) => atMs >= sinceMs && names.some((name) => (values.get(name) ?? 0) > 0),
    );
  }

  latest(name: string): number | undefined {
    return this.#samples.at(-1)?.values.get(name);
  }

  /** How far a picture has to reach back to show all, but neither less than `leastMs` nor more than `mostMs`. */
  spanMs(nowMs: number, leastMs: number, mostMs: number): number {
    const first = this.#samples.at(-this.length)?.atMs ?? nowMs;
    return Math.min(mostMs, Math.max(leastMs, nowMs - first));
  }
}
