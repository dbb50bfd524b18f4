/**
 * One run of a pipeline from its source's position to the end of the input: cuts batches, sends each through the stages,
 * hands it to the committer. It can be asked to stop early; then what is under way is finished and the rest is left for
 * the next run. Ends are opened, positions restored and everything closed here; what they are is chosen elsewhere.
 */
import { Failure, toFailure } from "../../../base/errors.ts";
import type { TreeNode } from "../../../process/supervise/index.ts";
import { RAW_HEADER_BYTES, sealRaw } from "../../../wire/batch/index.ts";
import type { RawFormat } from "../../../wire/format/index.ts";
import type { SinkPosition } from "../sink/index.ts";
import type { Cut, Source, SourcePosition } from "../source/index.ts";
import {
  type ChangeReport,
  type Executor,
  type Fence,
  type Item,
  ItemTrace,
  type Slot,
  type StagePlan,
  WaitMeter,
} from "../stages/index.ts";
import { Committer } from "./committer.ts";
import { Credits } from "./credits.ts";
import { batchesInFlight, largestCut } from "./in-flight.ts";
import { oversizedLetters } from "./oversized.ts";
import type { FingerprintOf, PipelinePlan, RunPorts } from "./plan.ts";
import { type CountsJson, RunCounts } from "./run-counts.ts";
import { tracedPost } from "./traced-post.ts";

export interface RunEnd {
  /** ended: all input went through. stopped: asked to stop; the checkpoint says where. */
  readonly how: "ended" | "stopped";
}

/** Batches between two barriers at most: bounds what a stage with state keeps for its replay. */
const BARRIER_BATCHES = 32;

type Kind = Pick<Item, "barrier" | "finish" | "fence" | "trace">;

const EMPTY_FORMAT: RawFormat = { kind: "ndjson" };

export class PipelineRun {
  readonly counts: RunCounts;
  readonly #plan: PipelinePlan;
  readonly #ports: RunPorts;
  readonly #abort = new AbortController();
  readonly #failed = Promise.withResolvers<never>();
  readonly #pumping = Promise.withResolvers<void>();
  /** Ends what the pump waits for. */
  #interrupt: () => void = () => {};
  readonly #credits: Credits;
  readonly #inFlightMax: number;
  /** Of the source, for batches under way to be over and for room. */
  readonly #heldBack: WaitMeter;
  readonly #committer: Committer;
  readonly #executor: Executor;
  #run: PipelinePlan["run"];
  #ending = false;
  /** Fences and idle barriers under way: they took no credit, and give none back. */
  readonly #uncredited = new Set<number>();
  readonly #startedMs: number;
  #stopping = false;
  #seq: number;
  #position: SourcePosition | undefined;
  #timeMs: number;
  #sinceBarrier = 0;
  #barrierMs: number;
  #progressBytes = 0;

