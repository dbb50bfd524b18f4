/** Raft: a group of nodes that agree on one log. */

export { isJoint, isMember, isVoter, membersOf } from "./configuration.ts";
export type {
  Configuration,
  DurableState,
  Entry,
  HardState,
  NodeId,
  RaftEffect,
  RaftInput,
  RaftMessage,
  ReadMode,
  Refusal,
  SnapshotInfo,
} from "./messages.ts";
export {
  assertValidRaft,
  ENTRY_OVERHEAD_BYTES,
  isNodeId,
  NODE_ID,
  NODE_ID_LENGTH_MAX,
  NODES_MAX,
  type OptionFault,
  type RaftOptions,
  raftOptions,
  validateRaft,
} from "./options.ts";
export { Raft, type RaftNode } from "./raft.ts";
export { type LogEnd, type RaftRules, raftRules } from "./rules.ts";
export { isSameSnapshot } from "./sending.ts";
export type { FollowerStatus, RaftStatus } from "./status.ts";
