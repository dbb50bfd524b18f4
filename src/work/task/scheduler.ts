/**
 * Which task runs when: a pure machine. Outcomes and time go in; what changed, what is to be started and what is to be given up
 * come out. Each step costs what it changes (two heaps and counters, no walk over the graph), so 100,000 tasks stay quick.
 *
 * Only what is idempotent is repeated. A task that is not begins after its start is durable (`durable` in its start), so that a
 * restart finds it under way and calls its outcome unknown instead of doing it twice.
 */
import { assert } from "../../base/errors.ts";
import type { Machine, Tick } from "../../base/machine.ts";
import type { Random } from "../../base/random.ts";
import { formatDurationMs } from "../../base/units.ts";
import { retryDelayMs } from "../../protocol/retry/index.ts";
import { Heap } from "./heap.ts";
import { dependentNeedsOf, orderOf } from "./order.ts";
import type { FailedOutcome, TaskChange, TaskOutcome, TaskState } from "./outcome.ts";
import { toleratedFailures } from "./tolerance.ts";
import { isIdempotent, type Need, type Task, type TaskGraph, type Work } from "./types.ts";

export type TaskInput =
  | { readonly type: "begin" }
  | { readonly type: "finished"; readonly task: number; readonly attempt: number; readonly outcome: TaskOutcome }
  /** From now on at most so many at once, whatever the graph says; what runs goes on. */
  | { readonly type: "capacity"; readonly parallelMax: number }
  /** Nothing is started any more; what runs may finish. The run can be resumed. */
  | { readonly type: "drain" };

export type RunEnd = "done" | "failed" | "stopped";

export type TaskEffect =
  | { readonly type: "record"; readonly changes: readonly TaskChange[] }
  /** `durable`: not before everything recorded so far is on disk. */
  | { readonly type: "start"; readonly task: number; readonly attempt: number; readonly durable: boolean }
  | { readonly type: "abort"; readonly task: number; readonly attempt: number; readonly reason: string }
  | { readonly type: "end"; readonly how: RunEnd };

export interface SchedulerOptions {
  readonly random: Random;
  /** At most so many at once, whatever the graph says. */
  readonly parallelMax?: number;
  /** What an earlier process knew: tasks that are not in it are pending. */
  readonly history?: readonly TaskChange[];
}

interface Due {
  readonly dueMs: number;
  /** -1 is the whole run. */
  readonly task: number;
  readonly attempt: number;
}

const RUN = -1;
const FINAL: ReadonlySet<TaskState> = new Set(["done", "failed", "skipped"]);

export class TaskScheduler implements Machine<TaskInput, TaskEffect> {
  readonly #graph: TaskGraph;
  readonly #tasks: readonly Task[];
  readonly #options: SchedulerOptions;
  #parallel: number;
  readonly #dependents: readonly (readonly Need[])[];
  readonly #order: readonly number[];
  readonly #tolerated: Uint8Array;
  readonly #states: TaskState[];
  readonly #attempts: Int32Array;
  readonly #failures: Int32Array;
  readonly #startedMs: Float64Array;
  /** Needs that are not final yet. */
  readonly #open: Int32Array;
  /** A required need that did not get done, or -1. */
  readonly #blocker: Int32Array;
  readonly #ready: Heap<number>;
  readonly #due = new Heap<Due>((left, right) => left.dueMs < right.dueMs);
  readonly #counts = { running: 0, left: 0, failed: 0 };
  #changes: TaskChange[] = [];
  #effects: TaskEffect[] = [];
  #draining = false;
  /** Why nothing is started any more. */
  #stopReason: string | undefined;
  #ended = false;

  constructor(graph: TaskGraph, options: SchedulerOptions) {
    const { tasks } = graph;
    const { order } = orderOf(tasks);
    assert(order.length === tasks.length, `a graph with a cycle: ${tasks.length - order.length} tasks have no order`);
    this.#graph = graph;
    this.#tasks = tasks;
    this.#options = options;
    this.#parallel = Math.min(graph.parallel, options.parallelMax ?? graph.parallel);
    this.#dependents = dependentNeedsOf(tasks);
    this.#order = order;
    this.#tolerated = toleratedFailures(order, this.#dependents);
    this.#states = tasks.map(() => "pending");
    this.#attempts = new Int32Array(tasks.length);
    this.#failures = new Int32Array(tasks.length);
    this.#startedMs = new Float64Array(tasks.length);
    this.#open = Int32Array.from(tasks, ({ needs }) => needs.length);
    this.#blocker = new Int32Array(tasks.length).fill(-1);
    const position = new Int32Array(tasks.length);
    for (const [at, task] of order.entries()) position[task] = at;
    this.#ready = new Heap((left, right) => position[left]! < position[right]!);
    this.#counts.left = tasks.length;
  }

