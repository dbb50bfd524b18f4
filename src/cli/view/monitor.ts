/**
 * What people see while a pipeline runs. On a terminal a progress bar and one live line a stage, repainted in place; in
 * a log a plain line every few seconds. Everything goes to standard error: standard output may be the sink.
 */
import type { Progress, RunHandle } from "../../app/run-pipeline.ts";
import { systemClock } from "../../base/clock.ts";
import { formatBytes, formatCount } from "../../base/units.ts";

export interface Monitor {
  note(text: string): void;
  pluginLine(stage: string, stream: string, line: string): void;
  watch(handle: RunHandle): void;
  close(): void;
}

export interface MonitorOptions {
  readonly quiet: boolean;
  readonly verbose: boolean;
}

const TERMINAL_INTERVAL_MS = 120;
const LOG_INTERVAL_MS = 5_000;
const BAR_CELLS = 24;

export async function openMonitor({ quiet, verbose }: MonitorOptions): Promise<Monitor> {
  const { createConsola } = await import("consola/basic");
  const log = createConsola({
    level: quiet ? 1 : verbose ? 4 : 3,
    stdout: process.stderr,
    stderr: process.stderr,
    throttleMin: Number.POSITIVE_INFINITY,
  });
  const live = process.stderr.isTTY === true && !quiet;
  let painted = 0;
  let timer: { cancel(): void } | undefined;
  let before: Progress | undefined;
  const erase = (): void => {
    if (painted > 0) process.stderr.write(`\x1b[${painted}F\x1b[J`);
    painted = 0;
  };
  const say = (write: () => void): void => {
    erase();
    write();
  };
  const tick = (handle: RunHandle): void => {
    const progress = handle.progress();
    if (live) {
      const lines = liveLines(progress, before);
      erase();
      process.stderr.write(`${lines.join("\n")}\n`);
      painted = lines.length;
    } else if (!quiet) log.info(logLine(handle.name, progress, before));
    before = progress;
    timer = systemClock.after(live ? TERMINAL_INTERVAL_MS : LOG_INTERVAL_MS, () => tick(handle));
  };
  return {
    note: (text) => say(() => log.warn(text)),
    pluginLine(stage, stream, line) {
      if (stream === "debug" && !verbose) return;
      say(() =>
        (stream === "stderr" || stream === "error" ? log.error : stream === "warn" ? log.warn : log.info)(
          `[${stage}] ${line}`,
        ),
      );
    },
    watch(handle) {
      if (handle.resumed) log.info(`${handle.name}: going on from the last checkpoint`);
      for (const stage of handle.changedStages) {
        log.warn(`${handle.name}: stage ${stage} was changed since this run began; what is written stays as it is`);
      }
      timer = systemClock.after(live ? TERMINAL_INTERVAL_MS : LOG_INTERVAL_MS, () => tick(handle));
    },
    close() {
      timer?.cancel();
      erase();
    },
  };
}

function liveLines(progress: Progress, before: Progress | undefined): string[] {
  const width = Math.max(...progress.stages.map(({ name }) => name.length));
  const stages = progress.stages.map((stage) => {
    const rate = `${formatCount(rateOf(progress, before, stage)).padStart(10)} records/s`;
    const troubles = stage.retries + stage.restarts > 0 ? `  ${stage.retries} retries  ${stage.restarts} restarts` : "";
    const inFlight = `${String(stage.inFlight).padStart(3)} in flight`;
    return `  ${stage.name.padEnd(width)} ${rate}  ${inFlight}${troubles}${breakerText(stage)}`;
  });
  return [barLine(progress), ...stages].map((line) => line.slice(0, process.stderr.columns || 120));
}

function barLine({ readBytes, totalBytes, elapsedMs }: Progress): string {
  const seconds = `${(elapsedMs / 1000).toFixed(1)} s`;
  if (!totalBytes) return `${formatBytes(readBytes)} read  ${seconds}`;
  const share = Math.min(1, readBytes / totalBytes);
  const full = Math.round(share * BAR_CELLS);
  const bar = "█".repeat(full) + "░".repeat(BAR_CELLS - full);
  return `${bar} ${(share * 100).toFixed(0).padStart(3)} %  ${formatBytes(readBytes)} of ${formatBytes(totalBytes)}  ${seconds}`;
}

function logLine(name: string, progress: Progress, before: Progress | undefined): string {
  const { readBytes, totalBytes } = progress;
  const share = totalBytes ? ` (${((readBytes / totalBytes) * 100).toFixed(0)} %)` : "";
  const stages = progress.stages.map((stage) => {
    const troubles = stage.restarts > 0 ? `, ${stage.restarts} restarts` : "";
    const rate = `${formatCount(rateOf(progress, before, stage))}/s`;
    return `${stage.name} ${rate}, ${stage.inFlight} in flight${troubles}${breakerText(stage)}`;
  });
  return `${name}: ${formatBytes(readBytes)} read${share}; ${stages.join("; ")}`;
}

/** Records a second since the last look. Stages may have come, gone and changed places meanwhile. */
function rateOf(now: Progress, before: Progress | undefined, { name, rows }: Progress["stages"][number]): number {
  const rowsBefore = before?.stages.find((stage) => stage.name === name)?.rows ?? 0;
  const ms = now.elapsedMs - (before?.elapsedMs ?? 0);
  return ms > 0 ? (Math.max(0, rows - rowsBefore) / ms) * 1000 : 0;
}

/** Nothing while batches reach the plugin. */
function breakerText({ breaker }: Progress["stages"][number]): string {
  return breaker && breaker.state !== "closed" ? `  circuit breaker ${breaker.state.replace("_", " ")}` : "";
}
