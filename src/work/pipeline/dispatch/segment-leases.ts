/**
 * One segment of a run on its workers: which of them have its stages, and who has which batch. The table of leases decides; here
 * its decisions are carried out over links, and what comes back is told to it.
 */
import type { Clock } from "../../../base/clock.ts";
import { Failure, toFailure } from "../../../base/errors.ts";
import { Pump } from "../../../base/machine.ts";
import {
  type LeaseBalancer,
  type LeaseCounts,
  type LeaseEffect,
  type LeaseInput,
  type LeaseOptions,
  LeaseTable,
  type LeaseWorker,
} from "../../../protocol/lease/index.ts";
import { checksumIn } from "../../../wire/batch/index.ts";
import { FAILED_OVER, type Item } from "../stages/index.ts";
import { askPatiently, isWhole, NO_ROOM, putParts, type WholeReply, wholeReply } from "./asking.ts";
import { type Batch, contentFor, type ForeignSegments, isInPlace } from "./contents.ts";
import { countsFault } from "./counts-fault.ts";
import type { DispatchEvent } from "./events.ts";
import { type LeaseMessage, type LeaseReply, leaseReply, type ReportMessage, readMessage, TOPICS } from "./messages.ts";
import { Moves } from "./moves.ts";
import { Parting } from "./parts.ts";
import type { ChoiceRequest } from "./remote-ports.ts";
import { REWIND } from "./remote-ports.ts";
import type { WorkerHandle } from "./worker-pool.ts";

/** Links allow no more; what takes longer is lost by its lease long before. */
const REQUEST_TIMEOUT_MS = 3_600_000;

const LOST_INPUT = "work.input_lost";
/** The worker has no such stages, or is about to have none: what we know of it is old. */
const NOT_THERE: readonly string[] = ["work.not_deployed", "work.undeployed"];
/** It would be the same wherever it is tried. */
const FINAL: readonly string[] = [LOST_INPUT, "work.too_large", "link.too_large", "link.unencodable"];

/** The stages on one worker, ready. */
export interface Deployed {
  readonly deployment: string;
  readonly worker: WorkerHandle;
  /** As this process's segments are reached from there; empty where they are not. */
  readonly machine: string;
  /** Its results can be read here in shared memory. */
  readonly isShared: boolean;
}

/** A batch for the stages. */
export interface Job extends Pick<LeaseMessage, "seq" | "id" | "barrier" | "finish">, Pick<Item, "trace"> {
  readonly batch: Pick<Batch, "view" | "shared">;
}

/** What the stages made of it, and where. */
export interface Done extends Omit<WholeReply, "content"> {
  readonly worker: string;
  readonly batch: Batch;
}

export interface SegmentLeasesOptions {
  readonly segment: number;
  /** How many it has. */
  readonly stages: number;
  readonly clock: Clock;
  readonly lease: LeaseOptions;
  readonly balancer: LeaseBalancer;
  /** Asked before a batch is offered. */
  readonly choose?: ((request: ChoiceRequest) => Promise<void>) | undefined;
  readonly keyOf?: ((batch: string) => string) | undefined;
  readonly mayHedge: boolean;
  readonly segments: ForeignSegments;
  readonly observe: (event: DispatchEvent) => void;
  /** The owner of the stages is gone, with the state that they had since the checkpoint. */
  readonly ownerLost: (worker: string, reason: string) => void;
  /** The worker has lost the stages that it was asked to run, and has not said so. */
  readonly missing: (worker: WorkerHandle, reason: string) => void;
  readonly failed: (reason: unknown) => void;
}

interface Open {
  readonly job: Job;
  resolve(done: Done): void;
  reject(reason: Failure): void;
}

interface Out {
  readonly deployed: Deployed;
  readonly item: number;
  readonly isHedge: boolean;
  readonly abort: AbortController;
  /** It has answered, and keeps something until that is released. */
  holds?: boolean;
  reply?: WholeReply;
}

