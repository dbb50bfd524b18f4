/**
 * The end of every batch's way: results leave in source order (or as they come, where that is allowed), dead letters
 * beside them, and at each barrier the source's offset, the sink's position and the stages' states become one checkpoint.
 * What was written after the last checkpoint is undone by whoever resumes, so each record is in the output once. Batches
 * written ahead of an older one are named in the checkpoint and not written again.
 */
import type { Clock } from "../../../base/clock.ts";
import { Histogram } from "../../../base/histogram.ts";
import type { Checkpoint, Checkpoints } from "../checkpoint/index.ts";
import type { Sink, SinkPosition } from "../sink/index.ts";
import type { SourcePosition } from "../source/index.ts";
import type { Item } from "../stages/index.ts";
import type { RunCounts } from "./run-counts.ts";

export interface Arrival {
  readonly item: Item;
  /** Where the source goes on behind this batch; undefined when nothing has been read yet. */
  readonly source: SourcePosition | undefined;
  readonly readAtMs: number;
  /** Dead letters of records too large to read, and how many. */
  readonly oversized: { readonly letters: Uint8Array; readonly count: number };
  /** It came from the source; the others are empty batches of ours, which no later run will meet again. */
  readonly isCut: boolean;
}

export interface CommitterOptions {
  readonly sink: Sink;
  readonly deadLetters: Sink;
  readonly store: Pick<Checkpoints, "save"> | undefined;
  readonly clock: Clock;
  readonly counts: RunCounts;
  readonly firstSeq: number;
  /** Where the source stood when the run began. */
  readonly source: SourcePosition | undefined;
  /** False: a result leaves as soon as it is there. Only for stages that keep no state. */
  readonly ordered: boolean;
  /** Ids of batches behind `source` that the run before had written; each stays named until it has been passed. */
  readonly written: readonly string[];
  /** What the run is at this moment: its fingerprint changes when its stages do. */
  run(): Pick<Checkpoint, "run" | "startedMs" | "fingerprint">;
  /** Planted bug for tests: this batch is counted and never written. */
  readonly dropSeq?: number | undefined;
  /** Every batch up to this one is written: another may come in. Also bounds what is written ahead of a gap. */
  committed(seq: number): void;
  /** A checkpoint that holds this position is on disk. */
  saved?(source: SourcePosition | undefined): void;
  failed(reason: unknown): void;
}

interface Written {
  readonly id: string;
  readonly source: SourcePosition | undefined;
  readonly barrier: boolean;
  readonly finish: boolean;
  readonly isCut: boolean;
  readonly states: ReadonlyMap<string, Uint8Array>;
}

const NOTHING = { barrier: false, finish: false, isCut: true, states: new Map<string, Uint8Array>() } as const;

export class Committer {
  readonly latency = new Histogram();
  readonly #options: CommitterOptions;
  readonly #arrived = new Map<number, Arrival>();
  /** Written, but some older batch is not. */
  readonly #ahead = new Map<number, Written>();
  /** Written by the run before, and not yet met again by the source. */
  readonly #before: Set<string>;
  readonly #oldest = new Map<number, () => void>();
  readonly #drained = new Map<number, () => void>();
  #next: number;
  #source: SourcePosition | undefined;
  #working = false;
  #isOver = false;
  #saving: Promise<void> = Promise.resolve();

  constructor(options: CommitterOptions) {
    this.#options = options;
    this.#next = options.firstSeq;
    this.#source = options.source;
    this.#before = new Set(options.written);
  }

  /** True for a batch that the run before had written; it is to be skipped. */
  hasWritten(id: string): boolean {
    return this.#before.has(id);
  }

