/** Workers without links, as the places of a master's task graphs see them: a test answers for them. */
import { TASK_TOPICS } from "../../../../../src/app/worker/task-messages.ts";
import { Failure } from "../../../../../src/base/errors.ts";
import type { WorkerHandle, WorkerPool, WorkerWatcher } from "../../../../../src/work/pipeline/dispatch/index.ts";
import type { TaskOutcome } from "../../../../../src/work/task/index.ts";

export interface Asked {
  readonly message: { readonly attempt: string; readonly work?: string; readonly files?: unknown };
  readonly signal: AbortSignal | undefined;
  tell(outcome: TaskOutcome): void;
  /** Nothing is known yet. */
  tellLater(): void;
  refuse(failure: Failure): void;
}

export class FakeTaskWorker implements WorkerHandle {
  readonly id: string;
  readonly capacity = 2;
  readonly weight = 1;
  isDraining = false;
  /** What it says to a hello: how many tasks, or why it does none. */
  hello: number | Failure;
  readonly asked: Asked[] = [];
  readonly dropped: string[] = [];

  constructor(id: string, hello: number | Failure = 2) {
    this.id = id;
    this.hello = hello;
  }

  async request(topic: string, payload: unknown, { signal }: { signal?: AbortSignal }): Promise<unknown> {
    if (topic === TASK_TOPICS.hello) {
      if (this.hello instanceof Failure) throw this.hello;
      return { capacity: this.hello };
    }
    const { promise, reject, resolve } = Promise.withResolvers<unknown>();
    signal?.addEventListener("abort", () => reject(new Failure("link.cancelled", "given up")), { once: true });
    this.asked.push({
      message: payload as Asked["message"],
      signal,
      tell: (outcome) => resolve({ outcome: JSON.stringify(outcome) }),
      tellLater: () => resolve({}),
      refuse: reject,
    });
    return promise;
  }

  notify(topic: string, payload: unknown): void {
    if (topic === TASK_TOPICS.drop) this.dropped.push((payload as { attempt: string }).attempt);
  }

  /** The last that it was asked. */
  get last(): Asked {
    return this.asked.at(-1)!;
  }
}

export class FakeTaskPool implements WorkerPool {
  readonly #watchers = new Set<WorkerWatcher>();

  watch(watcher: WorkerWatcher): { close(): void } {
    this.#watchers.add(watcher);
    return { close: () => void this.#watchers.delete(watcher) };
  }

  join(id: string, hello: number | Failure = 2): FakeTaskWorker {
    const worker = new FakeTaskWorker(id, hello);
    for (const watcher of this.#watchers) watcher.up(worker);
    return worker;
  }

  lose(worker: FakeTaskWorker, reason = "its link is closed"): void {
    for (const watcher of this.#watchers) watcher.gone(worker, reason);
  }

  drain(worker: FakeTaskWorker, on: boolean): void {
    worker.isDraining = on;
    for (const watcher of this.#watchers) watcher.draining(worker);
  }
}

/** Lets what was resolved go its way. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await null;
}
