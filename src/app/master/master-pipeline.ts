/**
 * One submitted pipeline of a master, through all its lives: it is prepared, opened, run on workers, and opened again from its
 * checkpoint when the owner of a stage is lost, when a disk was full, after a pause, and after a restart of the master. Between
 * its lives it is numbers only: who lists a thousand pipelines that are over must not keep their memory.
 */
import { pause, systemClock } from "../../base/clock.ts";
import { Failure, messageOf, toFailure } from "../../base/errors.ts";
import { isDeposed } from "../../base/kept-state.ts";
import { seededRandom } from "../../base/random.ts";
import { backoffDelayMs } from "../../protocol/retry/index.ts";
import type { ArtifactShelf } from "../../work/artifact/index.ts";
import { type DispatchEvent, REWIND, Refusals, type WorkerPool } from "../../work/pipeline/dispatch/index.ts";
import type { PipelineRun } from "../../work/pipeline/engine/index.ts";
import type { PipelinePorts } from "../../work/pipeline/stages/index.ts";
import type { StoredReports } from "../../work/report/index.ts";
import { type OpenedRun, openRun, type RunChoices } from "../open-run.ts";
import type { PreparedPipeline } from "../prepare-pipeline.ts";
import type { KeptReport } from "../report/keep-report.ts";
import { observationOf } from "../report/observe-dispatch.ts";
import { endReportOfRun } from "../report/reports.ts";
import { keepRunReport, placesOf } from "../report/run-report.ts";
import { type RunSummary, summarise } from "../run-pipeline.ts";
import { KEPT_REPORT_MS, type KeptStores } from "./kept/kept-stores.ts";
import { KeptSubmission } from "./kept-submission.ts";
import { endless, IN_FLIGHT_FACTOR, LIFE_MS, RETRY_DELAY, REWINDS_MAX, SOON } from "./lives.ts";
import { isInUse, mayPass } from "./may-pass.ts";
import type { PipelineView } from "./pipelines-contract.ts";
import { type RemoteExecutorPorts, remoteExecutor } from "./remote-executor.ts";
import { numbersAtEnd, numbersBefore, numbersOf, type RunNumbers } from "./run-numbers.ts";
import { ShelvedStages } from "./shelved-stages.ts";
import type { Submission } from "./submissions.ts";

export interface MasterPipelinePorts {
  readonly dataDir: string | undefined;
  /** Of this life of the master: deployments of another one are not ours. */
  readonly instance: string;
  readonly pool: WorkerPool;
  readonly shelf: ArtifactShelf;
  readonly show: PipelinePorts["show"];
  readonly tracer?: PipelinePorts["tracer"];
  /** Durable when it resolves. */
  readonly save: (entry: Submission) => Promise<void>;
  readonly reports: StoredReports;
  readonly checkpoints: KeptStores["checkpoints"];
  /** What was submitted, to be run. Fails with its faults. */
  readonly prepare: (entry: Submission) => Promise<PreparedPipeline>;
  readonly tell: (text: string) => void;
  /** Something of it is another now; its state, when `isNews`. */
  readonly changed: (view: PipelineView, isNews: boolean) => void;
  /** What happens between it and its workers. */
  readonly dispatched: (pipeline: Pick<Submission, "id" | "name">, event: DispatchEvent) => void;
}

type Wish = "running" | "paused" | "cancelled" | "reopened" | "left" | "dropped";

export class MasterPipeline {
  readonly #kept: KeptSubmission;
  readonly #ports: MasterPipelinePorts;
  #state: PipelineView["state"];
  #detail: string | undefined;
  #toldState: string | undefined;
  #wish: Wish = "running";
  #wished = new AbortController();
  /** Of the life under way. */
  #run: PipelineRun | undefined;
  #report: KeptReport | undefined;
  #hasReported = false;
  /** When there is none. */
  #numbers: RunNumbers;
  #living: Promise<void> | undefined;
  #lives = 0;
  #refusals = new Refusals(systemClock);
  summary: RunSummary | undefined;

