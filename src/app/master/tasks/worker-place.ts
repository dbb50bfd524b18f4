/**
 * The workers of a master as the place of one run's tasks. The graph's balancer says who gets a task. Whoever refuses one is
 * passed over; a task of a worker that is lost goes to another one when doing it twice does no harm, and else its outcome is
 * unknown. Pipelines are no worker's tasks: the master runs them itself, on the same workers.
 */
import { type Clock, pause } from "../../../base/clock.ts";
import { Failure, messageOf, toFailure } from "../../../base/errors.ts";
import type { Balancer, Candidate } from "../../../protocol/balance/index.ts";
import {
  executeTask,
  type FailedOutcome,
  isIdempotent,
  type Json,
  type PipelineWork,
  type ReadyTask,
  type TaskOutcome,
  type TaskPlace,
} from "../../../work/task/index.ts";
import type { PackedTask } from "../../worker/task-messages.ts";
import { type AttemptEnd, attemptOn } from "./remote-attempt.ts";
import type { TaskWorkerLife, TaskWorkers } from "./task-workers.ts";

/** Workers that one attempt may lose: a task that takes its machine down with it must not take all of them. */
const LOST_MAX = 3;
/** When all have refused. */
const REFUSED_PAUSE_MS = 250;

export type PlaceEvent = { readonly event: "lost"; readonly worker: string } | { readonly event: "failover" };

export interface WorkerPlacePorts {
  readonly clock: Clock;
  readonly workers: TaskWorkers;
  readonly balancer: Balancer;
  /** Another one at each call, in the whole cluster. */
  readonly newAttempt: () => string;
  /** With the files of its plugin. */
  readonly pack: (work: PackedTask["work"]) => Promise<PackedTask>;
  readonly pipeline: (task: ReadyTask, work: PipelineWork, signal: AbortSignal) => Promise<Json>;
  readonly observe: (event: PlaceEvent) => void;
}

export class WorkerPlace implements TaskPlace {
  readonly #ports: WorkerPlacePorts;
  /** Who had the task last, while it is not done. */
  readonly #last = new Map<string, string>();
  #atWork = 0;
  #pipelines = 0;
  readonly #lost = new WeakSet<TaskWorkerLife>();
  /** Told when a task has ended. */
  readonly #ended: (() => void)[] = [];

  constructor(ports: WorkerPlacePorts) {
    this.#ports = ports;
  }

  /** What it has and what is free; at least its share, so that who came first does not keep all. */
  get capacity(): number {
    const { free, sharers, total } = this.#ports.workers;
    if (total === 0) return this.#pipelines; // which need none of their places
    return Math.max(0, this.#atWork + free, this.#pipelines + Math.floor(total / sharers));
  }

  watch(changed: () => void): { close(): void } {
    return this.#ports.workers.share(changed);
  }

  /** Resolves when no worker has a task, or is to get one. */
  workersIdle(): Promise<void> {
    return this.#until(() => this.#atWork === this.#pipelines);
  }

  /** Resolves when nothing is under way any more. */
  idle(): Promise<void> {
    return this.#until(() => this.#atWork === 0);
  }

  /** Where a task was executed last. */
  nodeOf(task: string): string | undefined {
    return this.#last.get(task);
  }

  async execute(task: ReadyTask, { signal }: { readonly signal: AbortSignal }): Promise<TaskOutcome> {
    this.#atWork++;
    const isPipeline = task.work.type === "pipeline";
    if (isPipeline) this.#pipelines++;
    try {
      return isPipeline ? await this.#pipeline(task, signal) : await this.#onWorkers(task, signal);
    } catch (thrown) {
      return signal.aborted ? givenUp(signal) : failedBefore(thrown);
    } finally {
      this.#atWork--;
      if (isPipeline) this.#pipelines--;
      for (const look of this.#ended.splice(0)) look();
    }
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => this.#ended.push(resolve));
  }

  #pipeline(task: ReadyTask, signal: AbortSignal): Promise<TaskOutcome> {
    const none = (): never => {
      throw new Failure("task.message", "a task of a worker is none of the master's");
    };
    const pipeline = (work: PipelineWork, until: AbortSignal) => this.#ports.pipeline(task, work, until);
    return executeTask(task, { signal, ports: { http: { fetch: none, now: none }, plugin: none, pipeline } });
  }

  /** From worker to worker until one has told how it came out. */
  async #onWorkers(task: ReadyTask, signal: AbortSignal): Promise<TaskOutcome> {
    const packed = await this.#ports.pack(task.work as PackedTask["work"]); // no pipeline
    const last = this.#last.get(task.id);
    const passedOver = new Set(last === undefined ? [] : [last]);
    for (let lost = 0; ; ) {
      const { end, worker } = await this.#once(task, packed, passedOver, signal);
      if (end.how === "told") return end.outcome;
      if (end.how === "given up") return givenUp(signal);
      if (end.how === "refused") {
        if (!end.failure.retryable) return failedBefore(end.failure);
        await this.#passOver(worker, passedOver, signal);
        continue;
      }
      if (!isIdempotent(task.work)) return lostOutcome(worker, `${end.reason}; its outcome is unknown`);
      if (++lost > LOST_MAX) return lostOutcome(worker, end.reason);
      passedOver.add(worker);
      this.#ports.observe({ event: "failover" });
    }
  }

