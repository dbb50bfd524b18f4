/** What a table of leases can be told, the check of it, and its limits. */
import { Failure } from "../../base/errors.ts";

export interface HedgeOptions {
  /** Of recent durations, above 0 and below 1. */
  readonly quantile: number;
  /** A second lease is given when the first has been out for the quantile times this. */
  readonly factor: number;
  /** The delay lies between these two, whatever was learned. */
  readonly minMs: number;
  readonly maxMs: number;
  /** At most this share of the items under way is hedged, and one item always may be: the last one is the tail of a run. */
  readonly maxShare: number;
}

export interface LeaseOptions {
  /** A worker that says nothing for so long has lost its leases. */
  readonly leaseMs: number;
  /** Without it nothing is done twice for speed. */
  readonly hedge?: HedgeOptions;
  /** How many leases a worker of this capacity holds at most. */
  readonly workerWindow: (capacity: number) => number;
  /** The first lease's number: above all that an earlier life of this table may have given out. Default 1. */
  readonly firstLease?: number;
}

/** Failures on one worker that another may do better: what eight could not do, a ninth will not. */
export const FAILURES_MAX = 8;
/** Leases taken back whose results are still welcome, for one item: a worker flaps faster than that only if it does no work. */
export const ORPHANS_MAX = 4;
/**
 * Of `leaseMs`: reports must leave a lease out for so long before it is lost, as the assignment and the report, or the result and
 * the report, may have crossed.
 */
export const FORGOTTEN_SHARE = 0.5;
/** Of `leaseMs`: a deadline noticed so much too late says that this node slept, not that the workers did. */
export const LATE_SHARE = 0.1;

export function assertValidLease(options: LeaseOptions): void {
  const { firstLease = 1, hedge, leaseMs } = options;
  demand(Number.isFinite(leaseMs) && leaseMs > 0, "leaseMs", leaseMs, "milliseconds above 0 are required");
  const isId = Number.isSafeInteger(firstLease) && firstLease >= 0;
  demand(isId, "firstLease", firstLease, "a whole number from 0 is required");
  if (hedge === undefined) return;
  const { factor, maxMs, maxShare, minMs, quantile } = hedge;
  demand(quantile > 0 && quantile < 1, "hedge.quantile", quantile, "a share above 0 and below 1 is required");
  demand(Number.isFinite(factor) && factor > 0, "hedge.factor", factor, "a number above 0 is required");
  demand(minMs > 0, "hedge.minMs", minMs, "milliseconds above 0 are required");
  demand(maxMs >= minMs, "hedge.maxMs", maxMs, `at least minMs (${minMs}) is required`);
  demand(maxShare >= 0 && maxShare <= 1, "hedge.maxShare", maxShare, "a share from 0 to 1 is required");
}

function demand(isMet: boolean, path: string, value: number, required: string): void {
  if (isMet) return;
  throw new Failure("lease.invalid_options", `cannot build the table of leases: ${path} is ${value}, ${required}`, {
    data: { path },
  });
}
