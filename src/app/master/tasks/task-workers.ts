/**
 * The workers of a master as its task graphs share them: who is there, how many tasks each has, and who gets the next free
 * place. Places are given in the order in which they were asked for; which of the free workers it is, a balancer says.
 */
import type { Clock, Timer } from "../../../base/clock.ts";
import { Failure, toFailure } from "../../../base/errors.ts";
import type { Candidate } from "../../../protocol/balance/index.ts";
import { readMessage, type WorkerHandle, type WorkerPool } from "../../../work/pipeline/dispatch/index.ts";
import { TASK_TOPICS, taskHelloReply } from "../../worker/task-messages.ts";

/** A worker answers at once. */
const HELLO_TIMEOUT_MS = 5_000;
/** Between two tries to ask one that does not. */
const HELLO_AGAIN_MS = 1_000;

export interface TaskWorkersPorts {
  readonly clock: Clock;
  readonly pool: WorkerPool;
  /** For people. */
  readonly tell: (text: string) => void;
}

/** One life of a worker. */
export interface TaskWorkerLife {
  readonly handle: WorkerHandle;
  readonly capacity: number;
  /** Why it is gone; undefined while it is there. */
  readonly gone: string | undefined;
  /** Called once when it is gone. */
  onGone(listener: () => void): { close(): void };
}

/** Names one of the candidates, or nobody. */
export type Pick = (candidates: readonly Candidate[]) => string | undefined;

class Life implements TaskWorkerLife {
  readonly handle: WorkerHandle;
  readonly capacity: number;
  gone: string | undefined;
  outstanding = 0;
  load: Candidate["load"];
  readonly #listeners = new Set<() => void>();

  constructor(handle: WorkerHandle, capacity: number) {
    this.handle = handle;
    this.capacity = capacity;
  }

  get isFree(): boolean {
    return !this.handle.isDraining && this.outstanding < this.capacity;
  }

  get candidate(): Candidate {
    const { handle, load, outstanding } = this;
    return { id: handle.id, weight: handle.weight, outstanding, ...(load && { load }) };
  }