  get nextDeadlineMs(): number | undefined {
    return this.#ended ? undefined : this.#due.first?.dueMs;
  }

  stateOf(task: number): TaskState {
    return this.#states[task]!;
  }

  step(input: TaskInput | Tick, nowMs: number): readonly TaskEffect[] {
    if (this.#ended) return [];
    if (input.type === "begin") this.#begin(nowMs);
    else if (input.type === "finished") this.#finished(input.task, input.attempt, input.outcome, nowMs);
    else if (input.type === "capacity") this.#parallel = Math.min(this.#graph.parallel, input.parallelMax);
    else if (input.type === "drain") this.#draining = true;
    this.#fireDue(nowMs);
    this.#startReady(nowMs);
    this.#endIfOver();
    return this.#take();
  }

  #begin(nowMs: number): void {
    if (this.#graph.timeoutMs !== undefined)
      this.#due.push({ dueMs: nowMs + this.#graph.timeoutMs, task: RUN, attempt: 0 });
    const underWay = new Set<number>();
    for (const { attempts, state, task } of this.#options.history ?? []) {
      this.#attempts[task] = attempts;
      this.#failures[task] = state === "running" ? attempts - 1 : attempts;
      if (FINAL.has(state)) this.#settle(task, state);
      else if (state === "running" && !isIdempotent(this.#tasks[task]!.work)) underWay.add(task);
    }
    const left = this.#order.filter((task) => !FINAL.has(this.#states[task]!));
    const open = left.filter((task) => this.#open[task] === 0 && !underWay.has(task));
    for (const task of open) this.#release(task);
    for (const task of underWay) this.#end(task, "failed", unknownOutcome(this.#tasks[task]!.work));
  }

  #finished(task: number, attempt: number, outcome: TaskOutcome, nowMs: number): void {
    if (this.#states[task] !== "running" || this.#attempts[task] !== attempt) return; // given up meanwhile
    this.#counts.running--;
    const tookMs = nowMs - this.#startedMs[task]!;
    if (outcome.state === "done") this.#end(task, "done", { output: outcome.output, tookMs });
    else if (outcome.unplaced) this.#putBack(task, outcome);
    else this.#failed(task, outcome, tookMs, nowMs);
  }

  #failed(task: number, outcome: FailedOutcome, tookMs: number, nowMs: number): void {
    const { retry, work } = this.#tasks[task]!;
    const { code, reason, retryable, untouched = false } = outcome;
    const failures = ++this.#failures[task]!;
    const delayMs = retryable ? retryDelayMs(retry, failures, this.#options.random) : undefined;
    const isRepeatable = isIdempotent(work) || untouched;
    if (delayMs === undefined || !isRepeatable || this.#stopReason !== undefined) {
      const why = delayMs !== undefined && !isRepeatable ? `${reason}; ${notRepeated(work)}` : reason;
      return this.#end(task, "failed", { code, reason: why, tookMs });
    }
    this.#states[task] = "waiting";
    this.#change({ task, state: "waiting", attempts: this.#attempts[task]!, code, reason, tookMs });
    const waitMs = Math.max(delayMs, Math.min(outcome.retryAfterMs ?? 0, retry.maxMs));
    this.#due.push({ dueMs: nowMs + waitMs, task, attempt: this.#attempts[task]! });
  }

  /** As if it had not been started. In memory its number of attempts has to go up: timers know attempts by it. */
  #putBack(task: number, { code, reason }: FailedOutcome): void {
    this.#states[task] = "pending";
    this.#change({ task, state: "waiting", attempts: this.#attempts[task]! - 1, code, reason });
    this.#ready.push(task);
  }

  #fireDue(nowMs: number): void {
    for (let due = this.#due.first; due !== undefined && due.dueMs <= nowMs; due = this.#due.first) {
      this.#due.pop();
      if (due.task === RUN) this.#timeIsOver(nowMs);
      else if (this.#attempts[due.task] === due.attempt) this.#fire(due.task, nowMs);
    }
  }

  #fire(task: number, nowMs: number): void {
    if (this.#states[task] === "waiting") {
      this.#states[task] = "pending";
      this.#ready.push(task);
    } else if (this.#states[task] === "running") {
      const reason = `it was not done within its timeout of ${formatDurationMs(this.#tasks[task]!.timeoutMs)}`;
      this.#giveUp(task, { state: "failed", code: "task.timeout", reason, retryable: true }, nowMs);
    }
  }

  #giveUp(task: number, outcome: FailedOutcome, nowMs: number): void {
    const attempt = this.#attempts[task]!;
    this.#effects.push({ type: "abort", task, attempt, reason: outcome.reason });
    this.#finished(task, attempt, outcome, nowMs);
  }

  #timeIsOver(nowMs: number): void {
    const reason = `the graph was not done within its timeout of ${formatDurationMs(this.#graph.timeoutMs!)}`;
    this.#stopReason = reason;
    const outcome = { state: "failed", code: "task.graph_timeout", reason, retryable: false } as const;
    for (const task of this.#order) if (this.#states[task] === "running") this.#giveUp(task, outcome, nowMs);
  }

  #startReady(nowMs: number): void {
    if (this.#draining || this.#stopReason !== undefined) return;
    while (this.#counts.running < this.#parallel) {
      const task = this.#ready.pop();
      if (task === undefined) return;
      const attempt = ++this.#attempts[task]!;
      this.#states[task] = "running";
      this.#startedMs[task] = nowMs;
      this.#counts.running++;
      this.#change({ task, state: "running", attempts: attempt });
      this.#due.push({ dueMs: nowMs + this.#tasks[task]!.timeoutMs, task, attempt });
      this.#effects.push({ type: "start", task, attempt, durable: !isIdempotent(this.#tasks[task]!.work) });
    }
  }

  #endIfOver(): void {
    if (this.#counts.running > 0) return;
    if (this.#stopReason !== undefined) this.#skipTheRest(this.#stopReason);
    const isOver = this.#counts.left === 0;
    if (!isOver && !this.#draining) return;
    this.#ended = true;
    const how = !isOver ? "stopped" : this.#counts.failed > 0 ? "failed" : "done";
    this.#effects.push({ type: "end", how });
  }

  #skipTheRest(reason: string): void {
    for (const task of this.#order) {
      if (this.#states[task] === "waiting") this.#end(task, "failed", { reason: `not tried again: ${reason}` });
      else if (this.#states[task] === "pending") this.#end(task, "skipped", { reason: `not started: ${reason}` });
    }
  }

  /** Final: recorded, and whoever waited for it hears of it. */
  #end(
    task: number,
    state: "done" | "failed" | "skipped",
    about: Pick<TaskChange, "code" | "output" | "reason" | "tookMs">,
  ): void {
    this.#change({ task, state, attempts: this.#attempts[task]!, ...about });
    for (const dependent of this.#settle(task, state)) this.#release(dependent);
  }

  /** Gives those whose last open need this was. */
  #settle(task: number, state: TaskState): readonly number[] {
    this.#states[task] = state;
    this.#counts.left--;
    if (state !== "done" && this.#tolerated[task] === 0) this.#requiredFailed(task, state);
    const released: number[] = [];
    for (const { optional, task: dependent } of this.#dependents[task]!) {
      if (state !== "done" && !optional && this.#blocker[dependent] === -1) this.#blocker[dependent] = task;
      this.#open[dependent]!--;
      if (this.#open[dependent] === 0) released.push(dependent);
    }
    return released;
  }

  #requiredFailed(task: number, state: TaskState): void {
    this.#counts.failed++;
    if (this.#graph.onFailure === "continue" || state === "skipped" || this.#draining) return;
    this.#stopReason ??= `${this.#tasks[task]!.id} has failed and on_failure is stop`;
  }

  /** Nothing is in its way any more: it may run, or never will. */
  #release(task: number): void {
    const waiting = [task];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (FINAL.has(this.#states[next]!)) continue;
      const blocker = this.#blocker[next]!;
      if (blocker === -1) {
        this.#ready.push(next);
        continue;
      }
      const how = this.#states[blocker] === "failed" ? "has failed" : "was skipped";
      const reason = `it needs ${this.#tasks[blocker]!.id}, which ${how}`;
      this.#change({ task: next, state: "skipped", attempts: this.#attempts[next]!, reason });
      for (const released of this.#settle(next, "skipped")) waiting.push(released);
    }
  }

  #change(change: TaskChange): void {
    this.#changes.push(change);
  }

  /** What changed comes first, so that whatever follows can rely on it being recorded. */
  #take(): readonly TaskEffect[] {
    const effects = this.#effects;
    if (this.#changes.length > 0) effects.unshift({ type: "record", changes: this.#changes });
    this.#changes = [];
    this.#effects = [];
    return effects;
  }
}

function notRepeated({ type }: Work): string {
  const why = type === "http" ? "without an idempotency_key" : "it is not idempotent, as the graph says:";
  return `not repeated: ${why} its effect could happen twice`;
}

function unknownOutcome(work: Work): Pick<FailedOutcome, "code" | "reason"> {
  const reason = `its outcome is unknown: the run ended while it was under way; ${notRepeated(work)}`;
  return { code: "task.outcome_unknown", reason };
}
