/** Real workers as a master's pool has them: only the links between are pretended. */
import { Failure } from "../../../../../src/base/errors.ts";
import { type ReportMessage, TOPICS } from "../../../../../src/work/pipeline/dispatch/index.ts";
import type { WorkerHandle, WorkerPool, WorkerWatcher } from "../../../../../src/work/pipeline/dispatch/worker-pool.ts";
import type { FakeLink, WorkerRig } from "./worker-rig.ts";

/** A worker as the master has it while its link lives. */
export class Handle implements WorkerHandle {
  readonly capacity = 3;
  readonly weight = 1;
  isDraining = false;
  readonly id: string;
  readonly rig: WorkerRig;
  readonly link: FakeLink;
  /** Reports read so far. */
  read = 0;
  /** Of all messages that went either way. */
  largestBytes = 0;

  constructor(id: string, rig: WorkerRig) {
    this.id = id;
    this.rig = rig;
    this.link = rig.master();
  }

  request(topic: string, payload: unknown, { signal }: { signal?: AbortSignal } = {}): Promise<unknown> {
    if (!this.link.isOpen) return Promise.reject(closed());
    const gone = this.link.closed.then(() => Promise.reject(closed()));
    const cancelled = new Promise<never>((_, reject) => {
      signal?.addEventListener("abort", () => reject(new Failure("link.cancelled", "nobody waits any more")));
    });
    this.largestBytes = Math.max(this.largestBytes, bytesIn(payload));
    const answer = this.rig.request(this.link, topic, structuredClone(payload), signal).then((reply) => {
      this.largestBytes = Math.max(this.largestBytes, bytesIn(reply));
      return structuredClone(reply);
    });
    return Promise.race([answer, gone, cancelled]);
  }

  notify(topic: string, payload: unknown): void {
    if (this.link.isOpen) this.rig.notify(this.link, topic, structuredClone(payload));
  }
}

export class LinkedPool implements WorkerPool {
  readonly handles = new Map<string, Handle>();
  readonly #watchers = new Set<WorkerWatcher>();

  watch(watcher: WorkerWatcher): { close(): void } {
    this.#watchers.add(watcher);
    for (const handle of this.handles.values()) watcher.up(handle);
    return { close: () => void this.#watchers.delete(watcher) };
  }

  /** A new link to a worker, which may have had one before. */
  connect(id: string, rig: WorkerRig): void {
    const handle = new Handle(id, rig);
    this.handles.set(id, handle);
    for (const watcher of this.#watchers) watcher.up(handle);
  }

  cut(handle: Handle): void {
    handle.link.close();
    this.handles.delete(handle.id);
    for (const watcher of this.#watchers) watcher.gone(handle, "its link is closed");
  }

  /** What the workers have said by themselves. */
  deliver(): void {
    for (const handle of this.handles.values()) {
      for (const { payload, topic } of handle.link.told.slice(handle.read)) {
        for (const watcher of this.#watchers) {
          if (topic === TOPICS.report) watcher.report(handle, payload as ReportMessage);
          if (topic === TOPICS.failed) watcher.failed(handle, payload as Parameters<WorkerWatcher["failed"]>[1]);
        }
      }
      handle.read = handle.link.told.length;
    }
  }
}

function closed(): Failure {
  return new Failure("link.closed", "the link is closed", { retryable: true });
}

/** Of arrays of bytes, however deep. */
function bytesIn(value: unknown): number {
  if (value instanceof Uint8Array) return value.length;
  if (typeof value !== "object" || value === null) return 0;
  return Object.values(value).reduce((sum: number, each) => sum + bytesIn(each), 0);
}
