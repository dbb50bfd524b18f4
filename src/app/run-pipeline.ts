/**
 * A run as the command line drives it: prepared, opened, observed while it goes, stopped by signals, and summed up as
 * plain data at its end.
 */

import { resolve } from "node:path";
import { version } from "../../package.json";
import { systemClock } from "../base/clock.ts";
import { toFailure } from "../base/errors.ts";
import type { ChangeReport, ExecutorFactory, StageProgress } from "../work/pipeline/stages/index.ts";
import { RunChanges } from "./change-run.ts";
import { prepareOrRefuse } from "./check-pipeline.ts";
import type { InstanceControl } from "./control/instance-control.ts";
import { serveInstance } from "./control/serve-instance.ts";
import { Instance } from "./instance.ts";
import { type OpenedRun, openRun, type RunChoices } from "./open-run.ts";
import type { PreparedPipeline } from "./prepare-pipeline.ts";
import type { KeptReport } from "./report/keep-report.ts";
import { ObservedStages } from "./report/observed-stages.ts";
import { openReports } from "./report/reports.ts";
import { keepRunReport, placesOf } from "./report/run-report.ts";
import { stateDirectory } from "./self.ts";
import { type FileWatch, type WatchedFile, watchFiles } from "./watch-files.ts";

export type { ChangeReport } from "../work/pipeline/stages/index.ts";
export type { FileWatch, WatchedFile } from "./watch-files.ts";

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
  readonly checkpoint: string | undefined;
  /** Its id; undefined in a run of a master, whose submission has it. */
  readonly report?: string;
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
  /** The pipeline file and the plugins' files: a change of one of them is a reason to reload. */
  files(): readonly WatchedFile[];
  /** Reads the pipeline file again and becomes what it says. Fails, and changes nothing, when that cannot be. */
  reload(): Promise<ChangeReport>;
  /** Takes no more input; resolves through `done`. */
  stop(): void;
  abort(reason: string): void;
  readonly done: Promise<RunSummary>;
}

/** Calls back when the pipeline file or a plugin's file has changed. */
export function watchRun(handle: Pick<RunHandle, "files">, changed: () => void): FileWatch {
  return watchFiles(handle.files(), systemClock, changed);
}

/** Fails before anything has started when the file does not check or the checkpoint cannot be used. */
export async function startRun(path: string, choices: RunChoices): Promise<RunHandle> {
  const prepared = await prepareOrRefuse(path);
  let report: KeptReport | undefined;
  const executor: ExecutorFactory = (options) => new ObservedStages(options, (done) => report?.builder.observe(done));
  const opened = await openRun(prepared, { executor, ...choices });
  const { run } = opened;
  report = reportOf(prepared, opened, choices);
  const changes = new RunChanges(opened, prepared);
  const { name } = prepared.file;
  const about = aboutThis(path, choices);
  const more = async () => [(await import("./observe/observe-run.ts")).observeRun(prepared.file.name, run, about)];
  const serve = (control: InstanceControl) =>
    serveInstance(control, about, { warn: choices.warn, more, post: run.post });
  const instance = new Instance({ name, run, changes, clock: systemClock, serve });
  const readBefore = run.counts.source.in;
  return {
    name,
    resumed: opened.resumed,
    changedStages: opened.changedStages,
    progress: () => run.progress(),
    files: () => changes.files,
    reload: () => changes.reload(),
    stop: () => run.stop(),
    abort: (reason) => run.abort(reason),
    done: finish(name, opened, instance, readBefore).then((summary) => reported(summary, report)),
  };
}

function reportOf(prepared: PreparedPipeline, opened: OpenedRun, { dataDir, warn }: RunChoices): KeptReport {
  const { id, run } = opened;
  const subject = { name: prepared.file.name, run: id, places: placesOf(prepared, opened) };
  return keepRunReport({ open: () => openReports(dataDir), subject, run: () => run, warn });
}

/** One that was stopped goes on in the same report. */
function reported(summary: RunSummary, report: KeptReport): RunSummary {
  const { error, faults, pipeline, run } = summary;
  if (error) report.builder.observe({ type: "failed", id: pipeline, code: error.code, reason: error.message });
  for (const fault of faults) report.builder.addFault(fault);
  if (run === "stopped") report.leave();
  else report.end(run);
  return { ...summary, report: report.id };
}

function aboutThis(path: string, { dataDir }: RunChoices) {
  const startedMs = systemClock.now();
  return { version, startedMs, command: "run", pipeline: resolve(path), dataDir: stateDirectory(dataDir) };
}

async function finish(
  pipeline: string,
  opened: OpenedRun,
  instance: Instance,
  readBefore: number,
): Promise<RunSummary> {
  const over = instance.live();
  try {
    const { how } = await instance.ended;
    return summarise(pipeline, opened, readBefore, how);
  } catch (thrown) {
    const { code, message } = toFailure(thrown, "pipeline.failed");
    return { ...summarise(pipeline, opened, readBefore, "failed"), error: { code, message } };
  } finally {
    await over;
    opened.locks.release();
  }
}

export function summarise(pipeline: string, opened: OpenedRun, readBefore: number, how: RunSummary["run"]): RunSummary {
  const { run } = opened;
  const { counts } = run;
  const { elapsedMs, latency, stages: live } = run.progress();
  const none = { retries: 0, restarts: 0 };
  return {
    pipeline,
    run: how,
    resumed: opened.resumed,
    stages: [
      { stage: "source", ...counts.source, ...none },
      ...counts.stages.map(({ stage, counts: each }) => {
        const { restarts, retries } = live.find(({ name }) => name === stage) ?? none; // taken out of the pipeline
        return { stage, ...each, retries, restarts };
      }),
    ],
    written: counts.written,
    faults: how === "failed" ? [] : counts.faults(),
    elapsedMs,
    recordsPerSecond: ((counts.source.in - readBefore) / Math.max(1, elapsedMs)) * 1000,
    latencyMs: { p50: latency.quantileMs(0.5), p99: latency.quantileMs(0.99), max: latency.maxMs },
    deadLetters: opened.deadLettersPath,
    output: opened.sinkPath,
    checkpoint: opened.checkpointPath,
  };
}
