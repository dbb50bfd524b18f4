/** How one attempt of a task came out, and what is known of a task: plain data, the same on a worker, in the store and in reports. */
import type { Json } from "./types.ts";

export interface DoneOutcome {
  readonly state: "done";
  readonly output: Json;
}

export interface FailedOutcome {
  readonly state: "failed";
  /** Stable and dotted: `task.http.status`. */
  readonly code: string;
  readonly reason: string;
  /** Another attempt may come out differently. */
  readonly retryable: boolean;
  /** Certain to have had no effect: it may be repeated whatever it is. */
  readonly untouched?: boolean;
  /** There is nobody to take it: no attempt was made, and the task waits until there is room again. */
  readonly unplaced?: boolean;
  /** The other side asked for so much patience. */
  readonly retryAfterMs?: number;
}

export type TaskOutcome = DoneOutcome | FailedOutcome;

/** `waiting` is between two attempts. */
export type TaskState = "pending" | "running" | "waiting" | "done" | "failed" | "skipped";

/** What changed about a task; a later change of the same task takes its place. */
export interface TaskChange {
  /** Its number in the graph. */
  readonly task: number;
  readonly state: Exclude<TaskState, "pending">;
  /** Attempts begun so far. */
  readonly attempts: number;
  /** Of the attempt that ended. */
  readonly tookMs?: number;
  readonly reason?: string;
  readonly code?: string;
  readonly output?: Json;
}