  onGone(listener: () => void): { close(): void } {
    this.#listeners.add(listener);
    return { close: () => void this.#listeners.delete(listener) };
  }

  end(reason: string): void {
    this.gone = reason;
    for (const listener of [...this.#listeners]) listener();
    this.#listeners.clear();
  }
}

interface Waiter {
  readonly pick: Pick;
  resolve(life: TaskWorkerLife): void;
  reject(thrown: unknown): void;
}

export class TaskWorkers {
  readonly #ports: TaskWorkersPorts;
  readonly #lives = new Map<string, Life>();
  /** Those that are there and have not said yet what they take. */
  readonly #asked = new Set<WorkerHandle>();
  readonly #waiters = new Set<Waiter>();
  readonly #listeners = new Set<() => void>();
  readonly #watch: { close(): void };
  #notice: Timer | undefined;
  #isClosed = false;

  constructor(ports: TaskWorkersPorts) {
    this.#ports = ports;
    this.#watch = ports.pool.watch({
      up: (worker) => void this.#greet(worker),
      gone: (worker, reason) => this.#gone(worker, reason),
      draining: () => this.#serve(), // one that works again has places
      report: (worker, { load }) => this.#report(worker, load),
      failed() {},
    });
  }

  /** Tasks that the workers take at once, those that are draining aside. */
  get total(): number {
    return this.#sum(({ capacity }) => capacity);
  }

  /** Places that nobody has; below zero while more is asked for than there are. */
  get free(): number {
    return this.#sum(({ capacity, outstanding }) => capacity - outstanding) - this.#waiters.size;
  }

  /** Those who share. */
  get sharers(): number {
    return Math.max(1, this.#listeners.size);
  }

  /** Told, not more than once a turn, when `total`, `free` or `sharers` may have changed. */
  share(changed: () => void): { close(): void } {
    this.#listeners.add(changed);
    this.#changed();
    return {
      close: () => {
        this.#listeners.delete(changed);
        this.#changed();
      },
    };
  }

  /**
   * Waits for a free place; give it back with `release`. Rejects with the signal's reason, and with `work.none` when there is
   * nobody to wait for: those who share have been told before that `total` is 0.
   */
  take(pick: Pick, signal: AbortSignal): Promise<TaskWorkerLife> {
    if (signal.aborted) return Promise.reject(signal.reason);
    const found = this.#waiters.size === 0 ? this.#choose(pick) : undefined;
    if (found) return Promise.resolve(found);
    return new Promise((resolve, reject) => {
      const abort = (): void => waiter.reject(signal.reason);
      const leave = (): void => {
        this.#waiters.delete(waiter);
        signal.removeEventListener("abort", abort);
        this.#changed();
      };
      const waiter: Waiter = {
        pick,
        resolve: (life) => {
          leave();
          resolve(life);
        },
        reject: (thrown) => {
          leave();
          reject(thrown);
        },
      };
      signal.addEventListener("abort", abort, { once: true });
      this.#waiters.add(waiter);
      this.#changed();
    });
  }

  release(life: TaskWorkerLife): void {
    const own = this.#lives.get(life.handle.id);
    if (own !== life) return; // it is gone, and its places with it
    own.outstanding--;
    this.#serve();
  }

  close(): void {
    this.#isClosed = true;
    this.#notice?.cancel();
    this.#watch.close();
  }

  #sum(of: (life: Life) => number): number {
    let sum = 0;
    for (const life of this.#lives.values()) if (!life.handle.isDraining) sum += of(life);
    return sum;
  }

  #choose(pick: Pick): Life | undefined {
    const free = [...this.#lives.values()].filter(({ isFree }) => isFree);
    if (free.length === 0) return undefined;
    const id = pick(free.map(({ candidate }) => candidate));
    const life = free.find(({ handle }) => handle.id === id) ?? free[0]!;
    life.outstanding++;
    this.#changed();
    return life;
  }

  #serve(): void {
    for (const waiter of this.#waiters) {
      const life = this.#choose(waiter.pick);
      if (!life) break;
      waiter.resolve(life);
    }
    this.#changed();
  }

  async #greet(handle: WorkerHandle): Promise<void> {
    this.#asked.add(handle);
    try {
      const answer = await handle.request(TASK_TOPICS.hello, {}, { timeoutMs: HELLO_TIMEOUT_MS });
      const { capacity } = readMessage(taskHelloReply, answer, `what worker ${handle.id} says of tasks`);
      if (this.#isClosed || !this.#asked.delete(handle)) return; // gone meanwhile
      this.#lives.set(handle.id, new Life(handle, capacity));
      this.#serve();
    } catch (thrown) {
      this.#unanswered(handle, toFailure(thrown, "work.failed"));
    }
  }

  #unanswered(handle: WorkerHandle, failure: Failure): void {
    const { clock, tell } = this.#ports;
    if (!failure.retryable) {
      this.#asked.delete(handle);
      return tell(`worker ${handle.id} gets no tasks: ${failure.message}`);
    }
    clock.after(HELLO_AGAIN_MS, () => {
      if (!this.#isClosed && this.#asked.has(handle)) void this.#greet(handle);
    });
  }

  #gone(handle: WorkerHandle, reason: string): void {
    this.#asked.delete(handle);
    const life = this.#lives.get(handle.id);
    if (life?.handle !== handle) return;
    this.#lives.delete(handle.id);
    life.end(reason);
    this.#changed();
  }

  #report(handle: WorkerHandle, load: { readonly cpu: number; readonly memory: number; readonly queue: number }): void {
    const life = this.#lives.get(handle.id);
    if (life?.handle !== handle) return;
    life.load = { ...load, capacity: handle.capacity, atMs: this.#ports.clock.monotonic() };
  }

  #changed(): void {
    if (this.#isClosed || this.#notice) return;
    this.#notice = this.#ports.clock.after(0, () => {
      this.#notice = undefined;
      for (const listener of [...this.#listeners]) listener();
      if (this.total > 0) return;
      const none = new Failure("work.none", "no worker is there to take it", { retryable: true });
      for (const waiter of [...this.#waiters]) waiter.reject(none);
    });
  }
}
