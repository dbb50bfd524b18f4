/** What somebody who watches a run on workers is told, for reports and for people; nothing depends on it. */
export type DispatchEvent =
  | {
      readonly event: "done";
      readonly worker: string;
      readonly batch: string;
      readonly durationMs: number;
      readonly rows: number;
      readonly bytesIn: number;
      readonly bytesOut: number;
      readonly isHedge: boolean;
    }
  /** A batch was given to a second worker. */
  | { readonly event: "hedge"; readonly worker: string }
  /** A result that nobody waited for any more. */
  | { readonly event: "late"; readonly worker: string }
  | { readonly event: "failover"; readonly worker: string; readonly reason: string }
  | { readonly event: "deployed"; readonly worker: string; readonly segment: number }
  | { readonly event: "lost"; readonly worker: string; readonly reason: string }
  /** A lost worker had so many batches of stages without an owner, and others have been given all of them. */
  | { readonly event: "moved"; readonly worker: string; readonly segment: number; readonly batches: number }
  /** The first batch of this life of the run was given to a worker. */
  | { readonly event: "flowing"; readonly worker: string; readonly segment: number };
