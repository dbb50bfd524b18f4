/**
 * Metrics: numbers that somebody counts anyway, named and collected when they are asked for (Prometheus's model: pull, base units,
 * cumulative counters). Nothing is registered globally and nothing is counted twice: a collector reads what its subject counts.
 * What is said is bounded: beyond `SERIES_MAX` series are left out and their number is told. It refuses what a scraper would choke
 * on: families with bad names are defects, two series with the same labels, or a value that is no number, are left out.
 */
import type { Clock } from "./clock.ts";
import { assert } from "./errors.ts";
import type { Histogram } from "./histogram.ts";
import { printable } from "./printable.ts";

export type MetricKind = "counter" | "gauge" | "histogram";

export interface Family {
  readonly name: string;
  readonly kind: MetricKind;
  readonly help: string;
}

export interface CounterFamily extends Family {
  readonly kind: "counter";
}

export interface GaugeFamily extends Family {
  readonly kind: "gauge";
}

export interface HistogramFamily extends Family {
  readonly kind: "histogram";
}

export type Labels = Readonly<Record<string, string>>;

/** What a collector says its numbers to. */
export interface MetricsOut {
  /** One series; `undefined` is not known, and says nothing. */
  set(family: CounterFamily | GaugeFamily, value: number | undefined, labels?: Labels): void;
  /** Durations, told in seconds. `sumMs` where somebody knows it better than the histogram. */
  durations(family: HistogramFamily, histogram: Histogram, labels?: Labels, sumMs?: number): void;
}

/** Reads numbers that are there already: quick, and changes nothing. One that throws is told, and costs its own numbers only. */
export type Collect = (out: MetricsOut) => void;

export interface Buckets {
  /** How many lie at or below each of `BOUNDS_SECONDS`. */
  readonly atMost: readonly number[];
  readonly count: number;
  readonly sumSeconds: number;
}

export interface Series {
  /** By name. */
  readonly labels: Labels;
  readonly value: number | Buckets;
}

export interface CollectedFamily {
  readonly family: Family;
  /** By labels. */
  readonly series: readonly Series[];
}

/** By name. */
export type Metrics = readonly CollectedFamily[];

/** What one node says at most: a scraper takes it in milliseconds, and a store of a hundred nodes is not swamped. */
export const SERIES_MAX = 5_000;
/** A label's value is somebody's name; longer ones are cut. */
export const LABEL_CHARS_MAX = 256;
/** Seconds: from a call within the machine to a batch that takes a minute. */
export const BOUNDS_SECONDS: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];
const BOUNDS_MS = BOUNDS_SECONDS.map((seconds) => seconds * 1_000);
/** Buckets, the one without bound, sum and count. */
const SAMPLES_PER_HISTOGRAM = BOUNDS_SECONDS.length + 3;

const NAME = /^[a-z][a-z0-9_]*$/;
/** A double underscore in front is Prometheus's own. */
const LABEL = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/;
/** What a histogram's samples are called. */
const RESERVED = /_(?:bucket|sum|count|info|created)$/;

/** Ends in `_total`, after its unit if it has one. */
export function counter(name: string, help: string): CounterFamily {
  assert(name.endsWith("_total"), `the counter ${name} ends in _total`);
  return { ...familyOf(name, help), kind: "counter" };
}

/** Ends in its unit if it has one. */
export function gauge(name: string, help: string): GaugeFamily {
  assert(!name.endsWith("_total"), `the gauge ${name} does not end in _total`);
  return { ...familyOf(name, help), kind: "gauge" };
}

/** Of durations: ends in `_seconds`. */
export function histogram(name: string, help: string): HistogramFamily {
  assert(name.endsWith("_seconds"), `the histogram ${name} ends in _seconds`);
  return { ...familyOf(name, help), kind: "histogram" };
}

function familyOf(name: string, help: string): Pick<Family, "name" | "help"> {
  assert(NAME.test(name), `${name} is the name of a metric: small letters, digits and _`);
  assert(!RESERVED.test(name) || name.endsWith("build_info"), `${name} does not end as the parts of others do`);
  assert(help.length > 0, `${name} says what it is`);
  return { name, help };
}

const LEFT_OUT = gauge(
  "distributed_system_metrics_series_left_out",
  "Series of this scrape that were left out: beyond the limit, said twice, or no number.",
);
const FAILED = counter(
  "distributed_system_metrics_collector_failures_total",
  "Collectors that failed, by their names.",
);
const TOOK = gauge("distributed_system_metrics_collect_duration_seconds", "How long collecting took.");

export interface MetricRegistryOptions {
  readonly clock: Pick<Clock, "monotonic">;
  /** Told of each collector that fails, every time. */
  readonly report?: (what: string, thrown: unknown) => void;
  readonly seriesMax?: number;
}

