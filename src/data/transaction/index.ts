/** Transactions over several groups: two-phase commit, both sides and its driver. */

export type { Unfinished } from "./coordinator.ts";
export {
  type DistributedPlan,
  type DistributedResult,
  type DriverPorts,
  type Recovery,
  recover,
  runDistributed,
} from "./driver.ts";
export type { Use } from "./key-locks.ts";
export {
  DISTRIBUTED_MAX,
  DRIVE_AFTER_MS,
  DUE_AT_ONCE_MAX,
  DUE_PER_GROUP_MAX,
  REMEMBERED_MAX,
  REMEMBERED_MS,
} from "./limits.ts";
export type { Part, PartPorts } from "./part.ts";
export type { InDoubt } from "./participant.ts";
export {
  type DistributedOptions,
  DistributedTransactions,
  type DistributedView,
  type DueOptions,
  type DueTransactions,
} from "./transactions.ts";
export { Turns } from "./turns.ts";
