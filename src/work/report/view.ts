/** A report as people and programs read it: percentiles, shares, ratios and rates worked out. Plain data. */
import { Histogram, type HistogramJson } from "../../base/histogram.ts";
import { faultsOf } from "./faults.ts";
import type {
  FailureRecord,
  NodeRecord,
  Report,
  ReportBytes,
  ReportCounts,
  ReportEvents,
  ReportHeader,
  SlowItem,
  StageCounts,
  StageRecord,
} from "./model.ts";

/** Milliseconds; all zero when there are none. */
export interface LatencyView {
  readonly count: number;
  readonly minMs: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

export interface StageView extends StageCounts {
  readonly stage: string;
  readonly retries: number;
  readonly restarts: number;
  readonly busyMs: number;
  /** Of batches. */
  readonly latency: LatencyView;
}

export interface NodeView {
  readonly node: string;
  /** Batches or tasks done. */
  readonly items: number;
  /** Of all items done, from 0 to 1. */
  readonly share: number;
  readonly rows: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly failures: number;
  readonly lateResults: number;
  readonly timesLost: number;
  readonly busyMs: number;
  readonly latency: LatencyView;
}

export interface ReportView extends Omit<ReportHeader, "endedMs"> {
  readonly endedMs?: number | undefined;
  readonly counts: ReportCounts;
  /** From 0 to 1: records that were not given up, or tasks done; undefined when there were none. */
  readonly successRatio?: number | undefined;
  /** Records or finished tasks in a second of its being at work. */
  readonly perSecond: number;
  readonly bytes: ReportBytes;
  readonly events: ReportEvents;
  readonly latency: LatencyView;
  readonly stages: readonly StageView[];
  readonly nodes: readonly NodeView[];
  readonly slowest: readonly SlowItem[];
  readonly failures: FailureRecord;
  /** Empty when everything adds up. */
  readonly faults: readonly string[];
}

export function viewOf(report: Report): ReportView {
  const { activeMs, bytes, counts, endedMs, events, failures, id, kind, name, places, run, slowest } = report;
  const latency = latencyView(report.latency);
  const successRatio = successRatioOf(report);
  return {
    ...{ id, kind, name, run, state: report.state, startedMs: report.startedMs, updatedMs: report.updatedMs },
    ...(endedMs !== undefined && { endedMs }),
    ...{ activeMs, places, counts, ...(successRatio !== undefined && { successRatio }) },
    perSecond: (passedThrough(report) / Math.max(1, activeMs)) * 1000,
    ...{ bytes, events, latency },
    stages: report.stages.map(stageView),
    nodes: report.nodes.map((node) => nodeView(node, latency.count)),
    ...{ slowest, failures, faults: faultsOf(report) },
  };
}

/** Of what is decided already. Records that a stage filtered out did what they should. */
export function successRatioOf({ counts, kind }: Pick<Report, "counts" | "kind">): number | undefined {
  const good = kind === "task" ? counts.done : counts.written + counts.filtered;
  const bad = counts.skipped + (kind === "task" ? counts.failed : counts.deadLettered);
  return good + bad === 0 ? undefined : good / (good + bad);
}

function passedThrough({ counts, kind }: Report): number {
  return kind === "task" ? counts.done + counts.failed : counts.in;
}

function stageView({ busyUs, counts, latency, name, restarts, retries }: StageRecord): StageView {
  return { stage: name, ...counts, retries, restarts, busyMs: busyUs / 1000, latency: latencyView(latency) };
}

function nodeView({ busyUs, latency: stored, name, ...sums }: NodeRecord, all: number): NodeView {
  const latency = latencyView(stored);
  const share = all === 0 ? 0 : latency.count / all;
  return { node: name, items: latency.count, share, ...sums, busyMs: busyUs / 1000, latency };
}

function latencyView(json: HistogramJson): LatencyView {
  const histogram = Histogram.fromJson(json);
  const [p50Ms, p90Ms, p99Ms, p999Ms] = [0.5, 0.9, 0.99, 0.999].map((quantile) => histogram.quantileMs(quantile));
  return {
    ...{ count: histogram.total, minMs: histogram.minMs, meanMs: histogram.meanMs },
    ...{ p50Ms: p50Ms!, p90Ms: p90Ms!, p99Ms: p99Ms!, p999Ms: p999Ms!, maxMs: histogram.maxMs },
  };
}
