/**
 * The table's decisions as small functions, gathered so that a test or the simulator can put a wrong one in the place of one
 * of them and see its checkers find it. Whoever runs the table uses `leaseRules` as they are.
 */
import type { Item } from "./messages.ts";
import { FORGOTTEN_SHARE } from "./options.ts";
import type { LeaseState } from "./records.ts";

export interface LeaseRules {
  /** Does the first waiting item go before the second? */
  readonly precedes: (left: Item, right: Item) => boolean;
  readonly hasRoom: (held: number, window: number) => boolean;
  /** Is the result of a lease in this state the item's? */
  readonly accepts: (state: LeaseState) => boolean;
  /** Are the items of leases that are taken back offered to others? */
  readonly offersAgain: boolean;
  /** How long a worker may say nothing. */
  readonly silentMs: (leaseMs: number) => number;
  /** How long reports may leave out a lease. */
  readonly forgottenMs: (leaseMs: number) => number;
  /** Are the other leases of an item cancelled when one has brought the result? */
  readonly cancelsLosers: boolean;
  /** Is the item kept from this worker while there is another? */
  readonly avoids: (failedOn: ReadonlySet<string>, worker: string) => boolean;
  /** How many items may be hedged at once. */
  readonly hedgesMax: (underWay: number, maxShare: number) => number;
  readonly mayHedge: (item: Item) => boolean;
}

export const leaseRules: LeaseRules = {
  precedes: (left, right) => left.order < right.order || (left.order === right.order && left.id < right.id),
  hasRoom: (held, window) => held < window,
  accepts: (state) => state !== "cancelled",
  offersAgain: true,
  silentMs: (leaseMs) => leaseMs,
  forgottenMs: (leaseMs) => leaseMs * FORGOTTEN_SHARE,
  cancelsLosers: true,
  avoids: (failedOn, worker) => failedOn.has(worker),
  hedgesMax: (underWay, maxShare) => (maxShare === 0 ? 0 : Math.max(1, Math.floor(underWay * maxShare))),
  mayHedge: (item) => item.mayHedge && item.pinned === undefined,
};
