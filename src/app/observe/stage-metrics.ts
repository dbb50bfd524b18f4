/** What the processes of a stage count, wherever they run: in a process with one pipeline, or on the workers of a master. */
import { counter, gauge, type MetricsOut } from "../../base/metrics.ts";

const ERRORS = counter("distributed_system_stage_errors_total", "Tries at batches that failed.");
const RETRIES = counter("distributed_system_stage_retries_total", "Batches that were tried again.");
const TAKEN = counter(
  "distributed_system_stage_records_taken_total",
  "Records that its processes have taken in, committed or not.",
);
const RESTARTS = counter("distributed_system_stage_host_restarts_total", "Processes that were started again.");
const LIMITS = counter("distributed_system_stage_limits_exceeded_total", "Processes that were over a limit, by limit.");
const WAITED = counter(
  "distributed_system_stage_backpressure_seconds_total",
  "How long batches have waited for a process of the stage and for room behind it, all together.",
);
const BATCHES = gauge(
  "distributed_system_stage_batches",
  "Batches that wait for a process of the stage, or are in one.",
);
const PROCESSES = gauge("distributed_system_stage_processes", "Processes that serve the stage.");
const BREAKER = gauge(
  "distributed_system_stage_breaker_open",
  "1 while the stage's circuit breaker lets nothing through.",
);
const OPENED = counter(
  "distributed_system_stage_breaker_opened_total",
  "How often the stage's circuit breaker has opened.",
);

export interface StageSample {
  readonly name: string;
  readonly rows: number;
  readonly inFlight: number;
  readonly retries: number;
  readonly restarts: number;
  readonly pids: readonly number[];
  readonly failures?: number | undefined;
  readonly waitedMs?: number | undefined;
  readonly limits?: Readonly<Record<string, number>> | undefined;
  readonly breaker?: { readonly state: string; readonly opened: number } | undefined;
}

export function tellStage(out: MetricsOut, pipeline: string, sample: StageSample): void {
  const { breaker, failures, inFlight, limits = {}, name, pids, restarts, retries, rows, waitedMs } = sample;
  const labels = { pipeline, stage: name };
  out.set(TAKEN, rows, labels);
  out.set(ERRORS, failures, labels);
  out.set(RETRIES, retries, labels);
  out.set(RESTARTS, restarts, labels);
  out.set(WAITED, waitedMs === undefined ? undefined : waitedMs / 1_000, labels);
  out.set(BATCHES, inFlight, labels);
  out.set(PROCESSES, pids.length, labels);
  out.set(BREAKER, breaker && (breaker.state === "open" ? 1 : 0), labels);
  out.set(OPENED, breaker?.opened, labels);
  for (const [limit, count] of Object.entries(limits)) out.set(LIMITS, count, { ...labels, limit });
}

/** A stage may be here several times, for several masters: one sample each. */
export function mergeStages(samples: readonly StageSample[]): StageSample[] {
  const merged = new Map<string, StageSample>();
  for (const sample of samples) {
    const before = merged.get(sample.name);
    merged.set(sample.name, before ? sumOf(before, sample) : sample);
  }
  return [...merged.values()];
}

function sumOf(left: StageSample, right: StageSample): StageSample {
  const limits = { ...left.limits };
  for (const [name, count] of Object.entries(right.limits ?? {})) limits[name] = (limits[name] ?? 0) + count;
  const breaker = left.breaker?.state === "open" ? left.breaker : (right.breaker ?? left.breaker);
  const opened = (left.breaker?.opened ?? 0) + (right.breaker?.opened ?? 0);
  return {
    name: left.name,
    rows: left.rows + right.rows,
    inFlight: left.inFlight + right.inFlight,
    retries: left.retries + right.retries,
    restarts: left.restarts + right.restarts,
    pids: [...left.pids, ...right.pids],
    failures: (left.failures ?? 0) + (right.failures ?? 0),
    waitedMs: (left.waitedMs ?? 0) + (right.waitedMs ?? 0),
    limits,
    ...(breaker && { breaker: { ...breaker, opened } }),
  };
}
