/** What the engine's parts say to each other. */
import type { Counts, DeadRow, RowRange } from "../../../process/plugin/index.ts";
import type { Slot } from "./edge.ts";
import type { ItemTrace } from "./item-trace.ts";

export type Policy = "FAIL_FAST" | "RETRY_WITH_BACKOFF" | "SKIP_AND_CONTINUE" | "DEAD_LETTER" | "FALLBACK" | "FAILOVER";

/** One enabled stage, ready to run: files resolved, parameters converted. */
export interface StagePlan {
  readonly name: string;
  /** Absolute path of the plugin's module. */
  readonly library: string;
  /** Of the file's content: the same path with another build behind it is another plugin. */
  readonly revision: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly policy: Policy;
  readonly maxRetries: number;
  readonly timeoutMs: number;
  readonly lanes: number;
  /** Batches in source order on one lane. */
  readonly sequential: boolean;
  /** Has snapshot and restore. */
  readonly stateful: boolean;
  /** One process at a time may be initialised: see the SDK. */
  readonly exclusive: boolean;
  /** Initialised processes kept beside the lanes. */
  readonly standby: number;
  readonly limits: StageLimits;
  /** Names of the environment variables that its hosts see, beside the usual ones. */
  readonly passEnv: readonly string[];
  readonly breaker?: BreakerPlan;
  /** Only for a plugin that has `health`. */
  readonly health?: HealthPlan;
  /** Who gets a batch, where several workers have the stage: a name of protocol/balance. */
  readonly balancer?: string;
  readonly fallback?: {
    readonly library: string;
    readonly revision: string;
    readonly params: Readonly<Record<string, unknown>>;
  };
}

/** What one host may use; over it, it is killed. Left out: no limit of ours. */
export interface StageLimits {
  readonly memoryBytes?: number;
  readonly cpuMs?: number;
  readonly files?: number;
  readonly stdoutBytesPerSecond?: number;
}

/** When the stage stops asking a plugin that fails. */
export interface BreakerPlan {
  /** Failed tries in a row. */
  readonly failureThreshold: number;
  readonly successThreshold: number;
  readonly halfOpenAfterMs: number;
}

export interface HealthPlan {
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

/** A batch on its way: which it is and where its bytes lie. */
export interface Item {
  readonly seq: number;
  readonly id: string;
  /** Which set of stages it goes through: see RunCounts. */
  readonly epoch: number;
  /** Stages with state take a snapshot after this batch. */
  readonly barrier: boolean;
  /** The empty batch behind the last record: plugins finish here. */
  readonly finish: boolean;
  /** An empty batch between the last one for a set of stages and the first for the next. */
  readonly fence?: Fence;
  /** There is another node to try it: FAILOVER gives the batch back instead of deciding about its records here. */
  readonly failsOver?: boolean;
  /** Only of a batch whose trace is recorded: the span of whoever has it now. */
  trace?: ItemTrace | undefined;
  slot: Slot;
  /** Bytes of the batch at the start of the slot. */
  bytes: number;
  readonly result: ItemResult;
}

export interface Fence {
  /** It has left this stage, and with it, where order counts, everything before it; the stage's state, when it keeps one. */
  passed(stage: string, state: Uint8Array | undefined): void;
}

/** What the stages left beside the batch itself; it counts when the batch is committed, not before. */
export interface ItemResult {
  malformed: number;
  readonly counts: StageCounts[];
  readonly dead: Uint8Array[];
  readonly states: Map<string, Uint8Array>;
}

export interface StageCounts {
  in: number;
  out: number;
  filtered: number;
  deadLettered: number;
  skipped: number;
  added: number;
}

export function emptyCounts(): StageCounts {
  return { in: 0, out: 0, filtered: 0, deadLettered: 0, skipped: 0, added: 0 };
}

export function addCounts(target: StageCounts, more: StageCounts): void {
  for (const key of Object.keys(target) as (keyof StageCounts)[]) target[key] += more[key];
}

/** What somebody who watches a run is told as it happens. For measuring and for people; nothing depends on it. */
export type StageEvent =
  | { readonly event: "host_ready"; readonly lane: number; readonly pid: number }
  | { readonly event: "standby_ready"; readonly pid: number }
  /** By itself. */
  | { readonly event: "standby_exited"; readonly pid: number; readonly reason: string }
  /** The stage's circuit breaker. */
  | { readonly event: "breaker"; readonly state: "closed" | "open" | "half_open"; readonly reason: string }
  | { readonly event: "swap_started"; readonly from: string; readonly to: string }
  /** Every lane has its new host. */
  | { readonly event: "swapped"; readonly from: string; readonly to: string; readonly heldMs: number }
  /** From now on nobody goes back to the old plugin. */
  | { readonly event: "swap_confirmed"; readonly to: string; readonly reason: string }
  /** The old plugin works again. */
  | { readonly event: "swap_rolled_back"; readonly to: string; readonly reason: string }
  | {
      readonly event: "host_exited";
      readonly lane: number;
      /** Left out of a host that never became ready. */
      readonly pid: number | undefined;
      readonly reason: string;
    }
  /** A try, not a search for a poison record. */
  | { readonly event: "batch_failed"; readonly lane: number; readonly batch: string; readonly reason: string }
  | {
      readonly event: "batch_done";
      readonly lane: number;
      readonly pid: number | undefined;
      readonly batch: string;
      /** Records taken in. */
      readonly rows: number;
    };

/** What one request asks of a host, beyond the batch itself. */
export interface Work {
  readonly rows?: readonly RowRange[];
  readonly dead?: readonly DeadRow[];
  readonly rescued?: string;
  readonly probe: boolean;
}

export type FailureCause = "error" | "crash" | "timeout" | "too_large";

export type Outcome =
  | {
      readonly kind: "done";
      readonly slot: Slot;
      readonly sizes: readonly [number, number, number];
      readonly counts: Counts;
    }
  | { readonly kind: "failed"; readonly cause: FailureCause; readonly code: string; readonly reason: string }
  /** The host died over another batch; this one was not tried. */
  | { readonly kind: "requeue" }
  /** It needs a slot for which it may have to wait, and must not hold a lane meanwhile. */
  | { readonly kind: "outgrown"; readonly bytes: number };
