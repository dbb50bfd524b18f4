/** Split brain: which side of a partition goes on, decided by each side alone. */

export { type OptionFault, type PartitionOptions, stableAfterMsFor, validatePartition } from "./options.ts";
export {
  Partition,
  type PartitionEffect,
  type PartitionInput,
  type PartitionState,
  type PartitionStatus,
  type Standing,
  type ViewMember,
} from "./partition.ts";
export {
  type Counted,
  DEFAULT_RULES,
  olderFirst,
  type PartitionRules,
  type Strategy,
  type Verdict,
} from "./strategies.ts";
