/** Raft groups at work: one of them on this node, all of them, and the way to their leaders. */

export type { MemberChange } from "./change-members.ts";
export { type GroupOptions, type Leadership, RaftGroup } from "./group.ts";
export { GroupHost, type HostPorts } from "./host.ts";
export type { GroupLog, GroupPorts, LogFinding, ReplicatedMachine } from "./ports.ts";
export { SNAPSHOT_POLICY, type SnapshotPolicy } from "./snapshot-keeper.ts";
