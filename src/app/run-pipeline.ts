/**
 * A run as the command line drives it: prepared, opened, observed while it goes, stopped by signals, and summed up as
 * plain data at its end.
 */
import { toFailure } from "../base/errors.ts";
import type { StageProgress } from "../work/pipeline/engine/index.ts";
import { prepareOrRefuse } from "./check-pipeline.ts";
import { type OpenedRun, openRun, type RunChoices } from "./open-run.ts";

export interface StageSummary {
  readonly stage: string;
  readonly in: number;
  readonly out: number;
  readonly filtered: number;
  readonly deadLettered: number;
  readonly skipped: number;
  readonly added: number;
  readonly retries: number;
  readonly restarts: number;
}

export interface RunSummary {
  readonly pipeline: string;
  readonly run: "ended" | "stopped" | "failed";
  readonly resumed: boolean;
  readonly stages: readonly StageSummary[];
  readonly written: number;
  /** Empty when every record is accounted for, and for a failed run: it stopped with records under way. */
  readonly faults: readonly string[];
  readonly elapsedMs: number;
  readonly recordsPerSecond: number;
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly deadLetters: string;
  readonly output: string | undefined;
  readonly checkpoint: string;
  readonly error?: { readonly code: string; readonly message: string };
}

export interface Progress {
  readonly elapsedMs: number;
  readonly readBytes: number;
  readonly totalBytes: number | undefined;
  readonly stages: readonly StageProgress[];
}

export interface RunHandle {
  readonly name: string;
  readonly resumed: boolean;
  /** Stages that are not what they were when the run began. */
  readonly changedStages: readonly string[];
  progress(): Progress;
  /** Takes no more input; resolves through `done`. */
  stop(): void;
  abort(reason: string): void;
  readonly done: Promise<RunSummary>;
}

/** Fails before anything has started when the file does not check or the checkpoint cannot be used. */
export async function startRun(path: string, choices: RunChoices): Promise<RunHandle> {
  const prepared = await prepareOrRefuse(path);
  const opened = await openRun(prepared, choices);
  const { run } = opened;
  const readBefore = run.counts.source.in;
  return {
    name: prepared.file.name,
    resumed: opened.resumed,
    changedStages: opened.changedStages,
    progress: () => run.progress(),
    stop: () => run.stop(),
    abort: (reason) => run.abort(reason),
    done: finish(prepared.file.name, opened, readBefore),
  };
}

async function finish(pipeline: string, opened: OpenedRun, readBefore: number): Promise<RunSummary> {
  try {
    const { how } = await opened.run.run();
    return summarise(pipeline, opened, readBefore, how);
  } catch (thrown) {
    const { code, message } = toFailure(thrown, "pipeline.failed");
    return { ...summarise(pipeline, opened, readBefore, "failed"), error: { code, message } };
  } finally {
    opened.locks.release();
  }
}

function summarise(pipeline: string, opened: OpenedRun, readBefore: number, how: RunSummary["run"]): RunSummary {
  const { run, stages } = opened;
  const { counts } = run;
  const { elapsedMs, latency, stages: live } = run.progress();
  const none = { retries: 0, restarts: 0 };
  return {
    pipeline,
    run: how,
    resumed: opened.resumed,
    stages: [
      { stage: "source", ...counts.source, ...none },
      ...counts.stages.map((each, index) => ({
        stage: stages[index]!,
        ...each,
        retries: live[index]?.retries ?? 0,
        restarts: live[index]?.restarts ?? 0,
      })),
    ],
    written: counts.written,
    faults: how === "failed" ? [] : counts.faults(stages),
    elapsedMs,
    recordsPerSecond: ((counts.source.in - readBefore) / Math.max(1, elapsedMs)) * 1000,
    latencyMs: { p50: latency.quantileMs(0.5), p99: latency.quantileMs(0.99), max: latency.maxMs },
    deadLetters: opened.deadLettersPath,
    output: opened.sinkPath,
    checkpoint: opened.checkpointPath,
  };
}
