/**
 * One run of a graph: the scheduler bound to a clock, a journal and a place. What the scheduler says is carried out in its order;
 * whether something failed, and how often it is tried, is the scheduler's to say.
 */
import type { Clock } from "../../base/clock.ts";
import { toFailure } from "../../base/errors.ts";
import { Histogram } from "../../base/histogram.ts";
import { Pump } from "../../base/machine.ts";
import type { Random } from "../../base/random.ts";
import { failedOutcome } from "./execute.ts";
import { TaskJournal } from "./journal.ts";
import type { TaskChange, TaskOutcome, TaskState } from "./outcome.ts";
import { Outputs } from "./outputs.ts";
import type { TaskPlace } from "./place.ts";
import { readyTask } from "./ready-task.ts";
import { type RunEnd, type TaskEffect, type TaskInput, TaskScheduler } from "./scheduler.ts";
import type { StoredTaskRuns } from "./stored-runs.ts";
import type { TaskGraph } from "./types.ts";

export interface TaskRunPlan {
  readonly id: string;
  readonly graph: TaskGraph;
  /** What an earlier process of this run has recorded. */
  readonly history: readonly TaskChange[];
}

export interface TaskRunPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly place: TaskPlace;
  readonly store: Pick<StoredTaskRuns, "save" | "output">;
  readonly env: (name: string) => string | undefined;
  /** Each change as it is recorded. */
  readonly observe?: (change: TaskChange) => void;
}

export interface TaskProgress {
  readonly elapsedMs: number;
  readonly total: number;
  readonly counts: Readonly<Record<TaskState, number>>;
  /** Attempts beyond the first of each task. */
  readonly retries: number;
  /** Of attempts that ended. */
  readonly latency: Histogram;
}

export class TaskRun {
  readonly #plan: TaskRunPlan;
  readonly #ports: TaskRunPorts;
  readonly #scheduler: TaskScheduler;
  readonly #pump: Pump<TaskInput, TaskEffect>;
  readonly #journal: TaskJournal;
  readonly #outputs: Outputs;
  readonly #controllers = new Map<number, AbortController>();
  readonly #states: TaskState[];
  readonly #counts: Record<TaskState, number>;
  readonly #latency = new Histogram();
  readonly #end = Promise.withResolvers<RunEnd>();
  #watch: { close(): void } | undefined;
  #retries = 0;
  #beganMs = 0;
  #over = false;

  constructor(plan: TaskRunPlan, ports: TaskRunPorts) {
    const { graph, history, id } = plan;
    this.#plan = plan;
    this.#ports = ports;
    const failed = (thrown: unknown): void => this.#fail(thrown);
    this.#scheduler = new TaskScheduler(graph, { random: ports.random, parallelMax: ports.place.capacity, history });
    this.#journal = new TaskJournal({ store: ports.store, run: id, clock: ports.clock, failed });
    this.#pump = new Pump(this.#scheduler, {
      clock: ports.clock,
      carryOut: (effect) => this.#carryOut(effect),
      failed,
    });
    this.#outputs = new Outputs(graph, (task) => this.#journal.output(task));
    this.#states = graph.tasks.map(() => "pending");
    this.#counts = { pending: graph.tasks.length, running: 0, waiting: 0, done: 0, failed: 0, skipped: 0 };
    for (const change of history) if (isFinal(change.state)) this.#count(change.task, change.state);
  }

  /** Resolves when everything is recorded. Rejects when the disk refuses: what runs is given up then. */
  run(): Promise<RunEnd> {
    this.#beganMs = this.#ports.clock.monotonic();
    const { place } = this.#ports;
    this.#watch = place.watch?.(() => this.#pump.feed({ type: "capacity", parallelMax: place.capacity }));
    this.#pump.feed({ type: "capacity", parallelMax: place.capacity }); // it may have changed since the plan was made
    this.#pump.feed({ type: "begin" });
    return this.#end.promise;
  }

  /** Starts nothing any more; the run can be resumed. */
  drain(): void {
    this.#pump.feed({ type: "drain" });
  }

  /** Gives up what runs, and records nothing of it: a resumed run finds it under way. */
  abort(reason: string): void {
    if (!this.#over) void this.#settled(reason, "stopped");
  }

  progress(): TaskProgress {
    return {
      elapsedMs: this.#ports.clock.monotonic() - this.#beganMs,
      total: this.#plan.graph.tasks.length,
      counts: this.#counts,
      retries: this.#retries,
      latency: this.#latency,
    };
  }

  #carryOut(effect: TaskEffect): void {
    if (effect.type === "record") this.#record(effect.changes);
    else if (effect.type === "start") void this.#execute(effect.task, effect.attempt, effect.durable);
    else if (effect.type === "abort") this.#controllers.get(effect.task)?.abort(new Error(effect.reason));
    else if (!this.#over) void this.#settled("the run has ended", effect.how);
  }

  #record(changes: readonly TaskChange[]): void {
    this.#journal.append(changes);
    for (const change of changes) {
      if (change.output !== undefined) this.#outputs.keep(change.task, change.output);
      if (change.tookMs !== undefined) this.#latency.record(change.tookMs);
      if (change.state === "running" && change.attempts > 1) this.#retries++;
      this.#count(change.task, change.state);
      this.#ports.observe?.(change);
    }
  }

  #count(task: number, state: TaskState): void {
    this.#counts[this.#states[task]!]--;
    this.#counts[state]++;
    this.#states[task] = state;
  }

  async #execute(task: number, attempt: number, durable: boolean): Promise<void> {
    const controller = new AbortController();
    this.#controllers.set(task, controller);
    const outcome = await this.#outcome(task, attempt, durable, controller.signal);
    if (this.#controllers.get(task) === controller) this.#controllers.delete(task);
    if (!this.#over) this.#pump.feed({ type: "finished", task, attempt, outcome });
  }

  async #outcome(task: number, attempt: number, durable: boolean, signal: AbortSignal): Promise<TaskOutcome> {
    try {
      if (durable) await this.#journal.durable();
      const ready = readyTask(this.#plan.id, this.#plan.graph.tasks[task]!, {
        output: (id) => this.#outputs.of(id),
        state: (id) => this.#states[this.#outputs.numberOf(id) ?? -1] ?? "unknown",
        env: this.#ports.env,
      });
      return await this.#ports.place.execute(ready, { attempt, signal });
    } catch (thrown) {
      return { ...failedOutcome(toFailure(thrown, "task.failed")), untouched: true };
    }
  }

  #fail(thrown: unknown): void {
    if (!this.#over) void this.#finish("the run has failed").then(() => this.#end.reject(thrown));
  }

  /** Everything is recorded, or cannot be. */
  async #settled(reason: string, how: RunEnd): Promise<void> {
    const refused = await this.#finish(reason);
    if (refused && how !== "stopped") this.#end.reject(refused.by);
    else this.#end.resolve(how); // what was given up may be forgotten as well
  }

  async #finish(reason: string): Promise<{ readonly by: unknown } | undefined> {
    this.#over = true;
    this.#watch?.close();
    this.#pump.stop();
    for (const controller of this.#controllers.values()) controller.abort(new Error(reason));
    try {
      await this.#journal.finish();
      return undefined;
    } catch (thrown) {
      return { by: thrown };
    }
  }
}

function isFinal(state: TaskState): boolean {
  return state === "done" || state === "failed" || state === "skipped";
}
