/**
 * Adds reports up. Counts, histograms, lists: the same in any order and grouping. Of two headers the later one counts, so a
 * run that was stopped and has then ended is one that has ended.
 */
import { Failure } from "../../base/errors.ts";
import { REPORT_STATES, type Report, type ReportHeader, type ReportPart } from "./model.ts";
import { PartTally } from "./part-tally.ts";

export function emptyPart(): ReportPart {
  return new PartTally().toJson();
}

export function mergeParts(left: ReportPart, right: ReportPart): ReportPart {
  const tally = new PartTally();
  tally.merge(left);
  tally.merge(right);
  return tally.toJson();
}

/** Two halves of one run. Fails with `report.other_run` when they are not. */
export function mergeReports(left: Report, right: Report): Report {
  if (left.id !== right.id || left.run !== right.run) {
    const [first, second] = [left, right].map(({ id, run }) => `${id} of run ${run}`);
    throw new Failure("report.other_run", `merging reports ${first} and ${second}: two of one run are required`);
  }
  const { endedMs, id, kind, name, places, run, state, updatedMs } = later(left, right);
  return {
    ...{ id, kind, name, run, state, updatedMs, ...(endedMs !== undefined && { endedMs }), places },
    startedMs: Math.min(left.startedMs, right.startedMs),
    activeMs: left.activeMs + right.activeMs,
    ...mergeParts(left, right),
  };
}

function later(left: Report, right: Report): ReportHeader {
  const difference = left.updatedMs - right.updatedMs || rank(left) - rank(right);
  if (difference !== 0) return difference > 0 ? left : right;
  return tieBreak(left) >= tieBreak(right) ? left : right;
}

function rank({ state }: ReportHeader): number {
  return REPORT_STATES.indexOf(state);
}

/** Two that differ in nothing else must still give the same whichever comes first. */
function tieBreak({ endedMs, kind, name, places }: ReportHeader): string {
  return JSON.stringify([endedMs ?? null, kind, name, Object.entries(places)]);
}