  constructor(plan: PipelinePlan, ports: RunPorts) {
    this.#plan = plan;
    this.#ports = ports;
    const { settings, resume } = plan;
    this.#failed.promise.catch(() => {});
    this.#seq = resume?.seq ?? 0;
    this.#startedMs = this.#barrierMs = ports.clock.monotonic();
    this.#timeMs = plan.run.startedMs;
    this.#position = resume?.source as SourcePosition | undefined; // the source that wrote it checks it in `open`
    const names = plan.stages.map(({ name }) => name);
    this.counts = new RunCounts(names, resume?.counts as CountsJson | undefined); // written by toJson
    this.#run = plan.run;
    const inFlight = batchesInFlight(settings, plan.inFlight);
    this.#credits = new Credits(inFlight);
    this.#inFlightMax = inFlight;
    this.#heldBack = new WaitMeter(ports.clock);
    this.#committer = this.#buildCommitter();
    this.#executor = ports.executor({
      pipeline: plan.name,
      run: plan.run.run,
      stages: plan.stages,
      settings,
      encoding: plan.sink.encoding,
      inFlight,
      firstSeq: this.#seq,
      states: resume?.states,
      ports,
      signal: this.#abort.signal,
      untilOldest: (seq) => this.#committer.untilOldest(seq),
      failed: (reason) => this.#fail(reason),
    });
  }

  /** Resolves when the stages run and batches begin to flow; never, when they do not. */
  get started(): Promise<void> {
    return this.#pumping.promise;
  }

  /** Hands records to the source; undefined where it takes none by hand. */
  get post(): Source["post"] {
    return tracedPost(this.#plan, this.#ports.tracer);
  }

  /** Runs to the end of the input, or until stopped. Fails when the pipeline cannot go on; it can be resumed then. */
  async run(): Promise<RunEnd> {
    const { source, sink, deadLetters, deadLettersStart, resume } = this.#plan;
    try {
      await source.open(this.#position);
      await this.#orStopped(this.#orFailed(this.#executor.start())); // before any output is emptied
      if (this.#stopping) return await this.#neverStarted();
      await sink.open(resume?.sink as SinkPosition | undefined); // the sink that wrote it checks it
      await deadLetters.open((resume?.deadLetters as SinkPosition | undefined) ?? deadLettersStart);
      this.#pumping.resolve();
      const how = await this.#orFailed(this.#pump());
      await this.#executor.stop();
      return { how };
    } catch (thrown) {
      this.#fail(thrown); // outputs are let go as they are, not finished
      throw thrown;
    } finally {
      await this.#close(this.#abort.signal.aborted);
    }
  }

  /** Asked to stop before anything flowed: the output stays as it was. */
  async #neverStarted(): Promise<RunEnd> {
    this.#fail(new Failure("pipeline.aborted", "the run was stopped before its stages ran"));
    return { how: "stopped" };
  }

  /** Instead of `run`: gives back what was opened with it. */
  discard(): Promise<void> {
    return this.#close(true);
  }

  /** Takes no further batch; what is under way is finished and committed. */
  stop(): void {
    this.#stopping = true;
    this.#executor.resume();
    this.#interrupt();
  }

  /** Gives up at once; what is under way is lost to this run and done again by the next. */
  abort(reason: string): void {
    this.#fail(new Failure("pipeline.aborted", reason));
  }

  progress() {
    const { clock } = this.#ports;
    return {
      elapsedMs: clock.monotonic() - this.#startedMs,
      readBytes: this.#progressBytes,
      totalBytes: this.#plan.source.totalBytes,
      stages: this.#executor.progress(),
      latency: this.#committer.latency,
      /** Batches under way, of those that may be; and how long the source was kept from reading more. */
      inFlight: this.#inFlightMax - this.#credits.left,
      inFlightMax: this.#inFlightMax,
      heldBackMs: this.#heldBack.totalMs,
    };
  }

  /** The pipeline's supervisor and all below it. */
  tree(): TreeNode {
    return this.#executor.tree();
  }

  /** Stops a stage, or one of its hosts (`lane 0`, `standby 0`): its batches wait. */
  stopChild(stage: string, host?: string): Promise<void> {
    return this.#executor.stopChild(stage, host);
  }

  /** Stops it in order, where it runs, and starts it again; resolves when it serves. */
  restartChild(stage: string, host?: string): Promise<void> {
    return this.#executor.restartChild(stage, host);
  }

  /** The stages at work, in order. */
  get stages(): readonly StagePlan[] {
    return this.#executor.stages;
  }

  /**
   * Changes the stages under way; see live-change.ts. Fails with `reload.*` or `swap.*` and leaves the run as it was. `wanted` is
   * asked when other changes are done.
   */
  async change(wanted: () => readonly StagePlan[], fingerprintOf: FingerprintOf): Promise<ChangeReport> {
    await this.#orFailed(this.#pumping.promise);
    const report = await this.#orFailed(
      this.#executor.change(wanted, {
        send: (fence, switchOver) => this.#sendFence(fence, switchOver),
        committed: (seq) => this.#committer.until(seq),
      }),
    );
    this.#run = { ...this.#run, fingerprint: fingerprintOf(this.stages) };
    this.counts.fold();
    return report;
  }

  async #pump(): Promise<RunEnd["how"]> {
    const { settings, source } = this.#plan;
    for (;;) {
      await this.#heldBack.during(this.#orStopped(this.#credits.take()));
      if (this.#stopping) break;
      const slot = await this.#heldBack.during(this.#slot(largestCut(settings) + RAW_HEADER_BYTES));
      const target = slot.view.subarray(RAW_HEADER_BYTES);
      const limits = { rows: settings.batch_rows, bytes: settings.batch_bytes };
      const readFromMs = this.#ports.clock.now();
      const cut = await this.#orStopped(this.#checkpointsWhile(source.read(target, limits)));
      if (this.#stopping) break;
      if (!cut) {
        slot.release();
        break;
      }
      this.#launch(slot, cut, readFromMs);
    }
    const how = this.#stopping ? "stopped" : "ended";
    this.#ending = true;
    await this.#launchLast(how === "ended");
    return how;
  }

  /** Nothing when the run is told to stop before. No race against a promise that lives as long as the run: each would stay with it. */
  #orStopped<T>(work: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      this.#interrupt = () => resolve(undefined);
      if (this.#stopping) this.#interrupt();
      work.then(resolve, reject);
    });
  }

  /** A source that has nothing to give for a while must not keep what it gave before from being committed. */
  async #checkpointsWhile<T>(reading: Promise<T>): Promise<T> {
    const idle = (): void => {
      if (!this.#stopping && this.#sinceBarrier > 0) this.#launchIdleBarrier().catch((thrown) => this.#fail(thrown));
    };
    const timer = this.#ports.clock.after(this.#plan.settings.checkpoint_interval, idle);
    try {
      return await reading;
    } finally {
      timer.cancel();
    }
  }

  async #launchIdleBarrier(): Promise<void> {
    const slot = await this.#slot(RAW_HEADER_BYTES);
    if (this.#ending || this.#sinceBarrier === 0) return slot.release();
    this.#sinceBarrier = 0;
    const item = this.#emptyItem(slot, `idle${this.#seq}`, { barrier: true, finish: false });
    this.#uncredited.add(item.seq);
    void this.#through(item, undefined);
  }

  #slot(bytes: number): Promise<Slot> {
    return this.#executor.slot(bytes, this.#seq);
  }

  #launch(slot: Slot, cut: Cut, readFromMs: number): void {
    this.#position = cut.position;
    this.#timeMs = cut.timeMs;
    this.#progressBytes = cut.progressBytes;
    if (this.#committer.hasWritten(cut.id)) return this.#pass(slot, cut);
    const { id, line, timeMs, format } = cut;
    const bytes = sealRaw(slot.view, { id, timeMs, line, format }, cut.bytes);
    slot.shrink(bytes);
    const trace = this.#trace(cut, readFromMs);
    void this.#through(this.#item(id, slot, bytes, { barrier: this.#barrierIsDue(), finish: false, trace }), cut);
  }

  /** From the read of its bytes to its write. */
  #trace({ bytes, id, traceparent: parent }: Cut, startMs: number): ItemTrace | undefined {
    const attributes = { "pipeline.name": this.#plan.name, "batch.id": id, "batch.bytes": bytes };
    const trace = ItemTrace.begin(this.#ports.tracer, `batch ${this.#plan.name}`, { startMs, parent, attributes });
    trace?.start("source", { kind: "consumer", startMs }).end();
    return trace;
  }

  /** The run that this one continues has written this batch, ahead of an older one. */
  #pass(slot: Slot, cut: Cut): void {
    slot.release();
    this.#committer.skip(this.#seq++, cut.id, cut.position);
  }

  /** The empty batch behind all others: states are stored with it, and plugins finish when the input has ended. */
  async #launchLast(ended: boolean): Promise<void> {
    const item = this.#emptyItem(await this.#slot(RAW_HEADER_BYTES), "end", { barrier: true, finish: ended });
    void this.#through(item, undefined);
    await this.#committer.until(item.seq);
  }

  /** Everything launched after it goes through the stages that `switchOver` brings. */
  async #sendFence(fence: Fence, switchOver: (nextSeq: number) => void): Promise<number> {
    const slot = await this.#slot(RAW_HEADER_BYTES);
    if (this.#ending || this.#stopping) {
      slot.release();
      throw new Failure("pipeline.ending", "the run is about to end");
    }
    const { way } = this.#executor;
    try {
      switchOver(this.#seq + 1);
    } catch (thrown) {
      slot.release();
      throw thrown;
    }
    const item = this.#emptyItem(slot, `fence${this.#seq}`, { barrier: true, finish: false, fence });
    this.#uncredited.add(item.seq);
    this.counts.begin(this.stages.map(({ name }) => name));
    void this.#through(item, undefined, way);
    return item.seq;
  }

  #emptyItem(slot: Slot, name: string, kind: Kind): Item {
    const id = `${this.#position?.path ?? this.#plan.name}@${name}`;
    const bytes = sealRaw(slot.view, { id, timeMs: this.#timeMs, line: 0, format: EMPTY_FORMAT }, 0);
    return this.#item(id, slot, bytes, kind);
  }

  #item(id: string, slot: Slot, bytes: number, kind: Kind): Item {
    const result = { malformed: 0, counts: [], dead: [], states: new Map<string, Uint8Array>() };
    return { seq: this.#seq++, id, epoch: this.counts.epoch, ...kind, slot, bytes, result };
  }

  #barrierIsDue(): boolean {
    const now = this.#ports.clock.monotonic();
    const due = now - this.#barrierMs >= this.#plan.settings.checkpoint_interval;
    if (!due && ++this.#sinceBarrier <= BARRIER_BATCHES) return false;
    this.#barrierMs = now;
    this.#sinceBarrier = 0;
    return true;
  }

  async #through(item: Item, cut: Cut | undefined, way = this.#executor.way): Promise<void> {
    const readAtMs = this.#ports.clock.monotonic();
    const source = this.#position;
    try {
      await way.process(item);
      const time = new Date(this.#ports.clock.now()).toISOString();
      const oversized = oversizedLetters(this.#plan.name, cut, time);
      this.#committer.add({ item, source, readAtMs, oversized, isCut: cut !== undefined });
    } catch (thrown) {
      item.trace?.end(thrown);
      this.#fail(thrown);
    }
  }

  #buildCommitter(): Committer {
    const { sink, deadLetters, store, dropSeq } = this.#plan;
    return new Committer({
      sink,
      deadLetters,
      store,
      run: () => this.#run,
      dropSeq,
      clock: this.#ports.clock,
      counts: this.counts,
      firstSeq: this.#seq,
      source: this.#position,
      ordered: this.#plan.ordered,
      written: this.#plan.resume?.ahead ?? [],
      committed: (seq) => {
        if (!this.#uncredited.delete(seq)) this.#credits.give();
      },
      saved: (position) => position && this.#plan.source.committed?.(position),
      failed: (reason) => this.#fail(reason),
    });
  }

  #orFailed<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#failed.promise]);
  }

  #fail(thrown: unknown): void {
    const failure = toFailure(thrown, "pipeline.failed");
    this.#failed.reject(failure);
    if (this.#abort.signal.aborted) return;
    this.#abort.abort();
    this.#executor.refuseAll(failure);
  }

  async #close(failed: boolean): Promise<void> {
    const { source, sink, deadLetters, store } = this.#plan;
    await this.#executor.close();
    const sinks = [sink, deadLetters].map((each) => (failed ? each.abort() : each.close()));
    await Promise.allSettled([source.close(), ...sinks]);
    store?.close();
    this.#executor.release();
  }
}
