/** What is counted for one stage and for one node. */
import { Histogram } from "../../base/histogram.ts";
import { addNumbers, type NodeRecord, noStageCounts, type StageCounts, type StageRecord } from "./model.ts";
import type { Tally } from "./named-tallies.ts";

export interface StageTotals {
  readonly retries: number;
  readonly restarts: number;
}

export class StageTally implements Tally<StageRecord> {
  /** Its place in the pipeline; undefined until somebody says so. */
  order: number | undefined;
  counts: StageCounts = noStageCounts();
  retries = 0;
  restarts = 0;
  readonly #name: string;
  readonly #latency = new Histogram();
  #busyUs = 0;
  #followed: StageTotals = { retries: 0, restarts: 0 };

  constructor(name: string) {
    this.#name = name;
  }

  /**
   * Takes running totals of somebody who counts from nothing: adds what is new since the last time, and gives that. A total
   * that is smaller than before has begun again.
   */
  follow(totals: StageTotals): StageTotals {
    const since = (now: number, before: number): number => (now < before ? now : now - before);
    const retries = since(totals.retries, this.#followed.retries);
    const restarts = since(totals.restarts, this.#followed.restarts);
    this.#followed = totals;
    this.retries += retries;
    this.restarts += restarts;
    return { retries, restarts };
  }

  worked(ms: number): void {
    this.#latency.record(ms);
    this.#busyUs += wholeUs(ms);
  }

  merge(json: StageRecord): void {
    if (json.order !== ORDER_UNKNOWN) this.order = Math.min(this.order ?? json.order, json.order);
    addNumbers(this.counts, json.counts);
    this.retries += json.retries;
    this.restarts += json.restarts;
    this.#busyUs += json.busyUs;
    this.#latency.merge(Histogram.fromJson(json.latency));
  }

  toJson(): StageRecord {
    const { counts, order = ORDER_UNKNOWN, restarts, retries } = this;
    const latency = this.#latency.toJson();
    return { name: this.#name, order, counts: { ...counts }, retries, restarts, busyUs: this.#busyUs, latency };
  }
}

/** Behind all that have a place. */
const ORDER_UNKNOWN = 1_000_000_000;

export class NodeTally implements Tally<NodeRecord> {
  failures = 0;
  lateResults = 0;
  timesLost = 0;
  readonly #name: string;
  readonly #sums = { rows: 0, bytesIn: 0, bytesOut: 0, busyUs: 0 };
  readonly #latency = new Histogram();

  constructor(name: string) {
    this.#name = name;
  }

  done(ms: number, rows: number, bytesIn: number, bytesOut: number): void {
    this.#latency.record(ms);
    this.#sums.rows += rows;
    this.#sums.bytesIn += bytesIn;
    this.#sums.bytesOut += bytesOut;
    this.#sums.busyUs += wholeUs(ms);
  }

  merge({ rows, bytesIn, bytesOut, busyUs, ...json }: NodeRecord): void {
    addNumbers(this.#sums, { rows, bytesIn, bytesOut, busyUs });
    this.failures += json.failures;
    this.lateResults += json.lateResults;
    this.timesLost += json.timesLost;
    this.#latency.merge(Histogram.fromJson(json.latency));
  }

  toJson(): NodeRecord {
    const { failures, lateResults, timesLost } = this;
    const latency = this.#latency.toJson();
    return { name: this.#name, ...this.#sums, failures, lateResults, timesLost, latency };
  }
}

function wholeUs(ms: number): number {
  return Math.round(ms * 1000);
}
