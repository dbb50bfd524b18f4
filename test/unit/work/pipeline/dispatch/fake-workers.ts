/**
 * Workers without stages, links or processes, as a run on a master sees them. They do a batch when a test says so, or at once:
 * each stage writes its name behind the text. Results lie in real shared memory, and who has not been given back is counted.
 */
import { Failure } from "../../../../../src/base/errors.ts";
import { machineId, placeOfSegment, type Segment, SharedMemory } from "../../../../../src/process/memory/index.ts";
import { ForeignSegments } from "../../../../../src/work/pipeline/dispatch/contents.ts";
import {
  type DeployMessage,
  type LeaseMessage,
  type LeaseReply,
  type ReportMessage,
  TOPICS,
} from "../../../../../src/work/pipeline/dispatch/messages.ts";
import type { WorkerHandle, WorkerPool, WorkerWatcher } from "../../../../../src/work/pipeline/dispatch/worker-pool.ts";
import type { StagePlan } from "../../../../../src/work/pipeline/stages/index.ts";
import { whole } from "./plans.ts";

const SEGMENT_BYTES = 2 ** 20;
const SLOT_BYTES = 512;
const LOAD: ReportMessage["load"] = { cpu: 0.5, memory: 0.5, queue: 0 };

/** A lease that a worker has. */
export interface FakeLease {
  readonly message: LeaseMessage;
  readonly signal: AbortSignal | undefined;
  answer(reply: unknown): void;
  refuse(reason: Failure): void;
}

export interface FakeWorkerOptions {
  readonly capacity?: number;
  /** Reaches no memory of others, as on another machine. */
  readonly isRemote?: boolean;
  /** Does what comes at once; otherwise when told. */
  readonly isBrisk?: boolean;
  /** Stages are up, or not, when it settles. */
  readonly comingUp?: (times: number) => Promise<void>;
  /** What it answers instead of a result. */
  readonly distorts?: (reply: LeaseReply) => unknown;
  /** How often it has no room for a message yet. */
  fullTimes?: number;
  /** Thrown instead of bringing stages up. */
  readonly refuses?: (message: DeployMessage) => Failure | undefined;
}

export class FakeWorker implements WorkerHandle {
  readonly id: string;
  readonly capacity: number;
  readonly weight = 1;
  isDraining = false;
  isHere = true;
  readonly deployed = new Map<string, DeployMessage>();
  /** All that was ever asked for, in order. */
  readonly asked: DeployMessage[] = [];
  readonly ended: { readonly deployment: string; readonly how: string }[] = [];
  readonly leases = new Map<number, FakeLease>();
  /** Every lease that ever came. */
  readonly taken: LeaseMessage[] = [];
  /** Results that the master may still read. */
  readonly held = new Set<number>();
  readonly released: number[] = [];
  readonly options: FakeWorkerOptions;
  readonly #segment: Segment;
  readonly #foreign = new ForeignSegments();
  #slots = 0;

  constructor(id: string, memory: SharedMemory, options: FakeWorkerOptions = {}) {
    this.id = id;
    this.capacity = options.capacity ?? 2;
    this.options = options;
    this.#segment = memory.createSegment(SEGMENT_BYTES);
  }

  request(topic: string, payload: unknown, { signal }: { signal?: AbortSignal } = {}): Promise<unknown> {
    if (!this.isHere) return Promise.reject(linkClosed());
    if (topic === TOPICS.deploy) return this.#deploy(payload as DeployMessage);
    if (topic === TOPICS.undeploy) return this.#undeploy(payload as { deployment: string; how: string });
    if (topic === TOPICS.lease) return this.#lease(payload as LeaseMessage, signal);
    return Promise.reject(new Failure("link.unknown_topic", topic));
  }

  notify(topic: string, payload: unknown): void {
    if (topic !== TOPICS.release || !this.isHere) return;
    const { fullTimes = 0 } = this.options;
    this.options.fullTimes = Math.max(0, fullTimes - 1);
    if (fullTimes > 0) throw new Failure("link.overloaded", "the send buffer is full", { retryable: true });
    for (const lease of (payload as { leases: number[] }).leases) {
      this.held.delete(lease);
      this.released.push(lease);
    }
  }

  /** The lease's result, as a real worker would give it. */
  finish(number: number): void {
    const { answer, message, refuse, signal } = this.leases.get(number)!;
    this.leases.delete(number);
    if (signal?.aborted) return; // nobody hears it, and a real one gives the memory back by itself
    try {
      const input = this.#foreign.batchOf(whole(message.content), () => {});
      const stages = this.deployed.get(message.deployment)?.plans as StagePlan[];
      const text = stages.reduce((sum, { name }) => `${sum}>${name}`, Buffer.from(input.view).toString());
      const reply = this.#reply(message, stages, text);
      answer(this.options.distorts?.(reply) ?? reply);
    } catch (thrown) {
      refuse(new Failure("work.input_lost", String(thrown), { retryable: true }));
    }
  }

