/**
 * The writer of one run: changes wait a few milliseconds for company and are committed together, in their order. Whoever must not go
 * on before they are on disk waits for `durable`, which does not wait for company.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import type { TaskChange } from "./outcome.ts";
import type { TaskStore, TimedChange } from "./store.ts";
import type { Json } from "./types.ts";

/** A commit costs about a millisecond of disk; a few hundred a second leave the disk to others. */
const GROUP_MS = 4;
/** Enough company: waiting longer saves nothing. */
const GROUP_CHANGES_MAX = 2_000;
/** Results wait in memory. */
const GROUP_BYTES_MAX = 8 * 2 ** 20;

export interface JournalOptions {
  readonly store: Pick<TaskStore, "save" | "output">;
  readonly run: string;
  readonly clock: Clock;
  /** The disk refused; nothing is written any more. */
  readonly failed: (thrown: unknown) => void;
}

interface Waiter {
  resolve(): void;
  reject(thrown: unknown): void;
}

export class TaskJournal {
  readonly #options: JournalOptions;
  /** The last change of each task. */
  readonly #held = new Map<number, TimedChange>();
  readonly #startedMs = new Map<number, number>();
  #heldBytes = 0;
  #waiters: Waiter[] = [];
  #timer: Timer | undefined;
  #isUrgent = false;
  #broken: unknown;

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  /** Changes come in their order. */
  append(changes: readonly TaskChange[]): void {
    if (this.#broken !== undefined) return;
    const nowMs = this.#options.clock.now();
    for (const change of changes) this.#hold(change, nowMs);
    const isFull = this.#held.size >= GROUP_CHANGES_MAX || this.#heldBytes >= GROUP_BYTES_MAX;
    if (isFull) this.flush();
    else this.#arm(GROUP_MS);
  }

  /** Resolves when all that was appended before is on disk. */
  durable(): Promise<void> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    if (this.#held.size === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      if (this.#isUrgent) return;
      this.#timer?.cancel();
      this.#timer = undefined;
      this.#isUrgent = true;
      this.#arm(0);
    });
  }

  /** What a task of this run has left, also when it is not on disk yet. */
  output(task: number): Json | undefined {
    const held = this.#held.get(task)?.output;
    return held === undefined ? this.#options.store.output(this.#options.run, task) : (JSON.parse(held) as Json);
  }

  /** Writes what is held. Tells `failed`, and does not throw, when the disk refuses. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#isUrgent = false;
    const waiters = this.#waiters;
    this.#waiters = [];
    try {
      if (this.#broken === undefined && this.#held.size > 0)
        this.#options.store.save(this.#options.run, this.#held.values());
    } catch (thrown) {
      this.#broken = thrown;
      this.#options.failed(thrown);
    }
    this.#held.clear();
    this.#heldBytes = 0;
    for (const waiter of waiters) this.#broken === undefined ? waiter.resolve() : waiter.reject(this.#broken);
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
