/**
 * A world for the scheduler: time that jumps to the next thing, tasks that come out as their script says, a disk that may lose what was
 * not yet waited for, and a process that may die between any two steps and start again with what the disk has.
 */
import { type Random, seededRandom } from "../../../../src/base/random.ts";
import type { TaskChange, TaskOutcome, TaskState } from "../../../../src/work/task/outcome.ts";
import { type RunEnd, type TaskEffect, type TaskInput, TaskScheduler } from "../../../../src/work/task/scheduler.ts";
import type { TaskGraph } from "../../../../src/work/task/types.ts";

/** What an attempt gives, and after how long; nothing for one that hangs. */
export interface Scripted {
  readonly outcome: TaskOutcome;
  readonly afterMs: number;
}

export type Script = (task: number, attempt: number) => Scripted | undefined;

export interface WorldOptions {
  readonly seed?: number;
  /** After so many steps of any life the process dies; once for each entry. */
  readonly deaths?: readonly number[];
  /** The bug on purpose: tasks begin before their start is on disk. */
  readonly startsTooEarly?: boolean;
}

export interface Begun {
  readonly task: number;
  readonly attempt: number;
  readonly atMs: number;
  readonly life: number;
}

interface Event {
  readonly atMs: number;
  readonly input: TaskInput;
}

const STEPS_MAX = 100_000;

export class SchedulerWorld {
  readonly begun: Begun[] = [];
  readonly aborted: string[] = [];
  /** Tasks whose work took effect, once for each time. */
  readonly effects: number[] = [];
  readonly faults: string[] = [];
  nowMs = 0;
  runningMost = 0;
  end: RunEnd | undefined;
  readonly #graph: TaskGraph;
  readonly #script: Script;
  readonly #options: WorldOptions;
  readonly #random: Random;
  readonly #disk = new Map<number, TaskChange>();
  #unwritten: TaskChange[] = [];
  #events: Event[] = [];
  #running = new Set<number>();
  #scheduler: TaskScheduler;
  #life = 0;

  constructor(graph: TaskGraph, script: Script, options: WorldOptions = {}) {
    this.#graph = graph;
    this.#script = script;
    this.#options = options;
    this.#random = seededRandom(options.seed ?? 1);
    this.#scheduler = this.#start();
  }

  run(): this {
    const deaths = [...(this.#options.deaths ?? [])];
    let untilDeath = deaths.shift();
    this.#step({ type: "begin" });
    for (let steps = 0; this.end === undefined; steps++) {
      if (steps > STEPS_MAX) throw new Error("the run does not end");
      if (untilDeath !== undefined && untilDeath-- <= 0) {
        this.#die();
        untilDeath = deaths.shift();
      } else if (!this.next()) throw new Error("nothing is due, and the run has not ended");
    }
    return this;
  }

  /** The earliest of events and deadlines; false when there is none. */
  next(): boolean {
    const event = this.#events.toSorted((a, b) => a.atMs - b.atMs)[0];
    const dueMs = this.#scheduler.nextDeadlineMs ?? Number.POSITIVE_INFINITY;
    if (event && event.atMs <= dueMs) {
      this.#events = this.#events.filter((each) => each !== event);
      this.nowMs = Math.max(this.nowMs, event.atMs);
      this.#step(event.input);
      return true;
    }
    if (dueMs === Number.POSITIVE_INFINITY) return false;
    this.nowMs = Math.max(this.nowMs, dueMs);
    this.#step({ type: "tick" });
    return true;
  }

  begin(): void {
    this.#step({ type: "begin" });
  }

  feed(input: TaskInput): void {
    this.#step(input);
  }

  /** Ends the process and begins again with what the disk has. */
  restart(): void {
    this.end = undefined;
    this.#die();
  }

  /** By id, as recorded. */
  states(): Record<string, TaskState> {
    const recorded = this.recorded();
    return Object.fromEntries(this.#graph.tasks.map(({ id }, task) => [id, recorded.get(task)?.state ?? "pending"]));
  }

  recorded(): ReadonlyMap<number, TaskChange> {
    const all = new Map(this.#disk);
    for (const change of this.#unwritten) all.set(change.task, change);
    return all;
  }

  reason(id: string): string | undefined {
    return this.recorded().get(this.#graph.tasks.findIndex((task) => task.id === id))?.reason;
  }

  order(): string[] {
    return this.begun.map(({ task }) => this.#graph.tasks[task]!.id);
  }

  #start(): TaskScheduler {
    const history = [...this.#disk.values()];
    return new TaskScheduler(this.#graph, { random: this.#random, history });
  }

  #step(input: TaskInput | { readonly type: "tick" }): void {
    if (input.type === "finished") this.#running.delete(input.task);
    for (const effect of this.#scheduler.step(input, this.nowMs)) this.#carryOut(effect);
    this.runningMost = Math.max(this.runningMost, this.#running.size);
  }

  #carryOut(effect: TaskEffect): void {
    if (effect.type === "record") {
      for (const change of effect.changes) this.#unwritten.push(change);
    } else if (effect.type === "start") this.#execute(effect.task, effect.attempt, effect.durable);
    else if (effect.type === "abort") {
      this.#running.delete(effect.task);
      this.aborted.push(`${this.#graph.tasks[effect.task]!.id}#${effect.attempt}`);
    } else this.end = effect.how;
  }

  #execute(task: number, attempt: number, durable: boolean): void {
    if (durable && !this.#options.startsTooEarly) this.#write(this.#unwritten.length);
    this.#checkNeeds(task);
    this.#running.add(task);
    this.begun.push({ task, attempt, atMs: this.nowMs, life: this.#life });
    const scripted = this.#script(task, attempt);
    if (scripted?.outcome.state !== "failed" || scripted.outcome.untouched !== true) this.effects.push(task);
    if (!scripted) return;
    const input: TaskInput = { type: "finished", task, attempt, outcome: scripted.outcome };
    this.#events.push({ atMs: this.nowMs + scripted.afterMs, input });
  }

  #checkNeeds(task: number): void {
    for (const need of this.#graph.tasks[task]!.needs) {
      const state = this.recorded().get(need.task)?.state ?? "pending";
      const isFinal = state === "done" || state === "failed" || state === "skipped";
      if (!isFinal || (!need.optional && state !== "done"))
        this.faults.push(`${task} begins while its need ${need.task} is ${state}`);
    }
  }

  #write(count: number): void {
    for (const change of this.#unwritten.splice(0, count)) this.#disk.set(change.task, change);
  }

  /** A part of what was not waited for is on disk, in order. */
  #die(): void {
    this.#write(this.#random.below(this.#unwritten.length + 1));
    this.#unwritten = [];
    this.#events = [];
    this.#running = new Set();
    this.#life++;
    this.#scheduler = this.#start();
    this.#step({ type: "begin" });
  }
}
