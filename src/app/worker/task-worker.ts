/**
 * Tasks on a worker: each attempt that a master asks for is made once, however often it is asked about. The master asks, and
 * asks again while it takes; so a link may give way to another one meanwhile, and a master that is gone is noticed. What is
 * tried again, and where, is the master's to say.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import { type LinkHandlers, PAYLOAD_BYTES_MAX, type PeerLink, type RequestContext } from "../../wire/link/index.ts";
import type { ShippedFile } from "../../work/artifact/index.ts";
import { readMessage } from "../../work/pipeline/dispatch/index.ts";
import { executeTask, type Json, type ReadyPlugin, type TaskOutcome, type TaskPorts } from "../../work/task/index.ts";
import {
  ANSWER_WITHIN_MS,
  dropMessage,
  ORPHANED_MS,
  type PackedTask,
  readWork,
  runMessage,
  TASK_TOPICS,
} from "./task-messages.ts";

/** Told to each master. Requests wait for others, so there are more than processors; hosts of plugins bound themselves. */
export const TASKS_AT_ONCE = 128;
/** Of all masters together. */
const TASKS_MAX = 4 * TASKS_AT_ONCE;

/** Leaves room for the message around it. */
const OUTCOME_BYTES_MAX = PAYLOAD_BYTES_MAX - 2 ** 20;

export interface TaskWorkerPorts {
  readonly clock: Clock;
  readonly http: TaskPorts["http"];
  plugin(work: ReadyPlugin, files: readonly ShippedFile[], master: PeerLink, signal: AbortSignal): Promise<Json>;
}

interface Attempt {
  readonly id: string;
  readonly abort: AbortController;
  readonly outcome: Promise<TaskOutcome>;
  /** Requests that wait for it. */
  askers: number;
  orphaned: Timer | undefined;
}

interface Reply {
  readonly outcome?: string;
}

export class TaskWorker {
  readonly handlers: LinkHandlers;
  readonly #ports: TaskWorkerPorts;
  readonly #attempts = new Map<string, Attempt>();
  #isLeaving = false;
  #emptied: (() => void)[] = [];

  constructor(ports: TaskWorkerPorts) {
    this.#ports = ports;
    this.handlers = {
      [TASK_TOPICS.hello]: { request: () => ({ capacity: TASKS_AT_ONCE }) },
      [TASK_TOPICS.run]: { request: (payload, context) => this.#run(payload, context) },
      [TASK_TOPICS.drop]: { notify: (payload) => this.#drop(payload) },
    };
  }

  /** Attempts that it works on, or whose outcome nobody has fetched. */
  get queue(): number {
    return this.#attempts.size;
  }

  /** Takes no new ones; resolves when those that are here are over. */
  async leave(): Promise<void> {
    this.#isLeaving = true;
    if (this.#attempts.size > 0) await new Promise<void>((resolve) => this.#emptied.push(resolve));
  }

  /** Gives up all at once. */
  close(): void {
    this.#isLeaving = true;
    for (const attempt of [...this.#attempts.values()]) this.#giveUp(attempt, "the worker has ended");
  }

  async #run(payload: unknown, { link, signal }: RequestContext): Promise<Reply> {
    const { attempt: id, files = [], work } = readMessage(runMessage, payload, "a task");
    const known = this.#attempts.get(id);
    if (known) return this.#answer(known, signal);
    if (work === undefined) throw new Failure("task.unknown_attempt", `nothing is known here of the attempt ${id}`);
    return this.#answer(this.#begin(id, { work: readWork(work), files }, link), signal);
  }

  #begin(id: string, { files, work }: PackedTask, master: PeerLink): Attempt {
    if (this.#isLeaving) throw refusal("work.leaving", "this worker is about to leave");
    if (this.#attempts.size >= TASKS_MAX) throw refusal("task.busy", `${TASKS_MAX} tasks are under way here`);
    const abort = new AbortController();
    const ports: TaskPorts = {
      http: this.#ports.http,
      plugin: (plugin, signal) => this.#ports.plugin(plugin, files, master, signal),
      pipeline: () => Promise.reject(new Failure("task.message", "a pipeline is no task of a worker")),
    };
    const outcome = executeTask({ work }, { signal: abort.signal, ports });
    const attempt: Attempt = { id, abort, outcome, askers: 0, orphaned: undefined };
    this.#attempts.set(id, attempt);
    return attempt;
  }

  /** An outcome is kept until it was handed over to somebody who was still there, or nobody came for it. */
  async #answer(attempt: Attempt, signal: AbortSignal): Promise<Reply> {
    attempt.orphaned?.cancel();
    attempt.askers++;
    const outcome = await this.#within(attempt.outcome, signal);
    attempt.askers--;
    if (outcome && !signal.aborted) this.#forget(attempt);
    else if (attempt.askers === 0) this.#orphan(attempt);
    return outcome ? { outcome: outcomeText(outcome) } : {};
  }

  /** Undefined when it takes longer than a master waits, or nobody waits any more. */
  async #within(outcome: Promise<TaskOutcome>, signal: AbortSignal): Promise<TaskOutcome | undefined> {
    const late = Promise.withResolvers<undefined>();
    const stop = (): void => late.resolve(undefined);
    const timer = this.#ports.clock.after(ANSWER_WITHIN_MS, stop);
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    const first = await Promise.race([outcome, late.promise]);
    timer.cancel();
    signal.removeEventListener("abort", stop);
    return first;
  }

  #orphan(attempt: Attempt): void {
    if (this.#attempts.get(attempt.id) !== attempt) return;
    attempt.orphaned = this.#ports.clock.after(ORPHANED_MS, () => this.#giveUp(attempt, "its master is gone"));
  }

  #drop(payload: unknown): void {
    const attempt = this.#attempts.get(readMessage(dropMessage, payload, "word of a task").attempt);
    if (attempt) this.#giveUp(attempt, "its master has given it up");
  }

  #giveUp(attempt: Attempt, reason: string): void {
    attempt.abort.abort(new Error(reason));
    void attempt.outcome.then(() => this.#forget(attempt)); // counts until it is really over
  }

  #forget(attempt: Attempt): void {
    attempt.orphaned?.cancel();
    if (this.#attempts.get(attempt.id) !== attempt) return;
    this.#attempts.delete(attempt.id);
    if (this.#attempts.size > 0) return;
    for (const emptied of this.#emptied.splice(0)) emptied();
  }
}

/** A result is bounded by its characters, a message by its bytes. */
function outcomeText(outcome: TaskOutcome): string {
  const text = JSON.stringify(outcome);
  const bytes = Buffer.byteLength(text);
  if (bytes <= OUTCOME_BYTES_MAX) return text;
  const reason = `its result has ${bytes} bytes as text; a worker sends at most ${OUTCOME_BYTES_MAX}`;
  return JSON.stringify({ state: "failed", code: "task.result_too_large", reason, retryable: false });
}

/** Nothing has begun. */
function refusal(code: string, message: string): Failure {
  return new Failure(code, message, { retryable: true, data: { untouched: true } });
}
