/** Reports for people: a list of them, and one whole: what came of it, stage by stage, node by node, what was slow or failed. Pure. */
import type { LatencyView, NodeView, ReportLine, ReportView, StageView } from "../../app/report/reports.ts";
import { printable } from "../../base/printable.ts";
import { formatBytes, formatCount, formatDurationMs } from "../../base/units.ts";
import { textTable } from "./table.ts";

/** People look at the first few; --json has all of them. */
const REASONS_SHOWN_MAX = 10;
const REASON_WIDTH_MAX = 100;
/** Who is at work writes about once a second: silence for so long says that nobody is. */
const SILENT_MS = 30_000;

export function reportsTable(lines: readonly ReportLine[], nowMs: number): string {
  const rows = lines.map((line) => [
    printable(line.id),
    line.kind,
    stateText(line, nowMs),
    timeText(line.startedMs),
    formatDurationMs(line.activeMs),
    formatCount(line.total),
    formatCount(line.failed),
    shareText(line.successRatio),
  ]);
  return textTable(["report", "kind", "state", "started (UTC)", "took", "records/tasks", "failed", "success"], rows);
}

export function reportText(report: ReportView, nowMs: number): string {
  const { latency, nodes, slowest, stages } = report;
  const sections = [
    headText(report, nowMs),
    stages.length > 0 ? stagesTable(stages) : "",
    nodes.length > 0 ? nodesTable(nodes) : "",
    slowest.length > 0 && latency.count > 1 ? slowestTable(report) : "",
    failuresText(report),
    placesText(report),
    report.faults.map((fault) => `It does NOT add up: ${printable(fault)}`).join("\n"),
  ];
  return sections.filter((section) => section !== "").join("\n\n");
}

function headText(report: ReportView, nowMs: number): string {
  const { activeMs, bytes, id, kind, latency, name, perSecond, startedMs } = report;
  const things = kind === "task" ? "tasks" : "records";
  const moved = bytes.in + bytes.out > 0 ? `, ${formatBytes(bytes.in)} in, ${formatBytes(bytes.out)} out` : "";
  return [
    `${printable(id)}: ${kind === "task" ? "task graph" : "pipeline"} ${printable(name)}, ${stateText(report, nowMs)}`,
    `started ${timeText(startedMs)} UTC, at work for ${formatDurationMs(activeMs)}`,
    countsText(report),
    `${formatCount(perSecond)} ${things}/s${moved}`,
    ...(latency.count > 0 ? [latencyText(kind === "task" ? "tasks" : "batches", latency)] : []),
    ...eventsText(report),
  ].join("\n");
}

function countsText({ counts, kind, successRatio }: ReportView): string {
  const success = successRatio === undefined ? "" : `; ${shareText(successRatio)} success`;
  if (kind === "task") {
    const { done, failed, in: all, retried, skipped } = counts;
    const parts = [`${formatCount(done)} done`, `${formatCount(failed)} failed`, `${formatCount(skipped)} skipped`];
    return `${formatCount(all)} tasks: ${parts.join(", ")}, ${formatCount(retried)} tried again${success}`;
  }
  const added = counts.added > 0 ? ` + ${formatCount(counts.added)} added` : "";
  const parts = [
    `${formatCount(counts.written)} written`,
    `${formatCount(counts.filtered)} filtered`,
    `${formatCount(counts.deadLettered)} dead-lettered`,
    `${formatCount(counts.skipped)} skipped`,
  ];
  return `${formatCount(counts.in)} records in${added}: ${parts.join(", ")}${success}`;
}

function latencyText(what: string, latency: LatencyView): string {
  const { count, maxMs, p50Ms, p90Ms, p999Ms, p99Ms } = latency;
  const quantiles = Object.entries({ p50: p50Ms, p90: p90Ms, p99: p99Ms, "p99.9": p999Ms, max: maxMs });
  return `${formatCount(count)} ${what}: ${quantiles.map(([name, ms]) => `${name} ${formatDurationMs(ms)}`).join(", ")}`;
}

/** Only what has happened. */
function eventsText({ events }: ReportView): string[] {
  const words = {
    retries: "retries",
    hedges: "hedges",
    lateResults: "late results",
    failovers: "failovers",
    workersLost: "workers lost",
    hostRestarts: "plugin hosts restarted",
    workerRestarts: "workers restarted",
    masterRestarts: "restarts of the master",
  } satisfies Record<keyof typeof events, string>;
  const happened = (Object.keys(words) as (keyof typeof words)[]) // keys of the object above
    .filter((key) => events[key] > 0)
    .map((key) => `${words[key]}: ${formatCount(events[key])}`);
  return happened.length === 0 ? [] : [happened.join(", ")];
}

