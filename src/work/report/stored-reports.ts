/** Reports that are kept: what any store of them is, and how one is found by what people write. */
import { z } from "zod";
import { Failure, messageOf } from "../../base/errors.ts";
import type { Random } from "../../base/random.ts";
import { REPORT_KINDS, REPORT_STATES, type Report } from "./model.ts";
import { reportId } from "./report-id.ts";
import { successRatioOf } from "./view.ts";

/** Weeks of work; at tens of kilobytes each a store stays small. */
export const REPORTS_MAX = 500;
/** With a million ids for each name and day, meeting ten that exist is no chance. */
const ID_ATTEMPTS = 10;
/** Ids named in a failure. */
const NAMED_MAX = 5;

export const reportLine = z.object({
  id: z.string(),
  kind: z.enum(REPORT_KINDS),
  name: z.string(),
  state: z.enum(REPORT_STATES),
  startedMs: z.number(),
  updatedMs: z.number(),
  activeMs: z.number(),
  /** Records or tasks. */
  total: z.number(),
  failed: z.number(),
  successRatio: z.number().optional(),
});

/** A report in a list. */
export type ReportLine = z.output<typeof reportLine>;

export interface StoredReports {
  /** An id that no report here has. */
  newId(name: string, nowMs: number, random: Random): string;
  /** Takes the place of the report of this id; durable when it returns, or resolves where it gives a promise. Fails with `report.write_failed`. */
  save(report: Report): void | Promise<void>;
  /** The latest begun first. */
  list(limit?: number): ReportLine[];
  /**
   * By its id; by the name of what has run, then the latest one; by the beginning of its id or the last part of it, when only one
   * report has that. Fails with `report.not_found` or `report.ambiguous`, saying what there is.
   */
  get(written: string): Report;
  /** The report of a run that goes on. */
  ofRun(run: string): Report | undefined;
  close(): void;
}

export function lineOf(report: Report): ReportLine {
  const { activeMs, counts, id, kind, name, startedMs, state, updatedMs } = report;
  const failed = kind === "task" ? counts.failed : counts.deadLettered;
  return {
    id,
    kind,
    name,
    state,
    startedMs,
    updatedMs,
    activeMs,
    total: counts.in,
    failed,
    successRatio: successRatioOf(report),
  };
}

export function unusedId(isUsed: (id: string) => boolean, name: string, nowMs: number, random: Random): string {
  for (let attempt = 0; attempt < ID_ATTEMPTS; attempt++) {
    const id = reportId(name, nowMs, random);
    if (!isUsed(id)) return id;
  }
  throw new Failure(
    "report.no_id",
    `${ID_ATTEMPTS} ids for a report of ${name} were all taken; an unused one is required`,
  );
}

/** The id that is meant, of these reports, the latest first. `place` is where they are, for people. */
export function idMeant(written: string, lines: readonly Pick<ReportLine, "id" | "name">[], place: string): string {
  const found = lines.find(({ id }) => id === written) ?? lines.find(({ name }) => name === written);
  if (found) return found.id;
  const ids = lines.map(({ id }) => id);
  const meant = written === "" ? [] : ids.filter((id) => id.startsWith(written) || id.endsWith(`-${written}`));
  if (meant.length === 1) return meant[0]!;
  if (meant.length > 1) {
    const message = `${written} may be any of ${meant.length} reports: ${someOf(meant)}; more of the id is required`;
    throw new Failure("report.ambiguous", message);
  }
  const there = ids.length === 0 ? "there are none in it" : `there are ${someOf(ids)}`;
  throw new Failure("report.not_found", `no report ${JSON.stringify(written)} in ${place}; ${there}`);
}

/** What was stored, in its form. Fails with `report.damaged`. */
export function readStored<T>(read: () => unknown, schema: z.ZodType<T>, place: string): T {
  try {
    return schema.parse(read());
  } catch (thrown) {
    const what = thrown instanceof z.ZodError ? z.prettifyError(thrown) : messageOf(thrown);
    const message = `reading a report in ${place}: ${what}; a report as this program writes it is required`;
    throw new Failure("report.damaged", message, { cause: thrown });
  }
}

function someOf(ids: readonly string[]): string {
  const more = ids.length - NAMED_MAX;
  return ids.slice(0, NAMED_MAX).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
