/** The closing words of a run: where every record went, stage by stage, and whether it adds up. Pure. */
import type { RunSummary, StageSummary } from "../../app/run-pipeline.ts";
import { printable } from "../../base/printable.ts";
import { formatCount, formatDurationMs } from "../../base/units.ts";
import { textTable } from "./table.ts";

export function summaryText(summary: RunSummary): string {
  const added = summary.stages.some((stage) => stage.added > 0);
  const header = [
    "stage",
    "in",
    ...(added ? ["added"] : []),
    "out",
    "filtered",
    "dead-lettered",
    "skipped",
    "retries",
    "restarts",
  ];
  const rows = summary.stages.map((stage) => row(stage, added));
  const { p50, p99 } = summary.latencyMs;
  const speed = `${formatCount(summary.recordsPerSecond)} records/s`;
  const latency = `batch latency p50 ${formatDurationMs(p50)}, p99 ${formatDurationMs(p99)}`;
  return [
    textTable(header, rows),
    "",
    balanceText(summary, added),
    `${endText(summary)} ${formatDurationMs(summary.elapsedMs)}, ${speed}, ${latency}`,
    ...placesText(summary),
  ].join("\n");
}

function row(stage: StageSummary, added: boolean): string[] {
  const numbers = [
    stage.in,
    ...(added ? [stage.added] : []),
    stage.out,
    stage.filtered,
    stage.deadLettered,
    stage.skipped,
    stage.retries,
    stage.restarts,
  ];
  return [printable(stage.stage), ...numbers.map(formatCount)];
}

function balanceText({ run, stages, written, faults }: RunSummary, added: boolean): string {
  if (run === "failed") return "It ended in the middle of its work: what was under way is in none of these counts yet";
  if (faults.length > 0) return `It does NOT add up: ${faults.map(printable).join("; ")}`;
  const sum = (key: "added" | "filtered" | "deadLettered" | "skipped"): number =>
    stages.reduce((total, stage) => total + stage[key], 0);
  const came = formatCount(stages[0]!.in) + (added ? ` in + ${formatCount(sum("added"))} added` : " in");
  const parts = [
    `${formatCount(written)} written`,
    `${formatCount(sum("filtered"))} filtered`,
    `${formatCount(sum("deadLettered"))} dead-lettered`,
    `${formatCount(sum("skipped"))} skipped`,
  ];
  return `Every record is accounted for: ${came} = ${parts.join(" + ")}`;
}

function endText({ run, resumed }: RunSummary): string {
  if (run === "stopped") return "Stopped; the same command goes on from here. This part took";
  if (run === "failed") return "Failed; the same command goes on from the last checkpoint. It took";
  return resumed ? "Finished; this last part took" : "Finished in";
}

function placesText({ output, deadLetters, stages }: RunSummary): string[] {
  const dead = stages.reduce((total, stage) => total + stage.deadLettered, 0);
  const lines = output && output !== "-" ? [`output:       ${printable(output)}`] : [];
  return dead > 0 ? [...lines, `dead letters: ${printable(deadLetters)}`] : lines;
}
