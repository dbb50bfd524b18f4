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
import { FAILED_OVER } from "../stages/index.ts";
import { type Batch, contentFor, type ForeignSegments } from "./contents.ts";
import type { DispatchEvent } from "./events.ts";
import { type LeaseMessage, type LeaseReply, leaseReply, type ReportMessage, readMessage, TOPICS } from "./messages.ts";
import { Moves } from "./moves.ts";
import type { ChoiceRequest } from "./remote-ports.ts";
import { REWIND } from "./remote-ports.ts";
import type { WorkerHandle } from "./worker-pool.ts";

/** Links allow no more; what takes longer is lost by its lease long before. */
const REQUEST_TIMEOUT_MS = 3_600_000;

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
export interface Job extends Pick<LeaseMessage, "seq" | "id" | "barrier" | "finish"> {
  readonly batch: Pick<Batch, "view" | "shared">;
}

/** What the stages made of it, and where. */
export interface Done extends Omit<LeaseReply, "content"> {
  readonly worker: string;
  readonly batch: Batch;
}

export interface SegmentLeasesOptions {
  readonly segment: number;
  readonly clock: Clock;
  readonly lease: LeaseOptions;
  readonly balancer: LeaseBalancer;
  /** Asked before a batch is offered. */
  readonly choose?: ((request: ChoiceRequest) => Promise<void>) | undefined;
  readonly mayHedge: boolean;
  readonly segments: ForeignSegments;
  readonly observe: (event: DispatchEvent) => void;
  /** The owner of the stages is gone, with the state that they had since the checkpoint. */
  readonly ownerLost: (worker: string, reason: string) => void;
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
  reply?: LeaseReply;
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
      const mayHedge = this.#options.mayHedge && !job.finish;
      this.#pump.feed({ type: "offer", item: { id, order: job.seq, key: job.id, mayHedge, ...pinned } });
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
        return this.#reject(effect.item, new Failure(effect.code, effect.reason));
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
    const { barrier, batch, finish, id, seq } = open.job;
    const message: LeaseMessage = {
      deployment: deployed.deployment,
      lease,
      seq,
      id,
      barrier,
      finish,
      failsOver: !isLastResort && this.#owner === undefined,
      asBytes: !deployed.isShared,
      check: checksumIn(batch.view),
      content: contentFor(batch, deployed.machine),
    };
    const options = { timeoutMs: REQUEST_TIMEOUT_MS, signal: out.abort.signal };
    deployed.worker.request(TOPICS.lease, message, options).then(
      (reply) => this.#answered(lease, out, reply),
      (thrown) => this.#refused(lease, out, toFailure(thrown, "work.failed")),
    );
  }

  #answered(lease: number, out: Out, reply: unknown): void {
    try {
      out.reply = readMessage(leaseReply, reply, `the result of worker ${out.deployed.worker.id}`);
    } catch (thrown) {
      this.#giveBack(out.deployed, lease);
      return this.#refused(lease, out, toFailure(thrown, "work.message"));
    }
    this.#pump.feed({ type: "done", lease });
  }

  /** What the stages say of a batch is final; what the way there says, or one node, is not. */
  #refused(lease: number, { abort, deployed, item }: Out, { code, message }: Failure): void {
    // Not the batch's fault, nor an answer of the worker: the end of the link is told, and a lease that nobody reports runs out.
    if (abort.signal.aborted || code === "link.closed" || code === "work.cancelled")
      return void this.#out.delete(lease);
    this.#moves.returned(item, deployed.worker.id);
    const elsewhere = code === FAILED_OVER || /^(link|work)\./.test(code);
    const isFinal = code === "work.input_lost";
    if (code === FAILED_OVER) this.#options.observe({ event: "failover", worker: deployed.worker.id, reason: message });
    this.#pump.feed({ type: "failed", lease, code, reason: message, elsewhere: elsewhere && !isFinal });
    this.#out.delete(lease);
  }

  #complete({ durationMs, item, lease, worker }: Extract<LeaseEffect, { type: "complete" }>): void {
    const out = this.#out.get(lease);
    const open = this.#open.get(item);
    this.#out.delete(lease);
    this.#open.delete(item);
    this.#moves.over(item);
    if (!out?.reply || !open) return;
    const { content, ...rest } = out.reply;
    try {
      const batch = this.#options.segments.batchOf(content, () => this.#giveBack(out.deployed, lease));
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
      // What an owner has done it cannot do once more.
      const code = this.#owner === undefined ? "work.input_lost" : REWIND;
      open.reject(new Failure(code, toFailure(thrown, "memory").message, { retryable: true }));
    }
  }

  /** Nobody needs it any more. */
  #late(lease: number): void {
    const out = this.#out.get(lease);
    this.#out.delete(lease);
    if (!out?.reply) return;
    this.#options.observe({ event: "late", worker: out.deployed.worker.id });
    this.#giveBack(out.deployed, lease);
  }

  /** Its result's memory. */
  #giveBack({ deployment, isShared, worker }: Deployed, lease: number): void {
    if (!isShared || this.#deployed.get(worker.id)?.deployment !== deployment) return;
    worker.notify(TOPICS.release, { deployment, leases: [lease] });
  }

  #reject(item: number, reason: Failure): void {
    this.#open.get(item)?.reject(reason);
    this.#open.delete(item);
    this.#moves.over(item);
  }
}
