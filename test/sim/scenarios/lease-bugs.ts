/** Bugs that are planted into the table of leases, or around it: one wrong decision each. */
import { type LeaseRules, leaseRules } from "../../../src/protocol/lease/index.ts";

export interface LeaseBug {
  readonly words: string;
  readonly rules?: Partial<LeaseRules>;
  /** Each life of the master numbers its leases from 1. */
  readonly repeatsNumbers?: boolean;
}

export const LEASE_BUGS = {
  "completes-twice": {
    words: "the result of a cancelled lease completes the item once more",
    rules: { accepts: () => true },
  },
  "drops-late-results": {
    words: "the result of a lease that was taken back is dropped while the item is open",
    rules: { accepts: (state) => state === "active" },
  },
  "losers-go-on": { words: "who loses against a hedge is not told to stop", rules: { cancelsLosers: false } },
  "forgets-the-lost": { words: "what a lost worker had is not offered again", rules: { offersAgain: false } },
  "never-expires": { words: "a worker that says nothing keeps its leases", rules: { silentMs: () => Infinity } },
  "never-missed": {
    words: "a lease that the worker's reports leave out is never taken back",
    rules: { forgottenMs: () => Infinity },
  },
  "window-overrun": { words: "a worker gets one more than its window", rules: { hasRoom: (held, max) => held <= max } },
  "same-again": { words: "who has failed an item gets it again before others", rules: { avoids: () => false } },
  "newest-first": {
    words: "the newest item goes first",
    rules: { precedes: (left, right) => left.id !== right.id && !leaseRules.precedes(left, right) },
  },
  "hedges-all": { words: "any number of items is hedged at once", rules: { hedgesMax: () => Infinity } },
  "hedges-any": { words: "items are hedged that must not be", rules: { mayHedge: () => true } },
  "numbers-repeat": { words: "a master that is back numbers its leases from 1 again", repeatsNumbers: true },
} as const satisfies Readonly<Record<string, LeaseBug>>;
