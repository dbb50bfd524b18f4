/**
 * The writer of one run: changes wait a few milliseconds for company and are committed together, in their order; where a store takes
 * its time, what comes meanwhile is the next group. Whoever must not go on before they are stored waits for `durable`, which does
 * not wait for company. What may pass is waited out; what does not ends the run.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import { pause } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import type { TaskChange } from "./outcome.ts";
import type { StoredTaskRuns, TimedChange } from "./stored-runs.ts";
import type { Json } from "./types.ts";

/** A commit costs about a millisecond of disk; a few hundred a second leave the disk to others. */
const GROUP_MS = 4;
/** Enough company: waiting longer saves nothing. */
const GROUP_CHANGES_MAX = 2_000;
/** Results wait in memory. */
const GROUP_BYTES_MAX = 8 * 2 ** 20;
/** Between two tries to store a group, and how long: a group of masters finds its leader in seconds, a person makes room in minutes. */
const AGAIN_MS = 250;
const AGAIN_FOR_MS = 300_000;

export interface JournalOptions {
  readonly store: Pick<StoredTaskRuns, "save" | "output">;
  readonly run: string;
  readonly clock: Clock;
  /** The store refused for good; nothing is written any more. */
  readonly failed: (thrown: unknown) => void;
}

interface Waiter {
  resolve(): void;
  reject(thrown: unknown): void;
}

type Group = ReadonlyMap<number, TimedChange>;

export class TaskJournal {
  readonly #options: JournalOptions;
  /** The last change of each task. */
  #held = new Map<number, TimedChange>();
  /** On its way into the store. */
  #written: Group | undefined;
  #writing: Promise<void> | undefined;
  readonly #startedMs = new Map<number, number>();
  #heldBytes = 0;
  #waiters: Waiter[] = [];
  #timer: Timer | undefined;
  /** Nobody waits for company any more. */
  #isUrgent = false;
  #broken: { readonly by: unknown } | undefined;

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  /** Changes come in their order. */
  append(changes: readonly TaskChange[]): void {
    if (this.#broken) return;
    const nowMs = this.#options.clock.now();
    for (const change of changes) this.#hold(change, nowMs);
    const isFull = this.#held.size >= GROUP_CHANGES_MAX || this.#heldBytes >= GROUP_BYTES_MAX;
    if (isFull) this.flush();
    else this.#arm(GROUP_MS);
  }

  /** Resolves when all that was appended before is stored. */
  durable(): Promise<void> {
    if (this.#broken) return Promise.reject(this.#broken.by);
    if (this.#held.size === 0) return this.#writing ?? Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      if (this.#isUrgent) return;
      this.#timer?.cancel();
      this.#timer = undefined;
      this.#isUrgent = true;
      this.#arm(0);
    });
  }

  /** What a task of this run has left, also when it is not stored yet. */
  output(task: number): Json | undefined {
    const held = this.#held.get(task)?.output ?? this.#written?.get(task)?.output;
    return held === undefined ? this.#options.store.output(this.#options.run, task) : (JSON.parse(held) as Json);
  }

  /** Writes what is held, as soon as what is being written is. Tells `failed`, and does not throw, when the store refuses. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#writing) {
      this.#isUrgent = true;
      return;
    }
    this.#isUrgent = false;
    const [group, waiters] = [this.#held, this.#waiters];
    this.#held = new Map();
    this.#heldBytes = 0;
    this.#waiters = [];
    try {
      if (this.#broken) throw this.#broken.by;
      const saved = group.size === 0 ? undefined : this.#options.store.save(this.#options.run, group.values());
      if (saved instanceof Promise) return this.#await(saved, group, waiters);
    } catch (thrown) {
      this.#break(thrown);
    }
    this.#tell(waiters);
  }

  /** Resolves when nothing is held any more; rejects with why it could not be stored. */
  async finish(): Promise<void> {
    do {
      this.flush();
      await this.#writing?.catch(() => {}); // that is looked at below
    } while (this.#held.size > 0 && !this.#broken);
    if (this.#broken) throw this.#broken.by;
  }

  #await(saved: Promise<void>, group: Group, waiters: readonly Waiter[]): void {
    this.#written = group;
    const writing = this.#outcome(saved, group).finally(() => {
      this.#writing = this.#written = undefined;
      this.#tell(waiters);
      if (this.#isUrgent || this.#broken) this.flush();
      else if (this.#held.size > 0) this.#arm(GROUP_MS);
    });
    writing.catch(() => {}); // told to `failed`
    this.#writing = writing;
  }

  async #outcome(first: Promise<void>, group: Group): Promise<void> {
    const { clock, run, store } = this.#options;
    const untilMs = clock.monotonic() + AGAIN_FOR_MS;
    for (let saved: void | Promise<void> = first; ; ) {
      try {
        return await saved;
      } catch (thrown) {
        const mayPass = thrown instanceof Failure && thrown.retryable && clock.monotonic() < untilMs;
        if (!mayPass) {
          this.#break(thrown);
          throw thrown;
        }
      }
      await pause(clock, AGAIN_MS);
      saved = store.save(run, group.values());
    }
  }

  #break(thrown: unknown): void {
    if (this.#broken) return;
    this.#broken = { by: thrown };
    this.#options.failed(thrown);
  }

  #tell(waiters: readonly Waiter[]): void {
    for (const waiter of waiters) this.#broken ? waiter.reject(this.#broken.by) : waiter.resolve();
  }

  #hold({ output, ...change }: TaskChange, nowMs: number): void {
    const { state, task } = change;
    const text = output === undefined ? undefined : JSON.stringify(output);
    if (state === "running" && !this.#startedMs.has(task)) this.#startedMs.set(task, nowMs);
    const startedMs = this.#startedMs.get(task);
    const isFinal = state !== "running" && state !== "waiting";
    if (isFinal) this.#startedMs.delete(task);
    this.#heldBytes += text?.length ?? 0;
    this.#held.delete(task); // so that the group keeps the order of the last changes
    this.#held.set(task, {
      ...change,
      ...(text !== undefined && { output: text }),
      startedMs,
      endedMs: isFinal ? nowMs : undefined,
    });
  }

  #arm(delayMs: number): void {
    this.#timer ??= this.#options.clock.after(delayMs, () => this.flush());
  }
}
