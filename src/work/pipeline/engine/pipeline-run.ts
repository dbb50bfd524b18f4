/**
 * One run of a pipeline from its source's position to the end of the input: cuts batches, sends each through the stages,
 * hands it to the committer. It can be asked to stop early; then what is under way is finished and the rest is left for
 * the next run. Ends are opened, positions restored and everything closed here; what they are is chosen elsewhere.
 */
import { type Clock, pause } from "../../../base/clock.ts";
import { Failure, toFailure } from "../../../base/errors.ts";
import type { Random } from "../../../base/random.ts";
import { SharedMemory } from "../../../process/memory/index.ts";
import type { HostCommand, HostHandlers } from "../../../process/plugin/index.ts";
import { backoffDelayMs } from "../../../protocol/retry/index.ts";
import { RAW_HEADER_BYTES, sealRaw } from "../../../wire/batch/index.ts";
import type { RawFormat } from "../../../wire/format/index.ts";
import type { Checkpoint, CheckpointStore } from "../checkpoint/index.ts";
import type { Settings } from "../file/index.ts";
import type { Sink, SinkPosition } from "../sink/index.ts";
import type { Cut, Source, SourcePosition } from "../source/index.ts";
import { Committer } from "./committer.ts";
import { Credits } from "./credits.ts";
import { Edge, type Slot } from "./edge.ts";
import { oversizedLetters } from "./oversized.ts";
import { type CountsJson, RunCounts } from "./run-counts.ts";
import { buildStage, type StageAtWork } from "./stage-at-work.ts";
import type { Item, StageEvent, StagePlan } from "./types.ts";

export interface PipelinePlan {
  readonly name: string;
  readonly stages: readonly StagePlan[];
  readonly settings: Settings;
  readonly source: Source;
  readonly sink: Sink;
  readonly deadLetters: Sink;
  /** Where the dead letters of this run begin in their file, when it has no checkpoint yet. */
  readonly deadLettersStart: SinkPosition | undefined;
  /** Results leave in source order. False only where every reading of the input cuts the same batches and no stage keeps state. */
  readonly ordered: boolean;
  /** Without a store the run cannot be resumed. */
  readonly store: CheckpointStore | undefined;
  /** What the store held, when this run continues it. */
  readonly resume: Checkpoint | undefined;
  readonly run: Pick<Checkpoint, "run" | "startedMs" | "fingerprint">;
  /** Planted bug for tests: the batch with this number is counted and never written. */
  readonly dropSeq?: number | undefined;
}

export interface PipelinePorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly host: HostCommand;
  show(stage: string, stream: Parameters<HostHandlers["output"]>[0], line: string): void;
  observe?: ((stage: string, event: StageEvent) => void) | undefined;
}

export interface RunEnd {
  /** ended: all input went through. stopped: asked to stop; the checkpoint says where. */
  readonly how: "ended" | "stopped";
}

/** Batches between two barriers at most: bounds what a stage with state keeps for its replay. */
const BARRIER_BATCHES = 32;

const EMPTY_FORMAT: RawFormat = { kind: "ndjson" };

export class PipelineRun {
  readonly counts: RunCounts;
  readonly #plan: PipelinePlan;
  readonly #ports: PipelinePorts;
  readonly #abort = new AbortController();
  readonly #failed = Promise.withResolvers<never>();
  readonly #stopAsked = Promise.withResolvers<undefined>();
  readonly #credits: Credits;
  readonly #committer: Committer;
  readonly #edges: readonly Edge[];
  readonly #stages: readonly StageAtWork[];
  readonly #startedMs: number;
  #stopping = false;
  #seq: number;
  #position: SourcePosition | undefined;
  #timeMs: number;
  #barrierSeq: number;
  #barrierMs: number;
  #progressBytes = 0;

