/**
 * One submitted pipeline of a master, through all its lives: it is prepared, opened, run on workers, and opened again from its
 * checkpoint when the owner of a stage is lost, when its sink was full, after a pause, and after a restart of the master.
 */
import { pause, systemClock } from "../../base/clock.ts";
import { Failure, toFailure } from "../../base/errors.ts";
import { seededRandom } from "../../base/random.ts";
import { type BackoffPolicy, backoffDelayMs } from "../../protocol/retry/index.ts";
import type { ArtifactShelf } from "../../work/artifact/index.ts";
import { type DispatchEvent, REWIND, Refusals, type WorkerPool } from "../../work/pipeline/dispatch/index.ts";
import type { PipelineRun } from "../../work/pipeline/engine/index.ts";
import type { PipelinePorts } from "../../work/pipeline/stages/index.ts";
import { prepareOrRefuse } from "../check-pipeline.ts";
import { type OpenedRun, openRun } from "../open-run.ts";
import type { PreparedPipeline } from "../prepare-pipeline.ts";
import type { KeptReport } from "../report/keep-report.ts";
import { observationOf } from "../report/observe-dispatch.ts";
import { keepRunReport, placesOf } from "../report/run-report.ts";
import { type RunSummary, summarise } from "../run-pipeline.ts";
import type { PipelineView } from "./pipelines-contract.ts";
import { remoteExecutor } from "./remote-executor.ts";
import type { Submission } from "./submissions.ts";

export interface MasterPipelinePorts {
  readonly dataDir: string | undefined;
  /** Of this life of the master: deployments of another one are not ours. */
  readonly instance: string;
  readonly pool: WorkerPool;
  readonly shelf: ArtifactShelf;
  readonly show: PipelinePorts["show"];
  readonly save: (entry: Submission) => void;
  readonly tell: (text: string) => void;
  readonly changed: (view: PipelineView) => void;
  /** What happens between it and its workers. */
  readonly dispatched: (pipeline: Pick<Submission, "id" | "name">, event: DispatchEvent) => void;
}

/** Batches under way for each one of the setting: two workers and more have to be kept busy. The memory bounds it. */
const IN_FLIGHT_FACTOR = 8;
/** A worker that owned stages is lost: at once, and slower when that goes on without a batch passing. */
const REWIND_DELAY: BackoffPolicy = { initialMs: 50, maxMs: 2_000 };
/** What may get better by itself: a full disk, an output in use. */
const RETRY_DELAY: BackoffPolicy = { initialMs: 1_000, maxMs: 30_000 };

/** Going back so often without a batch between, each time within a minute: the stages end their owners. */
const REWINDS_MAX = 50;
const LIFE_MS = 60_000;

type Wish = "running" | "paused" | "cancelled" | "reopened" | "left";

export class MasterPipeline {
  #entry: Submission;
  readonly #ports: MasterPipelinePorts;
  #state: PipelineView["state"];
  #detail: string | undefined;
  #wish: Wish = "running";
  #wished = new AbortController();
  #run: PipelineRun | undefined;
  #opened: OpenedRun | undefined;
  #living: Promise<void> | undefined;
  #lives = 0;
  #refusals = new Refusals(systemClock);
  #readBefore = 0;
  summary: RunSummary | undefined;

  constructor(entry: Submission, ports: MasterPipelinePorts) {
    this.#entry = entry;
    this.#ports = ports;
    this.#state = entry.state;
    this.#detail = entry.detail;
  }

  get entry(): Submission {
    return this.#entry;
  }

  /** Ended, failed or cancelled: nothing more comes without a word from outside. */
  get isOver(): boolean {
    return this.#living === undefined && this.#entry.state !== "running";
  }

