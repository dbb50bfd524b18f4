/**
 * Keeps a run's report stored while it goes on: goes on in the stored one when the run does, writes now and then and once more
 * at the end. A report is never a reason to stop: what cannot be stored is told once, and tried again. One write at a time; where
 * a store is slow, what was to be written meanwhile is written as it is then.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import { isDeposed } from "../../base/kept-state.ts";
import type { Random } from "../../base/random.ts";
import {
  type Report,
  ReportBuilder,
  type ReportState,
  type ReportSubject,
  type ReportView,
  reportId,
  type StoredReports,
  viewOf,
} from "../../work/report/index.ts";

/** What a kill -9 may take from a report, and little enough writing not to be felt. */
const SAVE_EVERY_MS = 1_000;
/** How often a last word that could not be stored is tried again: a group finds another leader meanwhile, or somebody makes room. */
const LAST_TRIES = 60;

export interface KeepReportOptions {
  /** Closed with the report. */
  readonly open: () => StoredReports;
  /** Between two writings. */
  readonly everyMs?: number | undefined;
  /** Without an id it gets one of its own. */
  readonly subject: Omit<ReportSubject, "id"> & Partial<Pick<ReportSubject, "id">>;
  /** This process has left it before, and goes on in it: nothing has cut it off. */
  readonly isOwn?: boolean | undefined;
  readonly clock: Clock;
  readonly random: Random;
  /** Called before each writing: to set what the run counts itself. */
  readonly refresh: (builder: ReportBuilder) => void;
  readonly warn: (text: string) => void;
}

export class KeptReport {
  readonly builder: ReportBuilder;
  readonly #options: KeepReportOptions;
  readonly #store: StoredReports | undefined;
  #timer: Timer | undefined;
  #isWarned = false;
  /** Nothing more is written by anybody but `#write` itself. */
  #isLast = false;
  #writing: Promise<void> | undefined;
  #next: Report | undefined;
  #triesLeft = LAST_TRIES;

  /** Never throws. */
  constructor(options: KeepReportOptions) {
    this.#options = options;
    this.#store = this.#tried(options.open);
    this.builder = this.#tried(() => this.#goOn()) ?? this.#begin();
    this.#save("running");
    this.#arm();
  }

  get id(): string {
    return this.builder.id;
  }

  /** As it is now. */
  view(): ReportView {
    return viewOf(this.#report("running"));
  }

  /** Takes what the run has counted, before it is let go. */
  refresh(): void {
    this.#options.refresh(this.builder);
  }

  /** Writes it for the last time. */
  end(state: Exclude<ReportState, "running">): ReportView {
    return viewOf(this.#last(state));
  }

  /** Leaves it as it is, still running: the next life of its owner goes on in it. */
  leave(): void {
    this.#last("running");
  }

  /** Says nothing any more: somebody else goes on in it. */
  drop(): void {
    this.#isLast = true;
    this.#triesLeft = 0;
    this.#next = undefined;
    this.#close();
  }

  #goOn(): ReportBuilder | undefined {
    const { clock, isOwn, subject } = this.#options;
    const stored = this.#store?.ofRun(subject.run);
    if (!stored) return undefined;
    return ReportBuilder.from(isOwn ? { ...stored, state: "ended" } : stored, clock); // one left running counts as a restart
  }

  #begin(): ReportBuilder {
    const { clock, random, subject } = this.#options;
    if (subject.id !== undefined) return ReportBuilder.begin({ ...subject, id: subject.id }, clock);
    const unused = this.#tried(() => this.#store?.newId(subject.name, clock.now(), random));
    return ReportBuilder.begin({ ...subject, id: unused ?? reportId(subject.name, clock.now(), random) }, clock);
  }

  #arm(): void {
    const { clock, everyMs = SAVE_EVERY_MS } = this.#options;
    this.#timer = clock.after(everyMs, () => {
      this.#save("running");
      this.#arm();
    });
  }

  #last(state: ReportState): Report {
    this.#timer?.cancel();
    this.#isLast = true;
    const report = this.#save(state);
    if (!this.#writing && !this.#next) this.#close();
    return report;
  }

  #save(state: ReportState): Report {
    const report = this.#report(state);
    this.#write(report);
    return report;
  }

  #write(report: Report): void {
    this.#next = this.#writing ? report : undefined;
    if (this.#writing) return;
    const saved = this.#tried(() => this.#store?.save(report));
    if (!(saved instanceof Promise)) return;
    this.#writing = saved.then(
      () => this.#written(),
      (thrown: unknown) => this.#refused(thrown, report),
    );
  }

  #written(): void {
    this.#writing = undefined;
    if (this.#next) this.#write(this.#next);
    else if (this.#isLast) this.#close();
  }

  #refused(thrown: unknown, report: Report): void {
    this.#writing = undefined;
    if (isDeposed(thrown)) return this.drop();
    this.#warn(thrown);
    if (this.#isLast && this.#triesLeft-- <= 0) return this.#close();
    if (this.#isLast) this.#timer = this.#options.clock.after(SAVE_EVERY_MS, () => this.#write(this.#next ?? report));
  }

  #close(): void {
    this.#timer?.cancel();
    this.#store?.close();
  }

  #report(state: ReportState): Report {
    this.#options.refresh(this.builder);
    return state === "running" ? this.builder.snapshot() : this.builder.end(state);
  }

  #tried<T>(attempt: () => T): T | undefined {
    try {
      return attempt();
    } catch (thrown) {
      this.#warn(thrown);
      return undefined;
    }
  }

  #warn(thrown: unknown): void {
    if (!this.#isWarned) this.#options.warn(`the report is not stored: ${messageOf(thrown)}`);
    this.#isWarned = true;
  }
}
