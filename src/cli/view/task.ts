/** Task graphs and their runs as people see them. Pure. */
import type { GraphPlan } from "../../app/task/describe-graph.ts";
import type { TaskReport } from "../../app/task/run-graph.ts";
import type { ListedRun, ShownRun, ShownTask } from "../../app/task/stored-runs.ts";
import { printable } from "../../base/printable.ts";
import { formatCount, formatDurationMs } from "../../base/units.ts";
import { textTable } from "./table.ts";

/** Ids on one line; a level of thousands is no reading matter. */
const IDS_SHOWN_MAX = 20;
const REASON_LENGTH = 160;
/** Below this a run is short enough to show every task. */
const TASKS_SHOWN_MAX = 50;
const SLOWEST_SHOWN = 5;

export function graphText(plan: GraphPlan): string {
  const width = String(plan.levels.length).length;
  const levels = plan.levels.map((ids, index) => `${String(index + 1).padStart(width)}  ${shortList(ids, ", ")}`);
  const path = plan.criticalPath;
  return [
    `${plan.name}: ${formatCount(plan.order.length)} tasks, ${plan.parallel} at once; a line waits for the lines above it`,
    ...levels,
    `longest chain (${path.length}): ${shortList(path, " → ")}`,
    ...(plan.tooManyEdges ? [`${plan.tooManyEdges} needs: Mermaid draws them with maxEdges set to that`] : []),
    "",
    plan.mermaid,
  ].join("\n");
}

/** `how` says where it goes on: flags of `task run`. */
export function taskReportText(report: TaskReport & { readonly report?: string }, how = ""): string {
  const { criticalPath, elapsedMs, failed, latencyMs, skipped } = report;
  const took = elapsedMs === undefined ? "" : ` after ${formatDurationMs(elapsedMs)}`;
  return [
    `${printable(report.name)} (${report.run}): ${report.state}${took}`,
    countsText(report),
    `a task took ${formatDurationMs(latencyMs.p50)} (p50), ${formatDurationMs(latencyMs.p99)} (p99)`,
    ...slowestText(report),
    `longest chain, ${formatDurationMs(criticalPath.tookMs)}: ${shortList(criticalPath.tasks, " → ")}`,
    ...failed.map(({ id, reason = "" }) => `failed  ${id}: ${shortReason(reason)}`),
    ...skipped.slice(0, SLOWEST_SHOWN).map(({ id, reason = "" }) => `skipped ${id}: ${shortReason(reason)}`),
    ...(report.report === undefined ? [] : [`report: ${printable(report.report)}`]),
    ...hintText(report, how),
  ].join("\n");
}

function countsText({ counts, retries }: Pick<TaskReport, "counts" | "retries">): string {
  const parts = (["done", "failed", "skipped", "running", "waiting", "pending"] as const).filter(
    (state) => counts[state] > 0,
  );
  const text = parts.map((state) => `${formatCount(counts[state])} ${state}`).join(", ");
  return retries > 0 ? `${text}; ${formatCount(retries)} retries` : text;
}

function slowestText({ slowest }: TaskReport): string[] {
  const shown = slowest.slice(0, SLOWEST_SHOWN).map(({ id, tookMs = 0 }) => `${id} ${formatDurationMs(tookMs)}`);
  return shown.length === 0 ? [] : [`slowest: ${shown.join(", ")}`];
}

function hintText({ run, state }: Pick<TaskReport, "run" | "state">, how: string): string[] {
  const again = `distributed_system task run --resume ${run}${how === "" ? "" : ` ${how}`}`;
  if (state === "stopped") return [`${again} goes on from here`];
  return state === "failed" ? [`${again} --retry-failed tries what failed again`] : [];
}

export function runListText(runs: readonly ListedRun[]): string {
  if (runs.length === 0) return "no runs";
  const rows = runs.map(({ endedMs, id, name, startedMs, state, tasks }) => [
    id,
    printable(name),
    state,
    formatCount(tasks),
    endedMs === null ? "" : formatDurationMs(endedMs - startedMs),
  ]);
  return textTable(["run", "graph", "state", "tasks", "took"], rows);
}

export function shownRunText(run: ShownRun): string {
  const { tasks } = run;
  const state = run.state === "interrupted" ? "running" : run.state; // said in the heading
  const heading = run.state === "interrupted" ? [`interrupted: task run --resume ${run.run} goes on`] : [];
  const text = taskReportText({ ...run, state });
  if (tasks.length > TASKS_SHOWN_MAX) return [...heading, text, "--json shows every task"].join("\n");
  const rows = tasks.map(({ attempts, id, state: each, tookMs }) => [
    id,
    each,
    formatCount(attempts),
    tookMs === undefined ? "" : formatDurationMs(tookMs),
  ]);
  return [...heading, text, "", textTable(["task", "state", "attempts", "took"], rows)].join("\n");
}

export function shownTaskText({ attempts, id, output, reason, run, state, tookMs }: ShownTask): string {
  const took = tookMs === undefined ? "" : `, ${formatDurationMs(tookMs)}`;
  return [
    `${id} of ${run}: ${state}, ${attempts} attempts${took}`,
    ...(reason === undefined ? [] : [printable(reason)]),
    ...(output === undefined ? [] : [JSON.stringify(output, undefined, 2)]),
  ].join("\n");
}

function shortList(ids: readonly string[], separator: string): string {
  if (ids.length <= IDS_SHOWN_MAX) return ids.join(separator);
  return `${ids.slice(0, IDS_SHOWN_MAX).join(separator)}${separator}… ${ids.length - IDS_SHOWN_MAX} more`;
}

function shortReason(reason: string): string {
  const line = printable(reason);
  return line.length <= REASON_LENGTH ? line : `${line.slice(0, REASON_LENGTH)}…`;
}
