/**
 * What a run needs to know of its master's workers: who is there, and what comes from them. One handle is one life of a worker:
 * when its link is gone, or the cluster holds it to be dead, it is gone, and comes back as another handle.
 */
import type { ReportMessage } from "./messages.ts";

interface AskOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  readonly traceparent?: string | undefined;
}

export interface WorkerHandle {
  /** The node's id. */
  readonly id: string;
  /** Batches it should have at a time, roughly its processors; and its share among workers, above 0. */
  readonly capacity: number;
  readonly weight: number;
  readonly isDraining: boolean;
  request(topic: string, payload: unknown, options: AskOptions): Promise<unknown>;
  notify(topic: string, payload: unknown): void;
}

export type DeploymentReport = ReportMessage["deployments"][number];

export interface WorkerWatcher {
  /** Also for each that is there when the watch begins. */
  up(worker: WorkerHandle): void;
  gone(worker: WorkerHandle, reason: string): void;
  /** It gets no new work from now on, or does again. */
  draining(worker: WorkerHandle): void;
  /** Regularly, as long as it is there. */
  report(worker: WorkerHandle, report: ReportMessage): void;
  /** Stages there have ended by themselves. */
  failed(
    worker: WorkerHandle,
    end: { readonly deployment: string; readonly code: string; readonly reason: string },
  ): void;
}

export interface WorkerPool {
  watch(watcher: WorkerWatcher): { close(): void };
}
