/** Real workers as a master's pool has them: only the links between are pretended. */
import { Failure } from "../../../../../src/base/errors.ts";
import { type ReportMessage, TOPICS } from "../../../../../src/work/pipeline/dispatch/index.ts";
import type { DeployMessage } from "../../../../../src/work/pipeline/dispatch/messages.ts";
import type { WorkerHandle, WorkerPool, WorkerWatcher } from "../../../../../src/work/pipeline/dispatch/worker-pool.ts";
import type { FakeLink, WorkerRig } from "./worker-rig.ts";

export interface HandleOptions {
  /** Reaches no memory of the master's, as on another machine. */
  readonly isFar?: boolean;
  /** The first message of each of these topics is lost on its way there. */
  readonly givesWay?: { readonly topics: readonly string[]; readonly code: string };
}

/** A worker as the master has it while its link lives. */
export class Handle implements WorkerHandle {
  readonly capacity = 3;
  readonly weight = 1;
  isDraining = false;
  readonly id: string;
  readonly rig: WorkerRig;
  link: FakeLink;
  /** Reports read so far. */
  read = 0;
  /** Of all messages that went either way. */
  largestBytes = 0;

  readonly #isFar: boolean;
  readonly #code: string | undefined;
  readonly #givesWay: Set<string>;

  constructor(id: string, rig: WorkerRig, { givesWay, isFar = false }: HandleOptions = {}) {
    this.id = id;
    this.rig = rig;
    this.#isFar = isFar;
    this.#code = givesWay?.code;
    this.#givesWay = new Set(givesWay?.topics);
    this.link = rig.master();
  }

  request(topic: string, payload: unknown, { signal }: { signal?: AbortSignal } = {}): Promise<unknown> {
    if (!this.link.isOpen) return Promise.reject(closed());
    if (this.#givesWay.delete(topic)) return Promise.reject(new Failure(this.#code!, "once", { retryable: true }));
    const { link } = this;
    const gone = link.closed.then(() => Promise.reject(closed()));
    const cancelled = new Promise<never>((_, reject) => {
      signal?.addEventListener("abort", () => reject(new Failure("link.cancelled", "nobody waits any more")));
    });
    this.largestBytes = Math.max(this.largestBytes, bytesIn(payload));
    const sent = travelled(payload);
    if (this.#isFar && topic === TOPICS.deploy) (sent as DeployMessage).probe.machine = "elsewhere";
    const answer = this.rig.request(link, topic, sent, signal).then((reply) => {
      this.largestBytes = Math.max(this.largestBytes, bytesIn(reply));
      return travelled(reply);
    });
    return Promise.race([answer, gone, cancelled]);
  }

  notify(topic: string, payload: unknown): void {
    if (this.link.isOpen) this.rig.notify(this.link, topic, travelled(payload));
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
  connect(id: string, rig: WorkerRig, options?: HandleOptions): Handle {
    const handle = new Handle(id, rig, options);
    this.handles.set(id, handle);
    for (const watcher of this.#watchers) watcher.up(handle);
    return handle;
  }

  cut(handle: Handle): void {
    handle.link.close();
    this.handles.delete(handle.id);
    for (const watcher of this.#watchers) watcher.gone(handle, "its link is closed");
  }

  /** Another link to the same process, of which the worker hears when it has seen the end of the one before. */
  async relink(handle: Handle): Promise<void> {
    handle.link.close();
    await Promise.resolve();
    handle.link = handle.rig.master();
    handle.read = 0;
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

/** As it arrives: of a view only what it shows. */
function travelled(value: unknown): unknown {
  if (value instanceof Uint8Array) return value.slice();
  if (Array.isArray(value)) return value.map(travelled);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, travelled(each)]));
}

/** Of arrays of bytes, however deep. */
function bytesIn(value: unknown): number {
  if (value instanceof Uint8Array) return value.length;
  if (typeof value !== "object" || value === null) return 0;
  return Object.values(value).reduce((sum: number, each) => sum + bytesIn(each), 0);
}
