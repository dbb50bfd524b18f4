/** What a report is told while work goes on: plain data, so that it can come from another process. */

/** A batch or a task has come back whole. */
export interface DoneObservation {
  readonly type: "done";
  readonly id: string;
  readonly node: string;
  readonly ms: number;
  readonly rows?: number;
  readonly bytesIn?: number;
  readonly bytesOut?: number;
}

/** A batch or a task went no further. `count` of them for the same reason. */
export interface FailedObservation {
  readonly type: "failed";
  readonly id: string;
  readonly code: string;
  readonly reason: string;
  readonly node?: string;
  readonly stage?: string;
  readonly count?: number;
}

/** A stage was at work for so long on one batch. */
export interface StageObservation {
  readonly type: "stage";
  readonly stage: string;
  readonly ms: number;
}

export type Observation =
  | DoneObservation
  | FailedObservation
  | StageObservation
  /** Tried again, by a stage or by whoever runs tasks. */
  | { readonly type: "retry"; readonly stage?: string; readonly count?: number }
  /** Given to a second node because the first one took long. */
  | { readonly type: "hedge" }
  /** A result that nobody waited for any more. */
  | { readonly type: "late"; readonly node: string }
  /** Given to another node because one could not do it. */
  | { readonly type: "failover" }
  | { readonly type: "lost"; readonly node: string }
  | {
      readonly type: "restart";
      readonly what: "host" | "worker" | "master";
      readonly stage?: string;
      readonly count?: number;
    };