export class MetricRegistry {
  readonly #options: MetricRegistryOptions;
  readonly #collectors = new Map<string, Collect>();
  readonly #failures = new Map<string, number>();

  constructor(options: MetricRegistryOptions) {
    this.#options = options;
  }

  /** Asked at each collection, until it is removed. A name stands for one collector. */
  add(name: string, collect: Collect): { remove(): void } {
    assert(!this.#collectors.has(name), `${name} names one collector`);
    this.#collectors.set(name, collect);
    return {
      remove: () => {
        if (this.#collectors.get(name) === collect) this.#collectors.delete(name);
      },
    };
  }

  /** All numbers at this moment. */
  collect(): Metrics {
    const { clock, report, seriesMax = SERIES_MAX } = this.#options;
    const startedMs = clock.monotonic();
    const collection = new Collection(seriesMax);
    for (const [name, collect] of this.#collectors) {
      try {
        collect(collection);
      } catch (thrown) {
        this.#failures.set(name, (this.#failures.get(name) ?? 0) + 1);
        report?.(`the collector ${name} failed`, thrown);
      }
    }
    return collection.end((own) => {
      for (const [reason, count] of Object.entries(collection.leftOut)) own.set(LEFT_OUT, count, { reason });
      for (const [collector, count] of this.#failures) own.set(FAILED, count, { collector });
      own.set(TOOK, (clock.monotonic() - startedMs) / 1_000);
    });
  }
}

interface Gathered {
  readonly family: Family;
  readonly series: Map<string, Series>;
}

class Collection implements MetricsOut {
  readonly leftOut = { limit: 0, duplicate: 0, value: 0 };
  readonly #families = new Map<string, Gathered>();
  #room: number;

  constructor(room: number) {
    this.#room = room;
  }

  set(family: CounterFamily | GaugeFamily, value: number | undefined, labels: Labels = {}): void {
    if (value === undefined) return;
    const isWrong = Number.isNaN(value) || (family.kind === "counter" && !(value >= 0 && value < Infinity));
    if (isWrong) this.leftOut.value++;
    else this.#take(family, 1, labels, () => value);
  }

  durations(family: HistogramFamily, durations: Histogram, labels: Labels = {}, sumMs: number = durations.sumMs): void {
    if (!(sumMs >= 0 && sumMs < Infinity)) {
      this.leftOut.value++;
      return;
    }
    this.#take(family, SAMPLES_PER_HISTOGRAM, labels, () => {
      return { atMost: durations.atMost(BOUNDS_MS), count: durations.total, sumSeconds: sumMs / 1_000 };
    });
  }

  /** The registry's own numbers come last, and always find room. */
  end(tellOwn: (out: MetricsOut) => void): Metrics {
    this.#room = Infinity;
    tellOwn(this);
    return [...this.#families.values()]
      .filter(({ series }) => series.size > 0)
      .toSorted((left, right) => byCode(left.family.name, right.family.name))
      .map(({ family, series }) => ({ family, series: byKey(series) }));
  }

  #take(family: Family, size: number, labels: Labels, value: () => Series["value"]): void {
    const fit = fitLabels(labels);
    const { series } = this.#gathered(family);
    const key = JSON.stringify(fit);
    if (series.has(key)) this.leftOut.duplicate++;
    else if (this.#room < size) this.leftOut.limit += size;
    else {
      this.#room -= size;
      series.set(key, { labels: fit, value: value() });
    }
  }

  #gathered(family: Family): Gathered {
    const known = this.#families.get(family.name);
    if (known) {
      assert(known.family === family, `${family.name} is defined once`);
      return known;
    }
    const made: Gathered = { family, series: new Map() };
    this.#families.set(family.name, made);
    return made;
  }
}

/** Sorted by name; values are foreign words, made fit to be shown and not too long. */
function fitLabels(labels: Labels): Labels {
  const names = Object.keys(labels).toSorted(byCode);
  for (const name of names) assert(LABEL.test(name) && name !== "le", `${name} is the name of a label`);
  return Object.fromEntries(names.map((name) => [name, fitValue(labels[name]!)]));
}

/** What nearly all labels are made of. */
const PLAIN = /^[ -~]*$/;

function fitValue(value: string): string {
  const fit = PLAIN.test(value) ? value : printable(value);
  return fit.length <= LABEL_CHARS_MAX ? fit : `${fit.slice(0, LABEL_CHARS_MAX - 1).toWellFormed()}…`;
}

function byKey(series: ReadonlyMap<string, Series>): readonly Series[] {
  return [...series].toSorted(([left], [right]) => byCode(left, right)).map(([, each]) => each);
}

function byCode(left: string, right: string): number {
  return left < right ? -1 : Number(left > right);
}