export class SegmentLeases {
  readonly #options: SegmentLeasesOptions;
  readonly #table: LeaseTable;
  readonly #pump: Pump<LeaseInput, LeaseEffect>;
  readonly #deployed = new Map<string, Deployed>();
  readonly #open = new Map<number, Open>();
  readonly #out = new Map<number, Out>();
  /** What lost workers had and nobody has been given yet. */
  readonly #moves = new Moves((worker, batches) =>
    this.#options.observe({ event: "moved", worker, segment: this.#options.segment, batches }),
  );
  #isFlowing = false;
  /** The only worker that may do anything here. */
  #owner: string | undefined;
  #items = 0;
  /** Why nothing is done any more. */
  #over: Failure | undefined;

  constructor(options: SegmentLeasesOptions) {
    this.#options = options;
    this.#table = new LeaseTable(options.lease, options.balancer);
    this.#pump = new Pump(this.#table, {
      clock: options.clock,
      carryOut: (effect) => this.#carryOut(effect),
      failed: (thrown) => options.failed(thrown),
    });
  }

  get counts(): LeaseCounts {
    return this.#table.counts();
  }

  get workers(): readonly LeaseWorker[] {
    return this.#table.workers();
  }

  has(worker: string): Deployed | undefined {
    return this.#deployed.get(worker);
  }

  /** The stages serve there. */
  add(deployed: Deployed, isOwner: boolean): void {
    const { capacity, id, isDraining, weight } = deployed.worker;
    this.#deployed.set(id, deployed);
    if (isOwner) this.#owner = id;
    this.#pump.feed({ type: "worker", id, capacity, weight });
    if (isDraining && !isOwner) this.drain(id, true);
  }

  drain(worker: string, on: boolean): void {
    if (worker !== this.#owner) this.#pump.feed({ type: "drain", id: worker, on });
  }

  /** The worker, or its stages, are gone. */
  lost(worker: string, reason: string): void {
    if (!this.#deployed.delete(worker)) return;
    if (worker !== this.#owner) this.#moves.lost(worker);
    this.#pump.feed({ type: "lost", id: worker, reason });
    if (worker === this.#owner) this.#options.ownerLost(worker, reason);
  }

  heard(worker: string, load: ReportMessage["load"], leases: readonly number[]): void {
    const deployed = this.#deployed.get(worker);
    if (!deployed) return;
    const { capacity } = deployed.worker;
    const atMs = this.#options.clock.monotonic();
    this.#pump.feed({ type: "heard", id: worker, load: { ...load, capacity, atMs }, leases });
  }

  /** Resolves with the first result. Fails with what ends the run, or `work.input_lost`. */
  async run(job: Job): Promise<Done> {
    const { choose } = this.#options;
    if (choose && this.#owner === undefined) {
      await choose({ batch: job.id, bytes: job.batch.view.length, workers: this.#table.workers() });
    }
    if (this.#over) throw this.#over;
    return new Promise((resolve, reject) => {
      const id = this.#items++;
      this.#open.set(id, { job, resolve, reject });
      const pinned = this.#owner === undefined ? {} : { pinned: this.#owner };
      const { keyOf = (batch: string) => batch } = this.#options;
      const mayHedge = this.#options.mayHedge && !job.finish;
      this.#pump.feed({ type: "offer", item: { id, order: job.seq, key: keyOf(job.id), mayHedge, ...pinned } });
    });
  }

  /** Nothing more is sent, and nobody waits any more. */
  close(reason: Failure): void {
    this.#over ??= reason;
    this.#pump.stop();
    for (const { abort } of this.#out.values()) abort.abort();
    for (const { reject } of this.#open.values()) reject(reason);
    this.#open.clear();
    this.#out.clear();
  }

  #carryOut(effect: LeaseEffect): void {
    switch (effect.type) {
      case "assign":
        return this.#assign(effect);
      case "cancel":
        return; // it works on, and keeps its place there until it answers; what it says then is late
      case "late":
        return this.#late(effect.lease);
      case "complete":
        return this.#complete(effect);
      case "fail":
        return this.#reject(effect.item, failureOf(effect));
      case "pinnedLost":
        this.#options.ownerLost(effect.worker, effect.reason);
        return this.#reject(effect.item, new Failure("work.owner_lost", effect.reason, { retryable: true }));
    }
  }

  #assign({ isHedge, isLastResort, item, lease, worker }: Extract<LeaseEffect, { type: "assign" }>): void {
    const deployed = this.#deployed.get(worker);
    const open = this.#open.get(item);
    if (!deployed || !open) return;
    const out: Out = { deployed, item, isHedge, abort: new AbortController() };
    this.#out.set(lease, out);
    this.#moves.given(item, worker);
    if (!this.#isFlowing) this.#options.observe({ event: "flowing", worker, segment: this.#options.segment });
    this.#isFlowing = true;
    if (isHedge) this.#options.observe({ event: "hedge", worker });
    const failsOver = !isLastResort && this.#owner === undefined;
    this.#traced(lease, out, open.job, failsOver).then(
      (reply) => this.#answered(lease, out, reply),
      (thrown) => this.#refused(lease, out, toFailure(thrown, "work.failed")),
    );
  }

  async #traced(lease: number, out: Out, job: Job, failsOver: boolean): Promise<unknown> {
    const attributes = { "worker.id": out.deployed.worker.id, segment: this.#options.segment, hedge: out.isHedge };
    const span = job.trace?.start("lease", { kind: "client", attributes });
    try {
      return await this.#ask(lease, out, job, failsOver, span?.traceparent);
    } catch (thrown) {
      span?.fail(thrown);
      throw thrown;
    } finally {
      span?.end();
    }
  }

  async #ask(lease: number, out: Out, job: Job, failsOver: boolean, traceparent?: string): Promise<unknown> {
    const { abort, deployed } = out;
    const { barrier, batch, finish, id, seq } = job;
    const lying = contentFor(batch, deployed.machine);
    const parting = new Parting();
    const content = isInPlace(lying) ? lying : parting.add(lying);
    const { deployment, isShared, worker } = deployed;
    const message: LeaseMessage = {
      deployment,
      lease,
      seq,
      id,
      barrier,
      finish,
      failsOver,
      asBytes: !isShared,
      check: checksumIn(batch.view),
      content,
    };
    const options = { timeoutMs: REQUEST_TIMEOUT_MS, signal: abort.signal, traceparent };
    const ask = () => worker.request(TOPICS.lease, message, options);
    if (parting.apart.length > 0) await putParts(this.#partsOf(lease, out), parting.apart);
    return askPatiently(this.#options.clock, NO_ROOM, ask, () => this.#isWanted(out));
  }

  async #answered(lease: number, out: Out, answer: unknown): Promise<void> {
    try {
      out.holds = true; // as far as we know
      const reply = readMessage(leaseReply, answer, `the result of worker ${out.deployed.worker.id}`);
      const fault = countsFault(reply.counts, this.#options.stages);
      if (fault) throw new Failure("work.message", `the result of worker ${out.deployed.worker.id}: ${fault}`);
      if (!isWhole(reply)) await this.#fetch(lease, out, reply);
      else {
        out.reply = reply as WholeReply; // it is
        out.holds = isInPlace(reply.content);
      }
    } catch (thrown) {
      this.#giveBack(lease, out);
      return this.#refused(lease, out, toFailure(thrown, "work.message"));
    }
    this.#pump.feed({ type: "done", lease });
  }

  /** What did not go with the answer; for an item that somebody else has done meanwhile nothing is fetched. */
  async #fetch(lease: number, out: Out, reply: LeaseReply): Promise<void> {
    if (!this.#open.has(out.item)) return;
    out.reply = await wholeReply({ ...this.#partsOf(lease, out), lease }, reply);
    if (isInPlace(out.reply.content)) return; // given back with the batch
    this.#giveBack(lease, out);
    out.holds = false;
  }

  #partsOf(lease: number, out: Out) {
    const { deployment, worker } = out.deployed;
    return { clock: this.#options.clock, worker, deployment, lease, isWanted: () => this.#isWanted(out) };
  }

  /** Somebody waits for it, and those stages are there. */
  #isWanted({ abort, deployed, item }: Out): boolean {
    return !abort.signal.aborted && this.#deployed.get(deployed.worker.id) === deployed && this.#open.has(item);
  }

  /**
   * What the stages say of a batch is final; what the way there says, or one node, is not. But an owner may have done it, and
   * cannot do it once more: the run goes back.
   */
  #refused(lease: number, { abort, deployed, item }: Out, { code, message }: Failure): void {
    // Not the batch's fault, nor an answer of the worker: the end of the link is told, and a lease that nobody reports runs out.
    if (abort.signal.aborted || code === "link.closed" || code === "work.cancelled")
      return void this.#out.delete(lease);
    if (NOT_THERE.includes(code) && this.#deployed.get(deployed.worker.id) === deployed) {
      this.#options.missing(deployed.worker, message); // takes back all its leases, this one too
      return void this.#out.delete(lease);
    }
    this.#moves.returned(item, deployed.worker.id);
    if (code === FAILED_OVER) this.#options.observe({ event: "failover", worker: deployed.worker.id, reason: message });
    const isElsewhere = (code === FAILED_OVER || /^(link|work)\./.test(code)) && !FINAL.includes(code);
    const isOwners = isElsewhere && this.#owner !== undefined;
    const said = { code: isOwners ? REWIND : code, reason: message, elsewhere: isElsewhere && !isOwners };
    this.#pump.feed({ type: "failed", lease, ...said });
    this.#out.delete(lease);
  }

  #complete({ durationMs, item, lease, worker }: Extract<LeaseEffect, { type: "complete" }>): void {
    const out = this.#out.get(lease);
    const open = this.#open.get(item);
    this.#out.delete(lease);
    this.#open.delete(item);
    this.#moves.over(item);
    if (!out?.reply || !open) return out && this.#giveBack(lease, out);
    const { content, ...rest } = out.reply;
    try {
      const batch = this.#options.segments.batchOf(content, () => this.#giveBack(lease, out));
      const rows = rest.counts[0]?.in ?? 0;
      const bytesIn = open.job.batch.view.length;
      this.#options.observe({
        event: "done",
        worker,
        durationMs,
        rows,
        bytesIn,
        bytesOut: batch.view.length,
        batch: open.job.id,
        isHedge: out.isHedge,
      });
      open.resolve({ ...rest, worker, batch });
    } catch (thrown) {
      this.#giveBack(lease, out);
      // What an owner has done it cannot do once more.
      const code = this.#owner === undefined ? LOST_INPUT : REWIND;
      open.reject(new Failure(code, toFailure(thrown, "memory").message, { retryable: true }));
    }
  }

  /** Nobody needs it any more. */
  #late(lease: number): void {
    const out = this.#out.get(lease);
    this.#out.delete(lease);
    if (out?.holds === undefined) return;
    this.#options.observe({ event: "late", worker: out.deployed.worker.id });
    this.#giveBack(lease, out);
  }

  /** What it keeps of the result. Not said, it would be a slot less for ever. */
  #giveBack(lease: number, { deployed, holds }: Out): void {
    const { deployment, worker } = deployed;
    const isThere = (): boolean => this.#over === undefined && this.#deployed.get(worker.id)?.deployment === deployment;
    if (!holds || !isThere()) return;
    const tell = (): void => worker.notify(TOPICS.release, { deployment, leases: [lease] });
    askPatiently(this.#options.clock, NO_ROOM, tell, isThere).catch((thrown) => {
      if (isThere()) this.#options.failed(thrown);
    });
  }

  #reject(item: number, reason: Failure): void {
    this.#open.get(item)?.reject(reason);
    this.#open.delete(item);
    this.#moves.over(item);
  }
}

/** To go back to the checkpoint is always worth it. */
function failureOf({ code, reason }: Extract<LeaseEffect, { type: "fail" }>): Failure {
  return new Failure(code, reason, { retryable: code === REWIND });
}
