/**
 * What does not add up in a report: what was found by those who counted, and what its own numbers give away. Only a run that
 * has come to its end can be held to its numbers: before, some things are under way.
 */
import { OTHERS, type Report, type StageRecord } from "./model.ts";

export function faultsOf(report: Report): string[] {
  const { counts, faults, kind, stages, state } = report;
  if (state !== "ended") return [...faults];
  const found =
    kind === "task" ? taskFaults(report) : stages.filter(({ name }) => name !== OTHERS).flatMap(stageFaults);
  const left = counts.written + counts.filtered + counts.deadLettered + counts.skipped;
  if (kind === "pipeline" && counts.in + counts.added !== left) {
    found.push(
      `${counts.in} in and ${counts.added} added, but ${left} written, filtered, dead-lettered or skipped in all`,
    );
  }
  return [...new Set([...faults, ...found])];
}

function taskFaults({ counts }: Report): string[] {
  const decided = counts.done + counts.failed + counts.skipped;
  return counts.in === decided ? [] : [`${counts.in} tasks, but ${decided} done, failed or skipped`];
}

function stageFaults({ counts, name }: StageRecord): string[] {
  const left = counts.out + counts.filtered + counts.deadLettered + counts.skipped;
  if (counts.in + counts.added === left) return [];
  return [`${name}: ${counts.in} in and ${counts.added} added, but ${left} out, filtered, dead-lettered or skipped`];
}
