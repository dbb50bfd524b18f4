/**
 * The report of a task graph's run, kept as those of pipelines are: `report ID` shows it. What the run counts itself is set; durations,
 * failures and retries are told as they come.
 */
import { systemClock } from "../../base/clock.ts";
import { seededRandom } from "../../base/random.ts";
import type { Observation, ReportBuilder, ReportState, StoredReports } from "../../work/report/index.ts";
import type { TaskChange, TaskGraph, TaskProgress } from "../../work/task/index.ts";
import { KeptReport } from "../report/keep-report.ts";

export interface TaskReportOptions {
  /** Closed with the report. */
  readonly open: () => StoredReports;
  readonly everyMs?: number | undefined;
  /** The run's id: a resumed run goes on in its report. */
  readonly run: string;
  readonly graph: TaskGraph;
  readonly progress: () => TaskProgress;
  readonly warn: (text: string) => void;
  /** Where a task was done last; this machine when left out. */
  readonly nodeOf?: (task: number) => string;
}

export interface TaskReportKeeper {
  /** Of the report. */
  readonly id: string;
  readonly observe: (change: TaskChange) => void;
  /** What is no change of a task: a worker that was lost, say. */
  readonly note: (what: Observation) => void;
  readonly end: (state: Exclude<ReportState, "running">) => void;
  /** Leaves it running: the next life of its owner goes on in it. */
  readonly leave: () => void;
  /** Says nothing any more: somebody else goes on in it. */
  readonly drop: () => void;
}

/** A node's name where everything is done in one process. */
const LOCAL = "local";
const SEEDS = 2 ** 32;

export function keepTaskReport(options: TaskReportOptions): TaskReportKeeper {
  const { everyMs, graph, nodeOf = () => LOCAL, open, progress, run, warn } = options;
  let isBegun = false;
  const kept: KeptReport = new KeptReport({
    open,
    everyMs,
    subject: { kind: "task", name: graph.name, run },
    clock: systemClock,
    random: seededRandom(Math.floor(systemClock.now() * 1009 + process.pid) % SEEDS),
    refresh: (builder) => {
      if (isBegun) setCounts(builder, progress()); // it writes once before there is a run
    },
    warn,
  });
  isBegun = true;
  return {
    id: kept.id,
    observe: (change) => observe(kept.builder, change, graph.tasks[change.task]!.id, nodeOf(change.task)),
    note: (what) => kept.builder.observe(what),
    end: (state) => void kept.end(state),
    leave: () => kept.leave(),
    drop: () => kept.drop(),
  };
}

/** The builder only adds: what is missing is added. */
function setCounts(builder: ReportBuilder, { counts, total }: TaskProgress): void {
  const known = builder.snapshot().counts;
  const { done, failed, skipped } = counts;
  builder.addCounts({
    in: total - known.in,
    done: done - known.done,
    failed: failed - known.failed,
    skipped: skipped - known.skipped,
  });
}

function observe(builder: ReportBuilder, change: TaskChange, id: string, node: string): void {
  const { attempts, code = "task.failed", reason = "", state, tookMs } = change;
  if (state === "done" && tookMs !== undefined) builder.observe({ type: "done", id, node, ms: tookMs });
  else if (state === "failed") builder.observe({ type: "failed", id, node, code, reason });
  else if (state === "running" && attempts > 1) {
    builder.observe({ type: "retry" });
    builder.addCounts({ retried: 1 });
  }
}