  async #once(task: ReadyTask, packed: PackedTask, exclude: ReadonlySet<string>, signal: AbortSignal) {
    const { balancer, clock, newAttempt, workers } = this.#ports;
    const pick = (candidates: readonly Candidate[]): string | undefined => {
      const nowMs = clock.monotonic();
      const choice = { key: task.key ?? task.id };
      return balancer.pick(candidates, { ...choice, exclude }, nowMs) ?? balancer.pick(candidates, choice, nowMs);
    };
    const life = await workers.take(pick, signal);
    const { id } = life.handle;
    const beganMs = clock.monotonic();
    balancer.started?.(id, beganMs);
    this.#last.set(task.id, id);
    const end = await attemptOn({ clock, id: newAttempt(), task: packed, worker: life, signal });
    const nowMs = clock.monotonic();
    balancer.ended?.(id, { ok: !isBlamed(end, life), durationMs: nowMs - beganMs }, nowMs);
    if (end.how === "lost") this.#tellLost(life);
    workers.release(life);
    return { end, worker: id };
  }

  /** Once, however many tasks it had. */
  #tellLost(life: TaskWorkerLife): void {
    if (this.#lost.has(life)) return;
    this.#lost.add(life);
    this.#ports.observe({ event: "lost", worker: life.handle.id });
  }

  /** Who refuses now may take it later: when all have refused, after a while. */
  async #passOver(worker: string, passedOver: Set<string>, signal: AbortSignal): Promise<void> {
    if (!passedOver.has(worker)) return void passedOver.add(worker);
    passedOver.clear();
    await pause(this.#ports.clock, REFUSED_PAUSE_MS, signal);
  }
}

/** Files that did not come, a process that died and a link that broke are of the worker; what a server answered is not. */
function isBlamed(end: AttemptEnd, { gone }: TaskWorkerLife): boolean {
  if (end.how !== "told") return end.how === "lost" || gone !== undefined;
  return end.outcome.state === "failed" && /^(artifact\.|plugin\.(exited|load_timeout))/.test(end.outcome.code);
}

function lostOutcome(worker: string, reason: string): FailedOutcome {
  const message = `worker ${worker} was lost while it had the task: ${reason}`;
  return { state: "failed", code: "task.worker_lost", reason: message, retryable: true };
}

/** Nothing has begun anywhere. */
function failedBefore(thrown: unknown): FailedOutcome {
  const { code, message, retryable } = toFailure(thrown, "task.failed");
  const failed = { state: "failed", code, reason: message, retryable, untouched: true } as const;
  return code === "work.none" ? { ...failed, unplaced: true } : failed;
}

function givenUp({ reason }: AbortSignal): FailedOutcome {
  return { state: "failed", code: "task.given_up", reason: messageOf(reason), retryable: true };
}
