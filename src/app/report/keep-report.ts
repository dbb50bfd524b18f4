/**
 * Keeps a run's report on disk while it goes on: goes on in the stored one when the run does, writes about once a second
 * and once more at the end. A report is never a reason to stop: what cannot be stored is told once, and tried again.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import type { Random } from "../../base/random.ts";
import {
  type Report,
  ReportBuilder,
  type ReportState,
  ReportStore,
  type ReportSubject,
  type ReportView,
  reportId,
  viewOf,
} from "../../work/report/index.ts";

/** What a kill -9 may take from a report, and little enough writing not to be felt. */
const SAVE_EVERY_MS = 1_000;

export interface KeepReportOptions {
  /** `reportsPath(dataDir)`. */
  readonly path: string;
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
  readonly #store: ReportStore | undefined;
  #timer: Timer | undefined;
  #isWarned = false;

  /** Never throws. */
  constructor(options: KeepReportOptions) {
    this.#options = options;
    this.#store = this.#tried(() => ReportStore.open(options.path));
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
    this.#timer?.cancel();
    const report = this.#save(state);
    this.#store?.close();
    return viewOf(report);
  }

  /** Leaves it as it is, still running: the next life of its owner goes on in it. */
  leave(): void {
    this.#timer?.cancel();
    this.#save("running");
    this.#store?.close();
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
    this.#timer = this.#options.clock.after(SAVE_EVERY_MS, () => {
      this.#save("running");
      this.#arm();
    });
  }

  #save(state: ReportState): Report {
    const report = this.#report(state);
    this.#tried(() => this.#store?.save(report));
    return report;
  }

  #report(state: ReportState): Report {
    this.#options.refresh(this.builder);
    return state === "running" ? this.builder.snapshot() : this.builder.end(state);
  }

  #tried<T>(attempt: () => T): T | undefined {
    try {
      return attempt();
    } catch (thrown) {
      if (!this.#isWarned) this.#options.warn(`the report is not stored: ${messageOf(thrown)}`);
      this.#isWarned = true;
      return undefined;
    }
  }
}
