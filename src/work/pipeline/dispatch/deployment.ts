/**
 * Stages of one run on a worker: the same PipelineStages as in a run of one process, fed with leases instead of a source. A
 * batch is copied into this process's own memory as soon as there is room for it, and looked at by its checksum there: by
 * then its sender may have given its place to another one. Its result stays where the last stage put it, and what was too
 * large for the answer with it, until the master has no more use for it.
 */
import type { Clock } from "../../../base/clock.ts";
import { Failure, toFailure } from "../../../base/errors.ts";
import { placeOfSegment, type SegmentPlace } from "../../../process/memory/index.ts";
import type { TreeNode } from "../../../process/supervise/index.ts";
import { checksumIn } from "../../../wire/batch/index.ts";
import {
  type ExecutorOptions,
  type Item,
  ItemTrace,
  PipelineStages,
  type Slot,
  type StageProgress,
} from "../stages/index.ts";
import { ArrivalOrder } from "./arrival-order.ts";
import type { ForeignSegments, Lying } from "./contents.ts";
import type { LeaseMessage, LeaseReply } from "./messages.ts";
import { type Part, Parting, pieceAt } from "./parts.ts";

export interface DeploymentOptions extends Omit<ExecutorOptions, "signal" | "untilOldest" | "failed" | "ports"> {
  readonly ports: ExecutorOptions["ports"];
  readonly isSequential: boolean;
  readonly machine: string;
  readonly segments: ForeignSegments;
  readonly clock: Clock;
  /** They cannot go on: nothing of them runs any more when it is called. */
  failed(failure: Failure): void;
}

type WholeLease = LeaseMessage & { readonly content: Lying };

const UNDEPLOYED = "work.undeployed";

export class Deployment {
  readonly results: SegmentPlace;
  readonly #options: DeploymentOptions;
  readonly #stages: PipelineStages;
  readonly #order: ArrivalOrder;
  readonly #abort = new AbortController();
  readonly #broken = Promise.withResolvers<never>();
  readonly #leases = new Set<number>();
  /** Results that the master has not given back. */
  readonly #held = new Map<number, Slot>();
  /** Of their answers: what did not go with them. */
  readonly #parts = new Map<number, readonly Uint8Array[]>();
  #failure: Failure | undefined;
  /** The master has been told that they cannot go on. */
  #told: Promise<void> | undefined;