  finishAll(): void {
    for (const number of [...this.leases.keys()]) this.finish(number);
  }

  fail(number: number, reason: Failure): void {
    const { refuse } = this.leases.get(number)!;
    this.leases.delete(number);
    refuse(reason);
  }

  /** As its regular report says it. */
  get report(): ReportMessage {
    const deployments = [...this.deployed.keys()].map((deployment) => ({
      deployment,
      leases: [...this.leases].filter(([, { message }]) => message.deployment === deployment).map(([number]) => number),
      stages: [],
      tree: undefined,
    }));
    return { load: LOAD, deployments };
  }

  /** Its process is gone: with its memory, and with what it was asked. */
  die(): void {
    this.isHere = false;
    this.#segment.close();
    for (const { refuse } of this.leases.values()) refuse(linkClosed());
    this.leases.clear();
    this.held.clear();
  }

  async #deploy(message: DeployMessage) {
    this.asked.push(message);
    await this.options.comingUp?.(this.asked.length);
    const refusal = this.options.refuses?.(message);
    if (refusal) throw refusal;
    if (this.deployed.has(message.deployment)) throw new Failure("work.deployed", "it is here already");
    this.deployed.set(message.deployment, message);
    const results = placeOfSegment(this.#segment, this.options.isRemote ? "elsewhere" : machineId());
    return { machine: this.options.isRemote ? "" : machineId(), results };
  }

  async #undeploy({ deployment, how }: { deployment: string; how: string }): Promise<null> {
    this.ended.push({ deployment, how });
    this.deployed.delete(deployment);
    return null;
  }

  #lease(message: LeaseMessage, signal: AbortSignal | undefined): Promise<unknown> {
    this.taken.push(message);
    const { promise, reject: refuse, resolve: answer } = Promise.withResolvers<unknown>();
    signal?.addEventListener("abort", () => refuse(new Failure("link.cancelled", "nobody waits any more")));
    if (!this.deployed.has(message.deployment)) refuse(new Failure("work.not_deployed", "no such stages"));
    else this.leases.set(message.lease, { message, signal, answer, refuse });
    if (this.options.isBrisk && this.leases.has(message.lease)) this.finish(message.lease);
    return promise;
  }

  #reply({ asBytes, lease }: LeaseMessage, stages: readonly StagePlan[], text: string): LeaseReply {
    const bytes = Buffer.from(text);
    const counts = stages.map(() => ({ in: 1, out: 1, filtered: 0, deadLettered: 0, skipped: 0, added: 0 }));
    const common = { malformed: 0, counts, dead: [], states: [], tookMs: 1 };
    if (asBytes) return { ...common, content: new Uint8Array(bytes) };
    const offset = (this.#slots++ % (SEGMENT_BYTES / SLOT_BYTES)) * SLOT_BYTES;
    this.#segment.view.set(bytes, offset);
    this.held.add(lease);
    const place = placeOfSegment(this.#segment, machineId());
    return { ...common, content: { place, offset, bytes: bytes.length } };
  }
}

export class FakePool implements WorkerPool {
  readonly workers = new Map<string, FakeWorker>();
  readonly #memory = new SharedMemory();
  readonly #watchers = new Set<WorkerWatcher>();
  readonly #all: FakeWorker[] = [];

  watch(watcher: WorkerWatcher): { close(): void } {
    this.#watchers.add(watcher);
    for (const worker of this.workers.values()) watcher.up(worker);
    return { close: () => void this.#watchers.delete(watcher) };
  }

  get watchers(): number {
    return this.#watchers.size;
  }

  join(id: string, options: FakeWorkerOptions = {}): FakeWorker {
    const worker = new FakeWorker(id, this.#memory, options);
    this.workers.set(id, worker);
    this.#all.push(worker);
    for (const watcher of this.#watchers) watcher.up(worker);
    return worker;
  }

  /** Dies, or only its link does. */
  lose(worker: FakeWorker, reason = "its link is closed"): void {
    worker.die();
    this.workers.delete(worker.id);
    for (const watcher of this.#watchers) watcher.gone(worker, reason);
  }

  drain(worker: FakeWorker, on: boolean): void {
    worker.isDraining = on;
    for (const watcher of this.#watchers) watcher.draining(worker);
  }

  report(worker: FakeWorker): void {
    for (const watcher of this.#watchers) watcher.report(worker, worker.report);
  }

  /** Stages there have ended by themselves. */
  breakStages(worker: FakeWorker, deployment: string, code: string): void {
    worker.deployed.delete(deployment);
    for (const watcher of this.#watchers) watcher.failed(worker, { deployment, code, reason: "the stages broke" });
  }

  close(): void {
    for (const worker of this.#all) if (worker.isHere) worker.die();
  }
}

function linkClosed(): Failure {
  return new Failure("link.closed", "the link is closed", { retryable: true });
}
