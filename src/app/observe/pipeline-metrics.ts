/**
 * Pipelines of whoever runs them: a master, or a process with one pipeline. Where every record went, by stage and reason, committed
 * batches only; and how full the way is. Pipelines that are over stand in the numbers of states only.
 */
import type { Histogram } from "../../base/histogram.ts";
import { type Collect, counter, gauge, histogram, type Labels, type MetricsOut } from "../../base/metrics.ts";
import { type StageSample, tellStage } from "./stage-metrics.ts";

const PIPELINES = gauge("distributed_system_pipelines", "Pipelines that are known here, by state.");
const READ = counter(
  "distributed_system_pipeline_records_read_total",
  "Records that the source has given, malformed ones among them.",
);
const WRITTEN = counter("distributed_system_pipeline_records_written_total", "Records that the sink has taken.");
const READ_BYTES = gauge("distributed_system_pipeline_source_read_bytes", "How far the source has been read.");
const SOURCE_BYTES = gauge("distributed_system_pipeline_source_size_bytes", "Size of the source, where it has one.");
const REWINDS = counter(
  "distributed_system_pipeline_rewinds_total",
  "Times it went back to its checkpoint because an owner of stages was lost.",
);
const IN_FLIGHT = gauge("distributed_system_pipeline_batches_in_flight", "Batches between source and sink.");
const FILL = gauge("distributed_system_pipeline_fill_ratio", "Batches between source and sink, of those that may be.");
const HELD_BACK = counter(
  "distributed_system_pipeline_backpressure_seconds_total",
  "How long the source was kept from reading, because what is behind it was full.",
);
const BATCH = histogram(
  "distributed_system_pipeline_batch_duration_seconds",
  "From reading a batch to its place in the output.",
);
const RECEIVED = counter(
  "distributed_system_stage_records_received_total",
  "Records that a stage has taken in, of committed batches.",
);
const SENT = counter(
  "distributed_system_stage_records_sent_total",
  "Records that a stage has let out, of committed batches.",
);
const ADDED = counter(
  "distributed_system_stage_records_added_total",
  "Records that a stage has made, of committed batches.",
);
const DROPPED = counter(
  "distributed_system_stage_records_dropped_total",
  "Records that went no further, of committed batches, by reason: filtered, dead_lettered, skipped, malformed.",
);
const QUEUE_FILL = gauge(
  "distributed_system_stage_queue_fill_ratio",
  "Batches in a stage, of those that the pipeline may have under way.",
);

interface RecordCounts {
  readonly in: number;
  readonly out: number;
  readonly filtered: number;
  readonly deadLettered: number;
  readonly skipped: number;
  readonly added: number;
}

/** A run as it counts itself. */
export interface RunSample {
  readonly counts: {
    readonly source: RecordCounts;
    readonly written: number;
    readonly stages: readonly { readonly stage: string; readonly counts: RecordCounts }[];
  };
  progress(): {
    readonly readBytes: number;
    readonly totalBytes: number | undefined;
    readonly stages: readonly StageSample[];
    readonly latency: Histogram;
    readonly inFlight: number;
    readonly inFlightMax: number;
    readonly heldBackMs: number;
  };
}

export interface PipelineSample {
  readonly name: string;
  readonly state: string;
  readonly rewinds?: number | undefined;
  /** Of the life under way; undefined between two lives, and when it is over. */
  readonly run: RunSample | undefined;
}

const STATES = ["starting", "running", "retrying", "pausing", "paused", "ended", "failed", "cancelled"] as const;
/** The name under which records that could not be read are counted. */
const SOURCE = "source";

export interface PipelinesPort {
  /** The latest last. */
  readonly pipelines: () => readonly PipelineSample[];
  /** Their stages run below this process, and no worker tells of them. */
  readonly isLocal: boolean;
}

export function pipelineMetrics({ isLocal, pipelines }: PipelinesPort): Collect {
  return (out) => {
    const all = pipelines();
    for (const state of STATES) out.set(PIPELINES, all.filter((each) => each.state === state).length, { state });
    const told = new Set<string>();
    for (const { name, rewinds, run } of all.toReversed()) {
      if (!run || told.has(name)) continue; // of several of one name the latest
      told.add(name);
      const labels = { pipeline: name };
      out.set(REWINDS, rewinds, labels);
      tellRecords(out, run.counts, labels);
      tellProgress(out, run.progress(), labels, isLocal);
    }
  };
}

function tellRecords(out: MetricsOut, { source, stages, written }: RunSample["counts"], labels: Labels): void {
  out.set(READ, source.in, labels);
  out.set(WRITTEN, written, labels);
  out.set(DROPPED, source.deadLettered, { ...labels, stage: SOURCE, reason: "malformed" });
  for (const { counts, stage } of stages) {
    const own = { ...labels, stage };
    out.set(RECEIVED, counts.in, own);
    out.set(SENT, counts.out, own);
    out.set(ADDED, counts.added, own);
    out.set(DROPPED, counts.filtered, { ...own, reason: "filtered" });
    out.set(DROPPED, counts.deadLettered, { ...own, reason: "dead_lettered" });
    out.set(DROPPED, counts.skipped, { ...own, reason: "skipped" });
  }
}

function tellProgress(
  out: MetricsOut,
  { heldBackMs, inFlight, inFlightMax, latency, readBytes, stages, totalBytes }: ReturnType<RunSample["progress"]>,
  labels: Labels & { readonly pipeline: string },
  isLocal: boolean,
): void {
  out.set(READ_BYTES, readBytes, labels);
  out.set(SOURCE_BYTES, totalBytes, labels);
  out.set(IN_FLIGHT, inFlight, labels);
  out.set(FILL, inFlight / inFlightMax, labels);
  out.set(HELD_BACK, heldBackMs / 1_000, labels);
  out.durations(BATCH, latency, labels);
  for (const stage of stages) {
    out.set(QUEUE_FILL, stage.inFlight / inFlightMax, { ...labels, stage: stage.name });
    if (isLocal) tellStage(out, labels.pipeline, stage);
  }
}
