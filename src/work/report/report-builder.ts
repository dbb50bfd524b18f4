/**
 * A report in the making: told what happens while it happens, it can be read at any time. A run that goes on after its
 * master has died goes on in its stored report. What the run counts itself and keeps with its checkpoint (records by
 * stage, bytes) is *set*, never added: the checkpoint is right, also when it goes back. Everything else is *observed*.
 */
import type { Clock } from "../../base/clock.ts";
import {
  addNumbers,
  cut,
  NAME_CHARS_MAX,
  type Report,
  type ReportBytes,
  type ReportCounts,
  type ReportHeader,
  type ReportPart,
  type ReportState,
  type StageCounts,
} from "./model.ts";
import type { Observation } from "./observation.ts";
import { PartTally } from "./part-tally.ts";
import type { StageTotals } from "./tallies.ts";

/** Whose report it is. */
export type ReportSubject = Pick<ReportHeader, "id" | "kind" | "name" | "run"> & Partial<Pick<ReportHeader, "places">>;

/** As a run counts its records: the source, each stage in its order, and what the sink took. */
export interface RecordCounts {
  readonly source: StageCounts;
  readonly stages: readonly { readonly stage: string; readonly counts: StageCounts }[];
  readonly written: number;
}

/** Stands in front of the stages. */
const SOURCE = "source";

type Life = Pick<ReportHeader, "id" | "kind" | "name" | "run" | "places" | "startedMs" | "activeMs">;

export class ReportBuilder {
  readonly #life: Life;
  readonly #clock: Pick<Clock, "now" | "monotonic">;
  /** On the monotonic clock. */
  readonly #begunMs: number;
  readonly #tally = new PartTally();

  private constructor(life: Life, clock: Pick<Clock, "now" | "monotonic">) {
    this.#life = life;
    this.#clock = clock;
    this.#begunMs = clock.monotonic();
  }

  static begin(subject: ReportSubject, clock: Pick<Clock, "now" | "monotonic">): ReportBuilder {
    const { id, kind, places = {}, run } = subject;
    const name = cut(subject.name, NAME_CHARS_MAX);
    return new ReportBuilder({ id, kind, name, run, places, startedMs: clock.now(), activeMs: 0 }, clock);
  }

  /** Goes on where a report was left. One that was left running tells of an owner that died: a restart of the master. */
  static from(stored: Report, clock: Pick<Clock, "now" | "monotonic">): ReportBuilder {
    const { activeMs, id, kind, name, places, run, startedMs, state } = stored;
    const builder = new ReportBuilder({ id, kind, name, run, places, startedMs, activeMs }, clock);
    builder.#tally.merge(stored);
    if (state === "running") builder.observe({ type: "restart", what: "master" });
    return builder;
  }

  get id(): string {
    return this.#life.id;
  }

  observe(what: Observation): void {
    this.#tally.observe(what);
  }

  /** What somebody else has observed, for instance a worker. */
  merge(part: ReportPart): void {
    this.#tally.merge(part);
  }

  /** For what nobody else counts: tasks. */
  addCounts(more: Partial<ReportCounts>): void {
    addNumbers(this.#tally.counts, more);
  }

  /** Where every record went, by the run's own counts: those of its checkpoint. */
  setRecords({ source, stages, written }: RecordCounts): void {
    const isTaken = stages.some(({ stage }) => stage === SOURCE);
    const all = [{ stage: isTaken ? `(${SOURCE})` : SOURCE, counts: source }, ...stages];
    all.forEach(({ counts, stage }, order) => {
      const tally = this.#tally.stages.of(stage);
      tally.order = order;
      tally.counts = pickCounts(counts);
    });
    const sum = (key: keyof StageCounts): number => all.reduce((total, { counts }) => total + counts[key], 0);
    const [added, filtered, deadLettered, skipped] = [
      sum("added"),
      sum("filtered"),
      sum("deadLettered"),
      sum("skipped"),
    ];
    const { in: read, out } = { in: source.in, out: all.at(-1)!.counts.out };
    this.#tally.counts = { ...this.#tally.counts, in: read, added, out, filtered, deadLettered, skipped, written };
  }

  /** A stage's running totals since this process began with it. */
  followStage(name: string, totals: StageTotals): void {
    this.#tally.followStage(name, totals);
  }

  setBytes(bytes: ReportBytes): void {
    this.#tally.bytes = { ...bytes };
  }

  /** What does not add up, in words. */
  addFault(fault: string): void {
    this.#tally.addFault(fault);
  }

  snapshot(): Report {
    return this.#report("running");
  }

  end(state: Exclude<ReportState, "running">): Report {
    const report = this.#report(state);
    return { ...report, endedMs: report.updatedMs };
  }

  #report(state: ReportState): Report {
    const activeMs = this.#life.activeMs + Math.round(this.#clock.monotonic() - this.#begunMs);
    return { ...this.#life, state, updatedMs: this.#clock.now(), activeMs, ...this.#tally.toJson() };
  }
}

/** What a worker observes, to be sent and added up elsewhere. */
export class PartBuilder {
  #tally = new PartTally();

  observe(what: Observation): void {
    this.#tally.observe(what);
  }

  /** What was observed since the last time. */
  take(): ReportPart {
    const part = this.#tally.toJson();
    this.#tally = new PartTally();
    return part;
  }
}

/** Callers' counts may hold more. */
function pickCounts({ added, deadLettered, filtered, in: taken, out, skipped }: StageCounts): StageCounts {
  return { in: taken, added, out, filtered, deadLettered, skipped };
}
