/** The groups that keep the data, as this node has them. */
import { type Collect, counter, gauge } from "../../base/metrics.ts";

const TERM = gauge("distributed_system_raft_term", "The group's term: it grows with each election.");
const COMMIT = gauge("distributed_system_raft_commit_index", "The last entry that is committed.");
const APPLIED = gauge("distributed_system_raft_applied_index", "The last entry that is applied to this node's state.");
const FIRST = gauge("distributed_system_raft_first_index", "The oldest entry in this node's log.");
const LAST = gauge("distributed_system_raft_last_index", "The youngest entry in this node's log.");
const LOG_BYTES = gauge("distributed_system_raft_log_bytes", "Size of this node's log.");
const DATA_BYTES = gauge("distributed_system_raft_data_bytes", "Size of the state that the log makes.");
const SNAPSHOT_BYTES = gauge("distributed_system_raft_snapshot_bytes", "Size of the last snapshot.");
const SNAPSHOT_INDEX = gauge("distributed_system_raft_snapshot_index", "The last entry that the snapshot holds.");
const IS_LEADER = gauge("distributed_system_raft_leader", "1 when this node leads the group.");
const HAS_LEADER = gauge("distributed_system_raft_has_leader", "1 when this node knows who leads the group.");
const OPEN = gauge("distributed_system_raft_open", "1 when the group runs on this node.");
const DAMAGED = gauge(
  "distributed_system_raft_damaged",
  "1 when something was found damaged here and is not repaired.",
);
const MEMBERS = gauge("distributed_system_raft_members", "Members of the group, by kind.");
const LAG = gauge(
  "distributed_system_raft_follower_lag_entries",
  "Entries that a member is not known to have; the leader knows.",
);
const CHANGES = counter(
  "distributed_system_raft_leader_changes_total",
  "How often this node has seen another leader, or none.",
);

export interface GroupSample {
  readonly group: string;
  /** `closed` when it does not run here. */
  readonly role: string;
  readonly term: number;
  readonly leader?: string | undefined;
  readonly commit: number;
  readonly applied: number;
  readonly first: number;
  readonly last: number;
  readonly logBytes: number;
  readonly dataBytes: number;
  readonly damage?: string | undefined;
  readonly snapshot?: { readonly index: number; readonly bytes: number } | undefined;
  readonly members: readonly { readonly id: string; readonly kind: string; readonly match?: number | undefined }[];
}

export interface RaftPort {
  readonly groups: () => readonly GroupSample[];
  readonly leaderChanges?: ((group: string) => number) | undefined;
}

export function raftMetrics({ groups, leaderChanges }: RaftPort): Collect {
  return (out) => {
    for (const { applied, commit, damage, dataBytes, first, group, last, leader, logBytes, ...rest } of groups()) {
      const labels = { group };
      const { members, role, snapshot, term } = rest;
      out.set(OPEN, role === "closed" ? 0 : 1, labels);
      out.set(TERM, term, labels);
      out.set(COMMIT, commit, labels);
      out.set(APPLIED, applied, labels);
      out.set(FIRST, first, labels);
      out.set(LAST, last, labels);
      out.set(LOG_BYTES, logBytes, labels);
      out.set(DATA_BYTES, dataBytes, labels);
      out.set(SNAPSHOT_BYTES, snapshot?.bytes ?? 0, labels);
      out.set(SNAPSHOT_INDEX, snapshot?.index ?? 0, labels);
      out.set(IS_LEADER, role === "leader" ? 1 : 0, labels);
      out.set(HAS_LEADER, leader === undefined ? 0 : 1, labels);
      out.set(DAMAGED, damage === undefined ? 0 : 1, labels);
      out.set(CHANGES, leaderChanges?.(group), labels);
      for (const kind of ["voter", "learner"])
        out.set(MEMBERS, members.filter((each) => each.kind === kind).length, { group, kind });
      for (const { id, match } of members) {
        if (match !== undefined) out.set(LAG, Math.max(0, last - match), { group, member: id });
      }
    }
  };
}

interface ElectedGroup {
  readonly name: string;
  onLeadership(listener: () => void): unknown;
}

/** Counts from now on, as long as the groups live. */
export function countLeaderChanges(groups: readonly ElectedGroup[]): (group: string) => number {
  const counts = new Map(groups.map(({ name }) => [name, 0]));
  for (const group of groups) {
    group.onLeadership(() => counts.set(group.name, (counts.get(group.name) ?? 0) + 1));
  }
  return (group) => counts.get(group) ?? 0;
}