  constructor(options: DeploymentOptions) {
    this.#options = options;
    this.#broken.promise.catch(() => {}); // whoever waits for a batch hears of it
    this.#order = new ArrivalOrder(options.isSequential, options.firstSeq);
    const firstSeq = options.isSequential ? options.firstSeq : 0;
    this.#stages = new PipelineStages({
      ...options,
      firstSeq,
      signal: this.#abort.signal,
      untilOldest: (number) => this.#order.untilOldest(number),
      failed: (reason) => this.#fail(toFailure(reason, "pipeline.failed")),
    });
    this.results = placeOfSegment(this.#stages.results.segment, options.machine);
  }

  /** Fails with why a stage cannot run. */
  start(): Promise<void> {
    return Promise.race([this.#stages.start(), this.#broken.promise]);
  }

  /** Leases that it works on, or whose answers are still being fetched. */
  get leases(): readonly number[] {
    return [...this.#leases, ...this.#parts.keys()];
  }

  /** Batches that it works on. */
  get queue(): number {
    return this.#leases.size;
  }

  progress(): readonly StageProgress[] {
    return this.#stages.progress();
  }

  tree(): TreeNode {
    return this.#stages.tree();
  }

  /** Takes the batch through the stages. Fails with `work.input_lost`, `work.stages_ended`, `pipeline.failed_over`, or what ends the run. */
  async lease(message: WholeLease, signal: AbortSignal, traceparent?: string): Promise<LeaseReply> {
    const trace = this.#trace(message, traceparent);
    try {
      return await this.#lease(message, signal, trace);
    } catch (thrown) {
      trace?.end(thrown);
      throw thrown;
    } finally {
      trace?.end();
    }
  }

  /** Only below a recorded span of the master: batches begin their traces where they are read. */
  #trace({ id }: WholeLease, parent: string | undefined): ItemTrace | undefined {
    const { pipeline, ports } = this.#options;
    if (parent === undefined) return undefined;
    const attributes = { "pipeline.name": pipeline, "batch.id": id };
    return ItemTrace.begin(ports.tracer, `work ${pipeline}`, { kind: "server", parent, attributes });
  }

  async #lease(message: WholeLease, signal: AbortSignal, trace: ItemTrace | undefined): Promise<LeaseReply> {
    const { clock } = this.#options;
    const startedMs = clock.monotonic();
    this.#leases.add(message.lease);
    let item: Item | undefined;
    try {
      if (this.#failure) throw this.#failure;
      item = await Promise.race([this.#take(message, trace), this.#broken.promise]);
      await this.#process(item);
      if (signal.aborted) {
        item.slot.release();
        throw new Failure("work.cancelled", `nobody waits for batch ${message.id} any more`);
      }
      return this.#reply(message, item, clock.monotonic() - startedMs);
    } catch (thrown) {
      if (this.#failure) return await this.#sendElsewhere(this.#failure);
      throw thrown;
    } finally {
      if (item) this.#order.end(item.seq); // not before: the next oldest may be waiting for the very slot that it gave back
      this.#leases.delete(message.lease);
    }
  }

  /** A piece of what did not go with the answer. Fails with `work.parts_lost`. */
  piece(lease: number, part: number, offset: number): Uint8Array {
    return pieceAt(this.#parts.get(lease)?.[part], offset);
  }

  /** The master has what it needs of this result. */
  release(lease: number): void {
    this.#parts.delete(lease);
    this.#held.get(lease)?.release();
    this.#held.delete(lease);
  }

  /** In order, so that plugins clean up; or at once. */
  async end(how: "stop" | "kill"): Promise<void> {
    if (how === "stop" && !this.#failure) await this.#stages.stop().catch(() => {}); // what does not stop is killed below
    this.#failure ??= new Failure(UNDEPLOYED, "these stages were ended by their master", { retryable: true });
    this.#broken.reject(this.#failure);
    this.#abort.abort();
    this.#stages.refuseAll(this.#failure);
    await this.#stages.close();
    for (const lease of [...this.#held.keys()]) this.release(lease);
    this.#parts.clear();
    this.#stages.release();
  }

  async #process(item: Item): Promise<void> {
    try {
      await Promise.race([this.#stages.way.process(item), this.#broken.promise]);
    } catch (thrown) {
      if (!this.#failure) item.slot.release(); // it goes to another node, and its room to another batch
      throw thrown;
    }
  }

  /** The stages ended with it on its way, and it is not to blame. Nobody else gets it before nothing of them runs any more. */
  async #sendElsewhere(failure: Failure): Promise<never> {
    await this.#told;
    const { code, message } = failure;
    throw code === UNDEPLOYED ? failure : new Failure("work.stages_ended", message, { retryable: true });
  }

  /** The batch in memory of this process. */
  async #take(message: WholeLease, trace: ItemTrace | undefined): Promise<Item> {
    const { barrier, check, content, failsOver, finish, id, seq } = message;
    const number = this.#order.begin(seq);
    try {
      const { view } = this.#input(content);
      const slot = await this.#stages.slot(view.length, number);
      slot.view.set(view);
      if (checksumIn(slot.view) !== check) {
        slot.release();
        throw inputLost(`batch ${id} is not there any more: nobody waits for it`);
      }
      const result = { malformed: 0, counts: [], dead: [], states: new Map<string, Uint8Array>() };
      return { seq: number, id, epoch: 0, barrier, finish, failsOver, trace, slot, bytes: view.length, result };
    } catch (thrown) {
      this.#order.lost(number);
      throw thrown;
    }
  }

  #input(content: Lying) {
    try {
      return this.#options.segments.batchOf(content, () => {});
    } catch (thrown) {
      throw inputLost(toFailure(thrown, "work.input_lost").message, thrown);
    }
  }

  /** What is no usual slot, or for another machine, goes as bytes: the reserve of a segment must come back soon. */
  #reply({ asBytes, lease }: LeaseMessage, { bytes, result, slot }: Item, tookMs: number): LeaseReply {
    const isBytes = asBytes || !this.#stages.results.isShare(slot.capacityBytes);
    const parting = new Parting();
    try {
      const { counts, malformed } = result;
      const states = Array.from(result.states, ([name, state]): [string, Part] => [name, parting.add(state)]);
      const dead = result.dead.map((letters) => parting.add(letters));
      const common = { malformed, counts, dead, states, tookMs };
      const content = isBytes ? parting.add(slot.view.slice(0, bytes)) : undefined;
      if (parting.apart.length > 0) this.#parts.set(lease, parting.apart);
      if (content) return { ...common, content };
      this.#held.set(lease, slot);
      return { ...common, content: { place: this.results, offset: slot.offset, bytes } };
    } finally {
      if (!this.#held.has(lease)) slot.release();
    }
  }

  #fail(failure: Failure): void {
    if (this.#failure) return;
    this.#failure = failure;
    this.#broken.reject(failure);
    this.#told = this.end("kill").then(() => this.#options.failed(failure));
  }
}

function inputLost(message: string, cause?: unknown): Failure {
  return new Failure("work.input_lost", message, { retryable: true, cause });
}