  /** Runs, unless it does already. */
  start(): void {
    if (this.#living) return;
    this.#wish = "running";
    this.#wished = new AbortController();
    this.#refusals = new Refusals(systemClock);
    this.#keep({ state: "running", detail: undefined });
    this.#set("starting");
    this.#living = this.#live().finally(() => {
      this.#living = undefined;
      this.#ports.changed(this.view());
    });
  }

  /** Runs again, also when it is about to pause. */
  async resume(): Promise<void> {
    if (this.#wish !== "running") await this.#living;
    this.start();
  }

  /** Commits what is under way and waits; a failed one only stays so. Resolves when nothing of it runs. */
  async pause(): Promise<void> {
    await this.#end("paused");
  }

  async cancel(): Promise<void> {
    await this.#end("cancelled");
    if (this.#entry.state !== "cancelled") this.#keep({ state: "cancelled" });
    this.#set("cancelled");
  }

  /** Runs again from its checkpoint with what its file says now. */
  async reopen(entry: Submission): Promise<void> {
    await this.#end("reopened");
    this.#entry = entry;
    this.start();
  }

  /** The master ends: what is under way is committed, and the next life goes on. */
  async leave(): Promise<void> {
    await this.#end("left");
  }

  /** Of what runs now. */
  tree() {
    return this.#living && this.#run?.tree();
  }

  view(): PipelineView {
    const { id, name, path, rewinds, submittedMs } = this.#entry;
    const progress = this.#run?.progress();
    const live = progress?.stages ?? [];
    return {
      id,
      name,
      path,
      state: this.#state,
      ...(this.#detail !== undefined && { detail: this.#detail }),
      submittedMs,
      ...this.#records(),
      ...(progress && { readBytes: progress.readBytes }),
      ...(progress?.totalBytes !== undefined && { totalBytes: progress.totalBytes }),
      stages: (this.#run?.counts.stages ?? []).map(({ counts: each, stage }) => {
        const { restarts = 0, retries = 0 } = live.find((one) => one.name === stage) ?? {};
        return { name: stage, in: each.in, out: each.out, retries, restarts };
      }),
      rewinds,
    };
  }

  /** Of an earlier life of the master what it kept. */
  #records(): NonNullable<Submission["records"]> {
    const counts = this.#run?.counts;
    if (!counts) return this.#entry.records ?? { read: 0, written: 0, deadLettered: 0 };
    const all = [counts.source, ...counts.stages.map((each) => each.counts)];
    const deadLettered = all.reduce((sum, each) => sum + each.deadLettered, 0);
    return { read: counts.source.in, written: counts.written, deadLettered };
  }

  async #end(wish: Wish): Promise<void> {
    this.#wish = wish;
    this.#wished.abort();
    if (wish === "cancelled") this.#run?.abort("the pipeline was cancelled");
    else this.#run?.stop();
    if (this.#living && wish !== "cancelled") this.#set("pausing");
    await this.#living;
  }

  /** From life to life, until it is over or wished otherwise. */
  async #live(): Promise<void> {
    const random = seededRandom(process.pid);
    let report: KeptReport | undefined;
    let failures = 0;
    try {
      let prepared = await prepareOrRefuse(this.#entry.path);
      for (;;) {
        const readBefore = this.#run?.counts.source.in ?? 0;
        const begunMs = systemClock.monotonic();
        const end = await this.#oneLife(prepared, () => (report ??= this.#report(prepared)));
        if (end === undefined || this.#wish !== "running") return this.#settle(end, report);
        const isRewind = end.code === REWIND;
        if (!isRewind && !end.retryable) return this.#settle(end, report);
        const hadLife = systemClock.monotonic() - begunMs > LIFE_MS || (this.#run?.counts.source.in ?? 0) > readBefore;
        failures = hadLife ? 1 : failures + 1;
        if (isRewind && failures > REWINDS_MAX) return this.#settle(endless(end), report);
        if (isRewind) this.#keep({ rewinds: this.#entry.rewinds + 1 });
        this.#set(isRewind ? "starting" : "retrying", end.message);
        this.#ports.tell(`${this.#entry.name} goes back to its checkpoint: ${end.message}`);
        await pause(
          systemClock,
          backoffDelayMs(isRewind ? REWIND_DELAY : RETRY_DELAY, failures, random),
          this.#wished.signal,
        ).catch(() => {}); // wished otherwise: the next turn sees it
        if (!isRewind) prepared = await prepareOrRefuse(this.#entry.path);
      }
    } catch (thrown) {
      this.#settle(toFailure(thrown, "pipeline.failed"), report);
    }
  }

  /** Undefined when the run came to an end; else why it did not. */
  async #oneLife(prepared: PreparedPipeline, report: () => KeptReport): Promise<Failure | undefined> {
    const { dataDir, dispatched, instance, pool, shelf, show, tell } = this.#ports;
    const { fresh, id, input, name, output, run: begun } = this.#entry;
    const remote = await remoteExecutor(prepared, {
      pool,
      shelf,
      name: `${instance}/${id}/${++this.#lives}`,
      refusals: this.#refusals,
      observe: (event) => {
        const what = observationOf(event);
        if (what) report().builder.observe(what);
        dispatched({ id, name }, event);
      },
      tell: (text) => tell(`${name}: ${text}`),
    });
    let opened: OpenedRun | undefined;
    this.summary = undefined;
    try {
      const warn = (text: string): void => tell(`${name}: ${text}`);
      const inFlight = prepared.file.settings.in_flight * IN_FLIGHT_FACTOR;
      opened = await openRun(prepared, {
        dataDir,
        fresh,
        begun,
        input,
        output,
        executor: remote.executor,
        inFlight,
        show,
        warn,
      });
      this.#opened = opened;
      this.#run = opened.run;
      this.#readBefore = opened.run.counts.source.in;
      report();
      this.#keep({ fresh: false, run: opened.id });
      if (opened.isOver || this.#wish !== "running") return await this.#notRun(opened);
      void opened.run.started.then(
        () => this.#set("running"),
        () => {},
      ); // how it ends is told below
      const { how } = await opened.run.run();
      this.summary = summarise(name, opened, this.#readBefore, how);
      return undefined;
    } catch (thrown) {
      const failure = toFailure(thrown, "pipeline.failed");
      if (opened) this.summary = { ...summarise(name, opened, this.#readBefore, "failed"), error: failure };
      return failure;
    } finally {
      opened?.locks.release();
      await remote.close();
    }
  }

  /** It has come to its end before, or is not to go on now. */
  async #notRun(opened: OpenedRun): Promise<undefined> {
    await opened.run.discard();
    if (opened.isOver) this.summary = summarise(this.#entry.name, opened, this.#readBefore, "ended");
  }

  #report(prepared: PreparedPipeline): KeptReport {
    const { dataDir, tell } = this.#ports;
    const { id, name } = this.#entry;
    const places = placesOf(prepared, this.#opened!);
    return keepRunReport({ dataDir, subject: { id, name, run: id, places }, run: () => this.#run, warn: tell });
  }

  #settle(failure: Failure | undefined, report: KeptReport | undefined): void {
    const hasEnded = !failure && this.summary?.run === "ended";
    const wish = hasEnded && this.#wish !== "cancelled" ? "running" : this.#wish;
    if (wish === "left" || wish === "reopened") return report?.leave();
    const canGoOn = !failure || failure.retryable;
    if (wish === "paused" && canGoOn) {
      report?.leave();
      this.#keep({ state: "paused", records: this.#records() });
      return this.#set("paused");
    }
    if (wish === "cancelled") {
      report?.end("cancelled");
      this.#keep({ state: "cancelled", records: this.#records() });
      return this.#set("cancelled");
    }
    if (failure)
      report?.builder.observe({ type: "failed", id: this.#entry.id, code: failure.code, reason: failure.message });
    else for (const fault of this.#run?.counts.faults() ?? []) report?.builder.addFault(fault);
    report?.end(failure ? "failed" : "ended");
    this.#keep({ state: failure ? "failed" : "ended", detail: failure?.message, records: this.#records() });
    this.#set(failure ? "failed" : "ended", failure?.message);
  }

  #keep(change: Partial<Submission>): void {
    this.#entry = { ...this.#entry, ...change };
    this.#ports.save(this.#entry);
  }

  #set(state: PipelineView["state"], detail?: string): void {
    this.#state = state;
    this.#detail = detail;
    this.#ports.changed(this.view());
  }
}

function endless({ message }: Failure): Failure {
  const words = `went back to its checkpoint ${REWINDS_MAX} times in a row, and nothing passed between; the last time because`;
  return new Failure("pipeline.crash_loop", `${words} ${message}`);
}
