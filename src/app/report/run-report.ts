/** The report of a pipeline's run: what the run counts itself, and what is told while it goes. */
import { resolve } from "node:path";
import { systemClock } from "../../base/clock.ts";
import { seededRandom } from "../../base/random.ts";
import type { PipelineRun } from "../../work/pipeline/engine/index.ts";
import type { ReportSubject, StoredReports } from "../../work/report/index.ts";
import type { OpenedRun } from "../open-run.ts";
import type { PreparedPipeline } from "../prepare-pipeline.ts";
import { KeptReport } from "./keep-report.ts";

export interface RunReportOptions {
  /** Closed with the report. */
  readonly open: () => StoredReports;
  readonly everyMs?: number | undefined;
  readonly subject: Pick<ReportSubject, "name" | "run" | "places"> & Partial<Pick<ReportSubject, "id">>;
  /** This process has left the report before. */
  readonly isOwn?: boolean | undefined;
  /** As it is now: after a rewind it is another one. */
  readonly run: () => Pick<PipelineRun, "counts" | "progress"> | undefined;
  readonly warn: (text: string) => void;
}

/** Where its files are, as whoever reads it later has to know them. */
export function placesOf(
  { path }: Pick<PreparedPipeline, "path">,
  { deadLettersPath, sinkPath }: Pick<OpenedRun, "deadLettersPath" | "sinkPath">,
): NonNullable<ReportSubject["places"]> {
  const output = sinkPath === undefined ? {} : { output: sinkPath === "-" ? sinkPath : resolve(sinkPath) };
  return { pipeline: resolve(path), deadLetters: deadLettersPath, ...output };
}

const SEEDS = 2 ** 32;

export function keepRunReport({ everyMs, isOwn, open, run, subject, warn }: RunReportOptions): KeptReport {
  return new KeptReport({
    open,
    everyMs,
    subject: { ...subject, kind: "pipeline" },
    isOwn,
    clock: systemClock,
    random: seededRandom(Math.floor(systemClock.now() * 1009 + process.pid) % SEEDS),
    refresh(builder) {
      const current = run();
      if (!current) return;
      builder.setRecords(current.counts);
      for (const { name, restarts, retries } of current.progress().stages)
        builder.followStage(name, { restarts, retries });
    },
    warn,
  });
}