  constructor(plan: PipelinePlan, ports: PipelinePorts) {
    this.#plan = plan;
    this.#ports = ports;
    const { settings, resume } = plan;
    this.#failed.promise.catch(() => {});
    this.#seq = this.#barrierSeq = resume?.seq ?? 0;
    this.#startedMs = this.#barrierMs = ports.clock.monotonic();
    this.#timeMs = plan.run.startedMs;
    this.#position = resume?.source as SourcePosition | undefined; // the source that wrote it checks it in `open`
    this.counts = new RunCounts(plan.stages.length, resume?.counts as CountsJson | undefined); // written by toJson
    const inFlight = batchesInFlight(settings); // and one share more: for the end, when a read under way still holds its slot
    this.#credits = new Credits(inFlight);
    this.#committer = this.#buildCommitter();
    const memory = new SharedMemory();
    const untilOldest = (seq: number): Promise<void> => this.#committer.untilOldest(seq);
    const edge = (): Edge => new Edge(memory, settings.memory, inFlight + 1, ports.clock, untilOldest);
    this.#edges = Array.from({ length: plan.stages.length + 1 }, edge);
    this.#stages = plan.stages.map((stage, index) => this.#buildStage(stage, index));
  }

  /** Runs to the end of the input, or until stopped. Fails when the pipeline cannot go on; it can be resumed then. */
  async run(): Promise<RunEnd> {
    const { source, sink, deadLetters, deadLettersStart, resume } = this.#plan;
    try {
      await source.open(this.#position);
      await this.#orFailed(Promise.all(this.#stages.map(({ hosts }) => hosts.start()))); // before any output is emptied
      await sink.open(resume?.sink as SinkPosition | undefined); // the sink that wrote it checks it
      await deadLetters.open((resume?.deadLetters as SinkPosition | undefined) ?? deadLettersStart);
      const how = await this.#orFailed(this.#pump());
      await Promise.all(this.#stages.map(({ hosts }) => hosts.stop()));
      return { how };
    } finally {
      await this.#close(this.#abort.signal.aborted);
    }
  }

  /** Takes no further batch; what is under way is finished and committed. */
  stop(): void {
    this.#stopping = true;
    this.#stopAsked.resolve(undefined);
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
      stages: this.#stages.map((stage) => stage.progress()),
      latency: this.#committer.latency,
    };
  }

  async #pump(): Promise<RunEnd["how"]> {
    const { settings, source } = this.#plan;
    for (;;) {
      await Promise.race([this.#credits.take(), this.#stopAsked.promise]);
      if (this.#stopping) break;
      const slot = await this.#slot(largestCut(settings) + RAW_HEADER_BYTES);
      const target = slot.view.subarray(RAW_HEADER_BYTES);
      const limits = { rows: settings.batch_rows, bytes: settings.batch_bytes };
      const cut = await Promise.race([source.read(target, limits), this.#stopAsked.promise]);
      if (this.#stopping) break;
      if (!cut) {
        slot.release();
        break;
      }
      this.#launch(slot, cut);
    }
    const how = this.#stopping ? "stopped" : "ended";
    await this.#launchLast(how === "ended");
    return how;
  }

  #slot(bytes: number): Promise<Slot> {
    return this.#edges[0]!.slot(bytes, this.#seq, "source", this.#abort.signal);
  }

  #launch(slot: Slot, cut: Cut): void {
    this.#position = cut.position;
    this.#timeMs = cut.timeMs;
    this.#progressBytes = cut.progressBytes;
    if (this.#committer.hasWritten(cut.id)) return this.#pass(slot, cut);
    const { id, line, timeMs, format } = cut;
    const bytes = sealRaw(slot.view, { id, timeMs, line, format }, cut.bytes);
    slot.shrink(bytes);
    void this.#through(this.#item(id, slot, bytes, this.#barrierIsDue(), false), cut);
  }

  /** The run that this one continues has written this batch, ahead of an older one. */
  #pass(slot: Slot, cut: Cut): void {
    slot.release();
    this.#committer.skip(this.#seq++, cut.id, cut.position);
  }

  /** The empty batch behind all others: states are stored with it, and plugins finish when the input has ended. */
  async #launchLast(ended: boolean): Promise<void> {
    const slot = await this.#slot(RAW_HEADER_BYTES);
    const id = `${this.#position?.path ?? this.#plan.name}@end`;
    const bytes = sealRaw(slot.view, { id, timeMs: this.#timeMs, line: 0, format: EMPTY_FORMAT }, 0);
    const item = this.#item(id, slot, bytes, true, ended);
    void this.#through(item, undefined);
    await this.#committer.until(item.seq);
  }

  #item(id: string, slot: Slot, bytes: number, barrier: boolean, finish: boolean): Item {
    const result = { malformed: 0, counts: [], dead: [], states: new Map<string, Uint8Array>() };
    return { seq: this.#seq++, id, barrier, finish, slot, bytes, result };
  }

  #barrierIsDue(): boolean {
    const now = this.#ports.clock.monotonic();
    const due = now - this.#barrierMs >= this.#plan.settings.checkpoint_interval;
    if (!due && this.#seq - this.#barrierSeq < BARRIER_BATCHES) return false;
    this.#barrierMs = now;
    this.#barrierSeq = this.#seq;
    return true;
  }

  async #through(item: Item, cut: Cut | undefined): Promise<void> {
    const readAtMs = this.#ports.clock.monotonic();
    const source = this.#position;
    try {
      for (const { stage } of this.#stages) await stage.process(item);
      const time = new Date(this.#ports.clock.now()).toISOString();
      const oversized = oversizedLetters(this.#plan.name, cut, time);
      this.#committer.add({ item, source, readAtMs, oversized });
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  #buildCommitter(): Committer {
    const { sink, deadLetters, store, run, dropSeq } = this.#plan;
    return new Committer({
      sink,
      deadLetters,
      store,
      run,
      dropSeq,
      clock: this.#ports.clock,
      counts: this.counts,
      firstSeq: this.#seq,
      source: this.#position,
      ordered: this.#plan.ordered,
      written: this.#plan.resume?.ahead ?? [],
      committed: () => this.#credits.give(),
      failed: (reason) => this.#fail(reason),
    });
  }

  #buildStage(plan: StagePlan, index: number): StageAtWork {
    const { name, settings, sink, stages, run, resume } = this.#plan;
    const { clock, host, observe, random, show } = this.#ports;
    const backoff = { initialMs: settings.backoff, maxMs: settings.backoff_max };
    const restartDelay = { initialMs: RESTART_DELAY_MS, maxMs: RESTART_DELAY_MS_MAX };
    return buildStage({
      plan,
      pipeline: name,
      run: run.run,
      input: this.#edges[index]!,
      output: this.#edges[index + 1]!,
      firstSeq: this.#seq,
      snapshot: resume?.states.get(plan.name),
      encoding: index === stages.length - 1 ? sink.encoding : "batch",
      strict: index === 0 && settings.on_malformed === "fail",
      clock,
      host,
      signal: this.#abort.signal,
      restart: {
        maxRestarts: settings.max_restarts,
        restartPeriodMs: settings.restart_period,
        restartDelayMs: (failures) => (failures === 1 ? 0 : backoffDelayMs(restartDelay, failures - 1, random)),
      },
      backoff: (attempt) =>
        plan.policy === "RETRY_WITH_BACKOFF"
          ? pause(clock, backoffDelayMs(backoff, attempt, random), this.#abort.signal)
          : Promise.resolve(),
      startTimeoutMs: settings.start_timeout,
      stopTimeoutMs: settings.stop_timeout,
      failed: (reason) => this.#fail(reason),
      show: (stream, line) => show(plan.name, stream, line),
      observe: observe && ((event) => observe(plan.name, event)),
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
    for (const { turns } of this.#stages) turns.end(failure);
  }

  async #close(failed: boolean): Promise<void> {
    const { source, sink, deadLetters, store } = this.#plan;
    await Promise.all(this.#stages.map(({ hosts }) => hosts.abort()));
    const sinks = [sink, deadLetters].map((each) => (failed ? each.abort() : each.close()));
    await Promise.allSettled([source.close(), ...sinks]);
    store?.close();
    for (const edge of this.#edges) edge.close();
  }
}

/** A single record may be longer than a batch of several should be. */
function largestCut({ batch_bytes, max_record_bytes }: Settings): number {
  return Math.max(batch_bytes, max_record_bytes);
}

/** As asked for, or as many as still have room to double in size in half of an edge's memory: the shares of an Edge. */
function batchesInFlight(settings: Settings): number {
  const roomBytes = 2 ** Math.ceil(Math.log2(largestCut(settings) + RAW_HEADER_BYTES));
  const usableBytes = 2 ** Math.floor(Math.log2(settings.memory)) / 2;
  return Math.max(1, Math.min(settings.in_flight, Math.floor(usableBytes / roomBytes) - 1));
}

/** A host that dies again while it starts is given this long, doubling, before the next: a crash loop must not eat a core. */
const RESTART_DELAY_MS = 20;
const RESTART_DELAY_MS_MAX = 500;
