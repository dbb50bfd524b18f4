/** Leases: who works on which item. */
export type { LeaseBalancer, LeaseCandidate, LeaseChoice, LeaseResult } from "./balancer.ts";
export type { LeaseCounts, LeaseWorker } from "./counts.ts";
export { HEDGE_SAMPLES_MIN } from "./hedging.ts";
export { LeaseTable } from "./lease-table.ts";
export type { Item, LeaseEffect, LeaseInput, NodeLoad } from "./messages.ts";
export { FAILURES_MAX, FORGOTTEN_SHARE, type HedgeOptions, type LeaseOptions, ORPHANS_MAX } from "./options.ts";
export type { LeaseState } from "./records.ts";
export { type LeaseRules, leaseRules } from "./rules.ts";