  add(arrival: Arrival): void {
    this.#arrived.set(arrival.item.seq, arrival);
    if (!this.#working) void this.#work();
  }

  /** Passes over a batch that the run before had written. */
  skip(seq: number, id: string, source: SourcePosition): void {
    this.#before.delete(id);
    this.#ahead.set(seq, { id, source, ...NOTHING });
    if (!this.#working) void this.#work();
  }

  untilOldest(seq: number): Promise<void> {
    if (seq === this.#next) return Promise.resolve();
    return new Promise((resolve) => this.#oldest.set(seq, resolve));
  }

  /** Resolves when the batch is committed and its checkpoint, if it had one, is on disk. */
  until(seq: number): Promise<void> {
    const committed = new Promise<void>((resolve) => {
      if (this.#next > seq) resolve();
      else this.#drained.set(seq, resolve);
    });
    return committed.then(() => this.#saving);
  }

  async #work(): Promise<void> {
    this.#working = true;
    try {
      await this.#advance();
      for (let arrival = this.#nextArrival(); arrival && !this.#isOver; arrival = this.#nextArrival()) {
        await this.#write(arrival);
        this.#leave(arrival);
        await this.#advance();
      }
    } catch (thrown) {
      this.#fail(thrown);
    }
    this.#working = this.#isOver; // nothing is written or committed after a failure
  }

  #fail(thrown: unknown): void {
    this.#isOver = this.#working = true;
    this.#options.failed(thrown);
  }

  #nextArrival(): Arrival | undefined {
    if (this.#options.ordered) return this.#arrived.get(this.#next);
    return this.#arrived.values().next().value;
  }

  /** Moves over everything written without a gap; a barrier on the way makes a checkpoint. */
  async #advance(): Promise<void> {
    const passed: number[] = [];
    let barrier: Written | undefined;
    for (let written = this.#ahead.get(this.#next); written; written = this.#ahead.get(this.#next)) {
      this.#ahead.delete(this.#next);
      this.#source = written.source;
      if (written.barrier || written.finish) barrier = written;
      passed.push(this.#next++);
    }
    if (barrier) await this.#checkpoint(barrier);
    for (const seq of passed) {
      this.#options.committed(seq);
      resolveOnce(this.#drained, seq);
    }
    resolveOnce(this.#oldest, this.#next);
  }

  async #write({ item, oversized }: Arrival): Promise<void> {
    const { counts, deadLetters, dropSeq, sink } = this.#options;
    const rows = item.result.counts.at(-1)?.out ?? 0;
    const isDropped = item.seq === dropSeq;
    const write = (): Promise<void> => sink.write(item.slot.view.subarray(0, item.bytes), item.id);
    if (rows > 0 && !isDropped)
      await (item.trace?.during("sink", { kind: "producer", attributes: { rows } }, write) ?? write());
    if (oversized.count > 0) await deadLetters.write(oversized.letters, item.id);
    for (const letters of item.result.dead) await deadLetters.write(letters, item.id);
    counts.add(item.result, oversized.count, isDropped ? 0 : rows, item.epoch);
  }

  /** Positions are those of this very moment; writing them down overlaps with the batches that follow. */
  async #checkpoint({ finish, states }: Written): Promise<void> {
    const { counts, deadLetters, sink, store } = this.#options;
    await this.#saving;
    const run = this.#options.run();
    const ahead = Array.from(this.#ahead.values()).flatMap(({ id, isCut }) => (isCut ? id : []));
    const body = { ...run, finished: finish, seq: this.#next, source: this.#source, counts: counts.toJson() };
    const positions = Promise.all([sink.flush(), deadLetters.flush()]);
    this.#saving = positions.then(async ([sinkAt, deadAt]: [SinkPosition, SinkPosition]) => {
      if (finish) await Promise.all([sink.close(), deadLetters.close()]); // a run is finished only with its output's end
      await store?.save({ ...body, ahead: [...ahead, ...this.#before], sink: sinkAt, deadLetters: deadAt, states });
      this.#options.saved?.(body.source);
    });
    this.#saving.catch((thrown: unknown) => this.#fail(thrown));
    if (finish) await this.#saving;
  }

  #leave({ isCut, item, readAtMs, source }: Arrival): void {
    const { barrier, finish, id, seq, result } = item;
    item.slot.release();
    item.trace?.end();
    this.#arrived.delete(seq);
    this.#ahead.set(seq, { id, source, barrier, finish, isCut, states: result.states });
    this.latency.record(this.#options.clock.monotonic() - readAtMs);
  }
}

function resolveOnce(waiting: Map<number, () => void>, seq: number): void {
  waiting.get(seq)?.();
  waiting.delete(seq);
}
