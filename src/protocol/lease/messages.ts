/** What goes into the table of leases, and what comes out. An item is whatever is done as a whole by one worker: a batch, a task. */
import type { Tick } from "../../base/machine.ts";

/** What a worker said of itself last. */
export interface NodeLoad {
  /** 0 to 1 of its cores. */
  readonly cpu: number;
  /** 0 to 1. */
  readonly memory: number;
  /** What waits there. */
  readonly queue: number;
  readonly capacity: number;
  readonly atMs: number;
}

export interface Item {
  /** Its own among all that are open; free again once the item is completed, failed, withdrawn or lost with its owner. */
  readonly id: number;
  /** Lower ones go first. */
  readonly order: number;
  /** For balancers that keep what belongs together in one place. */
  readonly key?: string;
  /** Only this worker may do it. */
  readonly pinned?: string;
  readonly mayHedge: boolean;
}

export type LeaseInput =
  /**
   * It is there, or there again: a new life replaces the old one, whose leases are lost. `leases`: those that it still works
   * on from before (the same process behind a new link): it keeps them where the item waits for somebody.
   */
  | {
      readonly type: "worker";
      readonly id: string;
      readonly capacity: number;
      readonly weight: number;
      readonly leases?: readonly number[];
    }
  /**
   * A report: the worker keeps its leases. `leases`: all of this table's leases that it knows. One that it does not know
   * any more is taken back after a while, and one that nobody wants any more is cancelled (again).
   */
  | { readonly type: "heard"; readonly id: string; readonly load?: NodeLoad; readonly leases?: readonly number[] }
  /** Its link is closed, or it is known to be dead. */
  | { readonly type: "lost"; readonly id: string; readonly reason: string }
  /** No new work for it while `on`. */
  | { readonly type: "drain"; readonly id: string; readonly on: boolean }
  /** No new work for it until then, on the machine's clock. */
  | { readonly type: "suspend"; readonly id: string; readonly untilMs: number; readonly reason: string }
  | { readonly type: "offer"; readonly item: Item }
  /** Nobody needs it any more. */
  | { readonly type: "withdraw"; readonly item: number }
  /** A result has come. */
  | { readonly type: "done"; readonly lease: number }
  /** `elsewhere`: another worker may do better; otherwise it is the item's final failure. */
  | {
      readonly type: "failed";
      readonly lease: number;
      readonly code: string;
      readonly reason: string;
      readonly elsewhere: boolean;
    }
  | Tick;

export type LeaseEffect =
  | {
      readonly type: "assign";
      readonly lease: number;
      readonly item: number;
      readonly worker: string;
      /** From 1; hedges and those after a loss count. */
      readonly attempt: number;
      readonly isHedge: boolean;
      /** Nobody else is left to fail over to. */
      readonly isLastResort: boolean;
    }
  /** Its result is not wanted any more. Comes again for one that the worker still names in a report. */
  | { readonly type: "cancel"; readonly lease: number; readonly worker: string }
  /** Exactly once for each item that gets done. */
  | {
      readonly type: "complete";
      readonly item: number;
      readonly lease: number;
      readonly worker: string;
      readonly durationMs: number;
    }
  /** A result, or a failure, of a lease that does not count any more: to be dropped. What is unknown of it is left out. */
  | { readonly type: "late"; readonly lease: number; readonly item?: number; readonly worker?: string }
  /** Final, once for an item. */
  | { readonly type: "fail"; readonly item: number; readonly code: string; readonly reason: string }
  /** The only worker that may do it is gone: the table forgets the item, whoever offered it decides. */
  | { readonly type: "pinnedLost"; readonly item: number; readonly worker: string; readonly reason: string };