  constructor(entry: Submission, ports: MasterPipelinePorts) {
    const { save, tell } = ports;
    this.#kept = new KeptSubmission(entry, { clock: systemClock, save, tell });
    this.#ports = ports;
    this.#state = entry.state;
    this.#detail = entry.detail;
    this.#numbers = numbersBefore(entry);
  }

  get entry(): Submission {
    return this.#kept.entry;
  }

  /** Ended, failed, cancelled or paused: nothing more comes without a word from outside. */
  get isOver(): boolean {
    return this.#living === undefined && this.entry.state !== "running";
  }

  /** It runs, or will go on: its file, its checkpoint and its output are its own. */
  get isUnfinished(): boolean {
    return !this.isOver || this.entry.state === "paused";
  }

  /** Runs, unless it does already. */
  start(): void {
    if (this.#living) return;
    this.#wish = "running";
    this.#wished = new AbortController();
    this.#refusals = new Refusals(systemClock);
    this.#kept.changeAnyway({ state: "running", detail: undefined });
    this.#set("starting");
    this.#living = this.#live()
      .then((failure) => this.#settle(failure))
      .finally(() => {
        this.#living = undefined;
        this.#changed();
      });
  }

  /** Runs again, also when it is about to pause. Fails with `master.state` when it is cancelled meanwhile. */
  async resume(): Promise<void> {
    if (this.#wish !== "running") await this.#living;
    this.#refuseCancelled("resumed");
    this.start();
    await this.#kept.settled();
  }

  /** Commits what is under way and waits; a failed one only stays so. Resolves when nothing of it runs. */
  async pause(): Promise<void> {
    await this.#end("paused");
    await this.#kept.settled();
  }

  async cancel(): Promise<void> {
    await this.#end("cancelled");
    if (this.entry.state !== "cancelled") {
      this.#kept.changeAnyway({ state: "cancelled", detail: undefined });
      this.#endReport();
    }
    this.#set("cancelled");
    await this.#kept.settled();
  }

  /**
   * Runs again from its checkpoint with what its file says now. Fails with `master.store`, then nothing has changed, and with
   * `master.state` when it is cancelled meanwhile. With `drainMs` what is under way is committed within it, or done again.
   */
  async reopen(change: Partial<Submission>, drainMs?: number): Promise<void> {
    await this.#kept.announce(change);
    const over = drainMs === undefined ? undefined : systemClock.after(drainMs, () => this.#run?.abort("is reopened"));
    await this.#end("reopened").finally(() => over?.cancel());
    this.#refuseCancelled("submitted anew at the same time; submit it again");
    this.#kept.changeAnyway(change);
    this.start();
    await this.#kept.settled();
  }

  /** The master ends: what is under way is committed, and the next life goes on. */
  async leave(): Promise<void> {
    await this.#end("left");
  }

  /** Another master leads: it ends at once, nothing more is committed, and nobody hears of it. */
  async drop(reason: string): Promise<void> {
    this.close();
    this.#report?.drop();
    this.#wish = "dropped";
    this.#wished.abort();
    this.#run?.abort(reason);
    await this.#living;
  }

  /** Nothing is stored from now on. */
  close(): void {
    this.#kept.close();
  }

  tree() {
    return this.#run?.tree();
  }

  view(): PipelineView {
    const { id, name, path, rewinds, submittedMs } = this.entry;
    const { records, ...numbers } = this.#run ? numbersOf(this.#run) : this.#numbers;
    const detail = this.#detail ?? this.#kept.unsaved;
    return {
      ...{ id, name, path, state: this.#state, submittedMs, rewinds },
      ...(detail !== undefined && { detail }),
      ...records,
      ...numbers,
    };
  }

  /** For metrics: `run` is the life under way. */
  sample() {
    return { name: this.entry.name, rewinds: this.entry.rewinds, state: this.#state, run: this.#run };
  }

  async #end(wish: Wish): Promise<void> {
    if (this.#living && this.#wish === "cancelled") return this.#living; // that is the last word
    this.#wish = wish;
    this.#wished.abort();
    if (wish === "cancelled") this.#run?.abort("the pipeline was cancelled");
    else this.#run?.stop();
    if (this.#living && wish !== "cancelled") this.#set("pausing");
    await this.#living;
  }

  #refuseCancelled(what: string): void {
    if (this.#wish !== "cancelled") return;
    throw new Failure("master.state", `${this.entry.name} was cancelled and cannot be ${what}`);
  }

  /** From life to life, until it is over or wished otherwise; gives why it cannot go on. Never rejects. */
  async #live(): Promise<Failure | undefined> {
    const random = seededRandom(process.pid);
    let failures = 0;
    let stages: ShelvedStages | undefined;
    try {
      for (;;) {
        const { read } = this.#numbers.records;
        const begunMs = systemClock.monotonic();
        let end: Failure | undefined;
        try {
          stages ??= await this.#prepare();
          end = await this.#oneLife(stages);
        } catch (thrown) {
          end = toFailure(thrown, "pipeline.failed");
        }
        if (end === undefined || this.#wish !== "running" || !mayPass(end)) return end;
        const isRewind = end.code === REWIND;
        const hadLife = systemClock.monotonic() - begunMs > LIFE_MS || this.#numbers.records.read > read;
        failures = hadLife ? 1 : failures + 1;
        if (isRewind && failures > REWINDS_MAX) return endless(end);
        if (isRewind) this.#kept.changeAnyway({ rewinds: this.entry.rewinds + 1 });
        this.#set(isRewind ? "starting" : "retrying", end.message);
        this.#ports.tell(`${this.entry.name} goes back to its checkpoint: ${end.message}`);
        const delayMs = backoffDelayMs(isRewind || isInUse(end) ? SOON : RETRY_DELAY, failures, random);
        await pause(systemClock, delayMs, this.#wished.signal); // wished otherwise: the next turn sees it
        if (isRewind) continue;
        await stages?.close(this.#ports.tell);
        stages = undefined;
      }
    } catch (thrown) {
      return toFailure(thrown, "pipeline.failed");
    } finally {
      await stages?.close(this.#ports.tell);
    }
  }

  async #prepare(): Promise<ShelvedStages> {
    return new ShelvedStages(await this.#ports.prepare(this.entry), this.#ports.shelf);
  }

  /** Undefined when the run came to an end; else why it did not. */
  async #oneLife(stages: ShelvedStages): Promise<Failure | undefined> {
    const { prepared } = stages;
    const remote = await remoteExecutor(stages, this.#remotePorts());
    const { name } = this.entry;
    let opened: OpenedRun | undefined;
    let readBefore = 0;
    this.summary = undefined;
    try {
      opened = await this.#open(prepared, remote.executor);
      const { run } = opened;
      readBefore = run.counts.source.in;
      this.#run = run;
      this.#report ??= this.#beginReport(prepared, opened);
      if (opened.isOver || this.#wish !== "running") {
        await run.discard();
        if (opened.isOver) this.summary = summarise(name, opened, readBefore, "ended"); // it has come to its end before
        return undefined;
      }
      void run.started.then(
        () => this.#set("running"),
        () => {},
      ); // how it ends is told below
      const { how } = await run.run();
      this.summary = summarise(name, opened, readBefore, how);
      return undefined;
    } catch (thrown) {
      const failure = toFailure(thrown, "pipeline.failed");
      const { code, message } = failure;
      if (opened) this.summary = { ...summarise(name, opened, readBefore, "failed"), error: { code, message } };
      return failure;
    } finally {
      this.#letGo();
      opened?.locks.release();
      await remote.close();
    }
  }

  /** Who is killed from here on must know that it has begun this run: a run that cannot be stored does not begin. */
  async #open(prepared: PreparedPipeline, executor: RunChoices["executor"]): Promise<OpenedRun> {
    const { dataDir, show, tell, tracer } = this.#ports;
    const { fresh, input, name, output, path, run: begun } = this.entry;
    const checkpoints = this.#ports.checkpoints(path);
    const warn = (text: string): void => tell(`${name}: ${text}`);
    const inFlight = prepared.file.settings.in_flight * IN_FLIGHT_FACTOR;
    const choices = {
      dataDir,
      checkpoints,
      fresh,
      begun,
      input,
      output,
      executor,
      inFlight,
      isUnattended: true,
      show,
      tracer,
      warn,
    };
    const opened = await openRun(prepared, choices);
    try {
      await this.#kept.change({ fresh: false, run: opened.id });
      return opened;
    } catch (thrown) {
      await opened.run.discard();
      opened.locks.release();
      throw thrown;
    }
  }

  #remotePorts(): RemoteExecutorPorts {
    const { dispatched, instance, pool, tell } = this.#ports;
    const { id, name } = this.entry;
    return {
      pool,
      name: `${instance}/${id}/${++this.#lives}`,
      refusals: this.#refusals,
      observe: (event) => {
        const what = observationOf(event);
        if (what) this.#report?.builder.observe(what);
        dispatched({ id, name }, event);
      },
      tell: (text) => tell(`${name}: ${text}`),
    };
  }

  /** Keeps of the run what it has counted. */
  #letGo(): void {
    if (!this.#run) return;
    this.#report?.refresh();
    this.#numbers = numbersAtEnd(this.#run);
    this.#run = undefined;
  }

  #beginReport(prepared: PreparedPipeline, opened: OpenedRun): KeptReport {
    const { reports, tell } = this.#ports;
    const { id, name } = this.entry;
    const subject = { id, name, run: id, places: placesOf(prepared, opened) };
    const isOwn = this.#hasReported;
    this.#hasReported = true;
    const kept = { open: () => reports, everyMs: KEPT_REPORT_MS, isOwn };
    return keepRunReport({ ...kept, subject, run: () => this.#run, warn: tell });
  }

  /** Says how it came out. Never throws: there is nobody to hear it. */
  #settle(failure: Failure | undefined): void {
    const report = this.#report;
    this.#report = undefined;
    const hasEnded = !failure && this.summary?.run === "ended";
    const wish = hasEnded && this.#wish !== "cancelled" ? "running" : this.#wish;
    if (wish === "dropped" || (failure && isDeposed(failure))) return report?.drop();
    if (wish === "left" || wish === "reopened") return report?.leave();
    const { records } = this.#numbers;
    if (wish === "paused" && (!failure || mayPass(failure))) {
      report?.leave();
      this.#kept.changeAnyway({ state: "paused", records });
      return this.#set("paused");
    }
    if (wish === "cancelled") {
      if (report) report.end("cancelled");
      else this.#endReport();
      this.#kept.changeAnyway({ state: "cancelled", records });
      return this.#set("cancelled");
    }
    if (failure)
      report?.builder.observe({ type: "failed", id: this.entry.id, code: failure.code, reason: failure.message });
    else for (const fault of this.summary?.faults ?? []) report?.builder.addFault(fault);
    const state = failure ? "failed" : "ended";
    report?.end(state);
    this.#kept.changeAnyway({ state, detail: failure?.message, records });
    this.#set(state, failure?.message);
  }

  /** The stored one of a pipeline that is cancelled while nothing of it runs: nobody goes on in it. */
  #endReport(): void {
    endReportOfRun(this.#ports.reports, this.entry.id, "cancelled").catch((thrown: unknown) => {
      if (!isDeposed(thrown)) this.#ports.tell(`${this.entry.name}: its report is not ended: ${messageOf(thrown)}`);
    });
  }

  #set(state: PipelineView["state"], detail?: string): void {
    this.#state = state;
    this.#detail = detail;
    this.#changed();
  }

  #changed(): void {
    const isNews = this.#toldState !== this.#state;
    this.#toldState = this.#state;
    this.#ports.changed(this.view(), isNews);
  }
}
