/** What the table says of itself to people. */
import type { NodeLoad } from "./messages.ts";
import type { Worker } from "./records.ts";

export interface LeaseCounts {
  /** Now. */
  readonly open: number;
  readonly waiting: number;
  readonly underWay: number;
  readonly hedged: number;
  /** Undefined until enough durations are known, and without hedging. */
  readonly hedgeDelayMs: number | undefined;
  /** Since the start, items. offered = open + completed + failed + withdrawn + pinnedLost. */
  readonly offered: number;
  readonly completed: number;
  readonly failed: number;
  readonly withdrawn: number;
  readonly pinnedLost: number;
  /** Since the start, leases. */
  readonly assigned: number;
  readonly hedges: number;
  /** Hedges that brought the result. */
  readonly hedgeWins: number;
  readonly cancelled: number;
  /** Taken back: the worker was lost, or did not know it any more. */
  readonly takenBack: number;
  /** Taken back, and given to the same worker again because it still worked on it. */
  readonly resumed: number;
  readonly failedElsewhere: number;
  readonly late: number;
}

export interface LeaseWorker {
  readonly id: string;
  readonly capacity: number;
  readonly weight: number;
  readonly window: number;
  /** Leases it is to do. With `stopping` 0 as well, it is empty. */
  readonly active: number;
  /** Cancelled ones that it may not have stopped yet. */
  readonly stopping: number;
  readonly isSilent: boolean;
  readonly isDraining: boolean;
  readonly suspended: { readonly untilMs: number; readonly reason: string } | undefined;
  readonly heardMs: number;
  readonly load: NodeLoad | undefined;
}

/** Those that only grow. */
export function zeroes() {
  return {
    offered: 0,
    completed: 0,
    failed: 0,
    withdrawn: 0,
    pinnedLost: 0,
    assigned: 0,
    hedges: 0,
    hedgeWins: 0,
    cancelled: 0,
    takenBack: 0,
    resumed: 0,
    failedElsewhere: 0,
    late: 0,
  };
}

export function describeWorker(worker: Worker, nowMs: number): LeaseWorker {
  const { capacity, heardMs, id, isDraining, isSilent, leases, load, suspended, weight, window } = worker;
  let active = 0;
  for (const { state } of leases.values()) if (state === "active") active++;
  return {
    id,
    capacity,
    weight,
    window,
    active,
    stopping: leases.size - active,
    isSilent,
    isDraining,
    suspended: suspended !== undefined && suspended.untilMs > nowMs ? suspended : undefined,
    heardMs,
    load,
  };
}
