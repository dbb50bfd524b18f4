/**
 * What a report holds, as it is stored and sent: plain JSON with a version, checked when it is read. A *part* is what can be
 * added up (counts, histograms, lists of the first few); a report is a part with a header that says whose it is. Nothing
 * derived is in it: shares, ratios and percentiles are for `view.ts`, because they do not add up.
 */
import { z } from "zod";
import { messageOf } from "../../base/errors.ts";
import { Histogram } from "../../base/histogram.ts";

/** Reports of another version are refused, not guessed at. */
export const REPORT_VERSION = 1;

/** Slowest items kept: what a person looks through. */
export const SLOWEST_MAX = 20;
/** Reasons of failures kept with counts of their own: reasons may quote values and so all differ. */
export const REASONS_MAX = 100;
/** Items named for each reason: enough to look one up. */
export const EXAMPLES_MAX = 3;
/** More nodes than a cluster of this kind has; what they did beyond is counted under one name. */
export const NODES_MAX = 512;
/** Stages of one pipeline, those taken out under way among them. */
export const STAGES_MAX = 512;
/** Faults in words: more say no more. */
export const FAULTS_MAX = 100;
/** A reason may be a whole stack: so much says what it is. */
export const REASON_CHARS_MAX = 1_000;
/** Names and ids come from files and plugins. */
export const NAME_CHARS_MAX = 200;

/** Under this name stand the stages and the nodes that are too many. */
export const OTHERS = "(others)";

const number = z.number().nonnegative();
const count = z.number().int().nonnegative();
const name = z.string().max(NAME_CHARS_MAX);

const histogram = z
  .object({ version: z.literal(1), minMs: number, maxMs: number, buckets: z.array(count).readonly() })
  .superRefine((json, context) => {
    try {
      Histogram.fromJson(json);
    } catch (thrown) {
      context.addIssue(messageOf(thrown));
    }
  });

/** For tasks `in` is how many there are, `skipped` counts those that a failed one has kept from running. */
const counts = z.object({
  in: count,
  added: count,
  out: count,
  filtered: count,
  deadLettered: count,
  skipped: count,
  written: count,
  done: count,
  failed: count,
  retried: count,
});

const events = z.object({
  retries: count,
  hedges: count,
  lateResults: count,
  failovers: count,
  workersLost: count,
  hostRestarts: count,
  workerRestarts: count,
  masterRestarts: count,
});

const bytes = z.object({ in: count, out: count });

const stageCounts = counts.pick({
  in: true,
  added: true,
  out: true,
  filtered: true,
  deadLettered: true,
  skipped: true,
});

const stage = z.object({
  name,
  /** Its place in the pipeline. */
  order: count,
  counts: stageCounts,
  retries: count,
  restarts: count,
  /** Microseconds: whole numbers add up exactly in any order. */
  busyUs: count,
  latency: histogram,
});

const node = z.object({
  name,
  rows: count,
  bytesIn: count,
  bytesOut: count,
  failures: count,
  lateResults: count,
  timesLost: count,
  busyUs: count,
  /** Of the batches or tasks that it has done; their number is its total. */
  latency: histogram,
});

const slowItem = z.object({ id: name, node: name, ms: number, rows: count });

const reason = z.object({
  /** Empty where it was no stage that failed. */
  stage: name,
  code: name,
  reason: z.string().max(REASON_CHARS_MAX),
  count,
  examples: z.array(z.object({ id: name, node: name })).readonly(),
});

const failures = z.object({
  reasons: z.array(reason).readonly(),
  /** Failures whose reasons are not among them. */
  others: count,
});

export const partSchema = z.object({
  version: z.literal(REPORT_VERSION),
  counts,
  events,
  bytes,
  /** Of batches, or of tasks. */
  latency: histogram,
  stages: z.array(stage).readonly(),
  nodes: z.array(node).readonly(),
  /** The slowest first. */
  slowest: z.array(slowItem).readonly(),
  failures,
  /** What was found not to add up, in words. */
  faults: z.array(z.string()).readonly(),
});

export const REPORT_KINDS = ["pipeline", "task"] as const;
/** From the least to the most final: of two that were written at one time the further one counts. */
export const REPORT_STATES = ["running", "stopped", "ended", "cancelled", "failed"] as const;

const header = z.object({
  id: name,
  kind: z.enum(REPORT_KINDS),
  /** Of the pipeline or the task graph. */
  name,
  /** The run that it tells of: the same after a restart. */
  run: name,
  state: z.enum(REPORT_STATES),
  /** Milliseconds since the epoch. */
  startedMs: number,
  updatedMs: number,
  endedMs: number.optional(),
  /** How long it was really at work, all its lives together. */
  activeMs: count,
  /** Where things lie, by what they are: file, output, dead letters. */
  places: z.record(z.string(), z.string()),
});

export const reportSchema = header.extend(partSchema.shape);

export type ReportKind = (typeof REPORT_KINDS)[number];
export type ReportState = (typeof REPORT_STATES)[number];
export type ReportCounts = z.output<typeof counts>;
export type ReportEvents = z.output<typeof events>;
export type ReportBytes = z.output<typeof bytes>;
export type StageRecord = z.output<typeof stage>;
export type StageCounts = z.output<typeof stageCounts>;
export type NodeRecord = z.output<typeof node>;
export type SlowItem = z.output<typeof slowItem>;
export type ReasonRecord = z.output<typeof reason>;
export type FailureRecord = z.output<typeof failures>;
export type ReportPart = z.output<typeof partSchema>;
export type ReportHeader = z.output<typeof header>;
export type Report = z.output<typeof reportSchema>;

export function noCounts(): ReportCounts {
  const pipeline = { ...noStageCounts(), written: 0 };
  return { ...pipeline, done: 0, failed: 0, retried: 0 };
}

export function noStageCounts(): StageCounts {
  return { in: 0, added: 0, out: 0, filtered: 0, deadLettered: 0, skipped: 0 };
}

export function noEvents(): ReportEvents {
  const faults = { retries: 0, hedges: 0, lateResults: 0, failovers: 0, workersLost: 0 };
  return { ...faults, hostRestarts: 0, workerRestarts: 0, masterRestarts: 0 };
}

/** Adds field by field. */
export function addNumbers<T extends Record<string, number>>(sum: T, more: Readonly<Partial<T>>): void {
  for (const [key, value] of Object.entries(more)) {
    (sum as Record<string, number>)[key] = (sum[key] ?? 0) + value; // a key of T by its type
  }
}

/** Foreign words of any length, cut to what is kept. */
export function cut(text: string, charsMax: number): string {
  return text.length <= charsMax ? text : `${text.slice(0, charsMax - 1).toWellFormed()}…`;
}