function stagesTable(stages: readonly StageView[]): string {
  const isTimed = stages.some(({ latency }) => latency.count > 0);
  const header = ["stage", "in", "added", "out", "filtered", "dead-lettered", "skipped", "retries", "restarts"];
  const rows = stages.map((each) => {
    const { added, deadLettered, filtered, in: taken, out, restarts, retries, skipped, stage } = each;
    const numbers = [taken, added, out, filtered, deadLettered, skipped, retries, restarts].map(formatCount);
    return [printable(stage), ...numbers, ...(isTimed ? timeCells(each) : [])];
  });
  return textTable([...header, ...(isTimed ? ["p50", "p99", "busy"] : [])], rows);
}

function nodesTable(nodes: readonly NodeView[]): string {
  const header = ["node", "done", "share", "records", "in", "out", "failures", "late", "lost", "p50", "p99", "busy"];
  const rows = nodes.map((each) => [
    printable(each.node),
    formatCount(each.items),
    shareText(each.share),
    formatCount(each.rows),
    formatBytes(each.bytesIn),
    formatBytes(each.bytesOut),
    ...[each.failures, each.lateResults, each.timesLost].map(formatCount),
    ...timeCells(each),
  ]);
  return textTable(header, rows);
}

function timeCells({ busyMs, latency }: { readonly busyMs: number; readonly latency: LatencyView }): string[] {
  if (latency.count === 0) return ["", "", ""];
  return [latency.p50Ms, latency.p99Ms, busyMs].map(formatDurationMs);
}

function slowestTable({ kind, slowest }: ReportView): string {
  const rows = slowest.map(({ id, ms, node, rows: records }) => [
    printable(id),
    printable(node),
    formatDurationMs(ms),
    ...(kind === "task" ? [] : [formatCount(records)]),
  ]);
  return textTable(["slowest", "node", "took", ...(kind === "task" ? [] : ["records"])], rows);
}

function failuresText({ failures: { others, reasons } }: ReportView): string {
  const shown = reasons.slice(0, REASONS_SHOWN_MAX);
  const hidden = reasons.slice(REASONS_SHOWN_MAX).reduce((sum, { count }) => sum + count, others);
  if (shown.length === 0 && hidden === 0) return "";
  const width = Math.max(6, ...shown.map(({ count }) => formatCount(count).length)); // of "failed"
  const lines = shown.map(({ code, count, examples, reason, stage }) => {
    const where = stage === "" ? "" : `${printable(stage)}: `;
    const such = examples.map(({ id, node }) => printable(node === "" ? id : `${id} on ${node}`)).join(", ");
    const why = shortened(printable(`${code}: ${reason}`));
    return `${formatCount(count).padStart(width)}  ${where}${why}\n${" ".repeat(width)}  such as ${such}`;
  });
  const more = hidden > 0 ? [`${formatCount(hidden).padStart(width)}  for other reasons`] : [];
  return [`${"failed".padStart(width)}  why`, ...lines, ...more].join("\n");
}

function shortened(text: string): string {
  return text.length <= REASON_WIDTH_MAX ? text : `${text.slice(0, REASON_WIDTH_MAX - 1)}…`;
}

function placesText({ places }: ReportView): string {
  const entries = Object.entries(places);
  const width = Math.max(0, ...entries.map(([what]) => what.length + 1));
  return entries.map(([what, path]) => `${printable(`${what}:`).padEnd(width)} ${printable(path)}`).join("\n");
}

/** Somebody who died has left it running. */
function stateText({ state, updatedMs }: Pick<ReportLine, "state" | "updatedMs">, nowMs: number): string {
  const silentMs = nowMs - updatedMs;
  if (state !== "running" || silentMs < SILENT_MS) return state;
  return `running (silent for ${formatDurationMs(silentMs)})`;
}

function timeText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace("T", " ");
}

/** Never rounded up to all of it: one lost record of a million is seen. */
function shareText(share: number | undefined): string {
  if (share === undefined) return "";
  const percent = share * 100;
  if (share === 1 || share === 0) return `${percent} %`;
  return `${Math.min(99.99, Math.max(0.01, percent)).toFixed(percent > 99 || percent < 1 ? 2 : 1)} %`;
}
