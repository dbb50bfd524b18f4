/**
 * The end of every batch's way: results leave in source order, dead letters beside them, and at each barrier the source's
 * offset, the sink's position and the stages' states become one checkpoint. What was written after the last checkpoint is
 * undone by whoever resumes, so each record is in the output once.
 */
import type { Clock } from "../../../base/clock.ts";
import { Histogram } from "../../../base/histogram.ts";
import type { Checkpoint, CheckpointStore } from "../checkpoint/index.ts";
import type { Sink, SinkPosition } from "../sink/index.ts";
import type { SourcePosition } from "../source/index.ts";
import { type RunCounts, toJson } from "./run-counts.ts";
import type { Item } from "./types.ts";

export interface Arrival {
  readonly item: Item;
  /** Where the source goes on behind this batch; undefined when nothing has been read yet. */
  readonly source: SourcePosition | undefined;
  readonly readAtMs: number;
  /** Dead letters of records too large to read, and how many. */
  readonly oversized: { readonly letters: Uint8Array; readonly count: number };
}

export interface CommitterOptions {
  readonly sink: Sink;
  readonly deadLetters: Sink;
  readonly store: CheckpointStore | undefined;
  readonly clock: Clock;
  readonly counts: RunCounts;
  readonly firstSeq: number;
  readonly run: Pick<Checkpoint, "run" | "startedMs" | "fingerprint">;
  /** Planted bug for tests: this batch is counted and never written. */
  readonly dropSeq?: number | undefined;
  committed(seq: number): void;
  failed(reason: unknown): void;
}

export class Committer {
  readonly latency = new Histogram();
  readonly #options: CommitterOptions;
  readonly #arrived = new Map<number, Arrival>();
  readonly #oldest = new Map<number, () => void>();
  readonly #drained = new Map<number, () => void>();
  #next: number;
  #working = false;
  #saving: Promise<void> = Promise.resolve();

  constructor(options: CommitterOptions) {
    this.#options = options;
    this.#next = options.firstSeq;
  }

  add(arrival: Arrival): void {
    this.#arrived.set(arrival.item.seq, arrival);
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
      for (let arrival = this.#arrived.get(this.#next); arrival; arrival = this.#arrived.get(this.#next)) {
        await this.#write(arrival);
        if (arrival.item.barrier || arrival.item.finish) await this.#checkpoint(arrival);
        this.#leave(arrival);
      }
    } catch (thrown) {
      this.#options.failed(thrown);
      return; // still marked as working: nothing is committed after a failure
    }
    this.#working = false;
  }

  async #write({ item, oversized }: Arrival): Promise<void> {
    const { counts, deadLetters, dropSeq, sink } = this.#options;
    const rows = item.result.counts.at(-1)?.out ?? 0;
    if (item.seq !== dropSeq) {
      if (rows > 0) await sink.write(item.slot.view.subarray(0, item.bytes), item.id);
      counts.written += rows;
    }
    if (oversized.count > 0) await deadLetters.write(oversized.letters, item.id);
    for (const letters of item.result.dead) await deadLetters.write(letters, item.id);
    counts.add(item.result, oversized.count);
  }

  /** Positions are those of this very moment; writing them down overlaps with the batches that follow. */
  async #checkpoint({ item, source }: Arrival): Promise<void> {
    const { counts, deadLetters, run, sink, store } = this.#options;
    await this.#saving;
    const body = { ...run, finished: item.finish, seq: item.seq + 1, source, counts: toJson(counts) };
    const states = item.result.states;
    const positions = Promise.all([sink.flush(), deadLetters.flush()]);
    this.#saving = positions.then(([sinkAt, deadAt]: [SinkPosition, SinkPosition]) => {
      store?.save({ ...body, sink: sinkAt, deadLetters: deadAt, states });
    });
    this.#saving.catch((thrown: unknown) => this.#options.failed(thrown));
    if (item.finish) await this.#saving;
  }

  #leave({ item, readAtMs }: Arrival): void {
    const { clock, committed } = this.#options;
    item.slot.release();
    this.#arrived.delete(item.seq);
    this.#next = item.seq + 1;
    this.latency.record(clock.monotonic() - readAtMs);
    resolveOnce(this.#drained, item.seq);
    resolveOnce(this.#oldest, this.#next);
    committed(item.seq);
  }
}

function resolveOnce(waiting: Map<number, () => void>, seq: number): void {
  waiting.get(seq)?.();
  waiting.delete(seq);
}
