/** What became of a run, as plain data: counts, durations, the slowest, the failed with their reasons, and what made it last. */
import { Histogram } from "../../base/histogram.ts";
import { criticalPath, orderOf } from "./order.ts";
import type { TaskState } from "./outcome.ts";
import type { StoredRun, StoredTask } from "./stored-runs.ts";
import type { TaskGraph } from "./types.ts";

/** Lists for reading: all tasks are in the store. */
const LISTED_MAX = 20;

export interface TaskLine {
  readonly id: string;
  readonly state: TaskState;
  readonly attempts: number;
  /** Of the last attempt; left out for a task that never ran. */
  readonly tookMs?: number;
  readonly reason?: string;
}

export interface TaskReport {
  readonly run: string;
  readonly name: string;
  readonly file: string;
  readonly state: StoredRun["state"];
  readonly startedMs: number;
  readonly elapsedMs?: number;
  readonly counts: Readonly<Record<TaskState, number>>;
  readonly retries: number;
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** At most twenty of each. */
  readonly slowest: readonly TaskLine[];
  readonly failed: readonly TaskLine[];
  readonly skipped: readonly TaskLine[];
  /** The chain of needs that took longest. */
  readonly criticalPath: { readonly tasks: readonly string[]; readonly tookMs: number };
}

export function reportOf(run: StoredRun, graph: TaskGraph, stored: readonly StoredTask[]): TaskReport {
  const lines = linesOf(graph, stored);
  const latency = new Histogram();
  for (const { tookMs } of lines) if (tookMs !== undefined) latency.record(tookMs);
  const { path, weight } = criticalPath(graph.tasks, orderOf(graph.tasks).order, (task) => lines[task]!.tookMs ?? 0);
  const listed = (state: TaskState): TaskLine[] => lines.filter((line) => line.state === state).slice(0, LISTED_MAX);
  return {
    run: run.id,
    name: run.name,
    file: run.file,
    state: run.state,
    startedMs: run.startedMs,
    ...(run.endedMs !== null && { elapsedMs: run.endedMs - run.startedMs }),
    counts: countsOf(lines),
    retries: lines.reduce((sum, { attempts }) => sum + Math.max(0, attempts - 1), 0),
    latencyMs: { p50: latency.quantileMs(0.5), p99: latency.quantileMs(0.99), max: latency.maxMs },
    slowest: slowestOf(lines),
    failed: listed("failed"),
    skipped: listed("skipped"),
    criticalPath: { tasks: path.map((task) => graph.tasks[task]!.id), tookMs: weight },
  };
}

/** Every task of the graph, in the file's order. */
export function linesOf(graph: TaskGraph, stored: readonly StoredTask[]): readonly TaskLine[] {
  const known = new Map(stored.map((each) => [each.task, each]));
  return graph.tasks.map(({ id }, task): TaskLine => {
    const found = known.get(task);
    if (!found) return { id, state: "pending", attempts: 0 };
    const { attempts, reason, state, tookMs } = found;
    return { id, state, attempts, ...(tookMs !== null && { tookMs }), ...(reason !== null && { reason }) };
  });
}

function countsOf(lines: readonly TaskLine[]): Record<TaskState, number> {
  const counts = { pending: 0, running: 0, waiting: 0, done: 0, failed: 0, skipped: 0 };
  for (const { state } of lines) counts[state]++;
  return counts;
}

function slowestOf(lines: readonly TaskLine[]): TaskLine[] {
  const timed = lines.filter(({ tookMs }) => tookMs !== undefined);
  return timed.toSorted((left, right) => right.tookMs! - left.tookMs!).slice(0, LISTED_MAX);
}
