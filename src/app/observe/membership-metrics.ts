/** Who is in the cluster as this node sees it, how well it is itself, and what went over its datagrams. */
import { type Collect, counter, gauge, type Labels } from "../../base/metrics.ts";
import type { Membership } from "../../cluster/membership/index.ts";

const MEMBERS = gauge("distributed_system_members", "Members that are known, this node among them, by state.");
const HEALTH = gauge(
  "distributed_system_membership_health_score",
  "Of this node, by Lifeguard: 0 is well, more makes it patient with others.",
);
const JOINED = gauge("distributed_system_membership_joined", "1 when it has found the cluster, or is its first node.");
const SIDE = gauge("distributed_system_membership_side_up", "1 unless this node is on the losing side of a partition.");
const DATAGRAMS = counter("distributed_system_membership_datagrams_total", "Datagrams, by direction.");
const BYTES = counter("distributed_system_membership_datagram_bytes_total", "Bytes of datagrams, by direction.");
const DROPPED = counter(
  "distributed_system_membership_dropped_total",
  "Datagrams and push-pulls that were not taken, by reason.",
);
const SYNCS = counter("distributed_system_membership_syncs_total", "Push-pulls, by how they came out.");
const SYNC_BYTES = counter("distributed_system_membership_sync_bytes_total", "Bytes of push-pulls, by direction.");
const SUSPICIONS = counter(
  "distributed_system_membership_suspicions_total",
  "How often this node has suspected a member.",
);
const EVENTS = counter("distributed_system_swim_events_total", "Messages and events of the protocol, by kind.");
const LATE = counter(
  "distributed_system_swim_late_seconds_total",
  "How late this node came for its own deadlines, in all.",
);
const SIZES = gauge("distributed_system_swim_entries", "What the protocol holds now, by kind: all of it is bounded.");

export type MembersPort = Pick<Membership, "counts" | "explain" | "hasJoined" | "members" | "self">;

const STATES = ["alive", "suspect", "dead", "left"] as const;
/** Of what the protocol counts: what is there now, and not since the start. */
const NOW = new Set([
  "gossipQueued",
  "timersWaiting",
  "urgentWaiting",
  "probesUnderWay",
  "relaysUnderWay",
  "syncsPending",
]);

export function membershipMetrics(membership: MembersPort): Collect {
  return (out) => {
    const { phi: _phi, swim, dropped, ...counts } = membership.counts();
    const members = membership.members();
    for (const state of STATES) out.set(MEMBERS, members.filter((each) => each.state === state).length, { state });
    const self = membership.explain(membership.self.id);
    out.set(HEALTH, self?.swim.healthScore);
    out.set(SIDE, self && (self.side.status === "down" ? 0 : 1));
    out.set(JOINED, membership.hasJoined ? 1 : 0);
    const directions: readonly [Labels, number, number, number][] = [
      [{ direction: "received" }, counts.datagramsIn, counts.bytesIn, counts.syncBytesIn],
      [{ direction: "sent" }, counts.datagramsOut, counts.bytesOut, counts.syncBytesOut],
    ];
    for (const [labels, datagrams, bytes, syncBytes] of directions) {
      out.set(DATAGRAMS, datagrams, labels);
      out.set(BYTES, bytes, labels);
      out.set(SYNC_BYTES, syncBytes, labels);
    }
    for (const [reason, count] of Object.entries(dropped)) out.set(DROPPED, count, { reason: snake(reason) });
    out.set(SYNCS, counts.syncsSent, { outcome: "sent" });
    out.set(SYNCS, counts.syncsAnswered, { outcome: "answered" });
    out.set(SYNCS, counts.syncsFailed, { outcome: "failed" });
    out.set(SUSPICIONS, counts.suspicions);
    const { lateMs, ...events } = swim;
    out.set(LATE, lateMs / 1_000);
    for (const [kind, count] of Object.entries(events))
      out.set(NOW.has(kind) ? SIZES : EVENTS, count, { kind: snake(kind) });
  };
}

/** `wrongTarget` as labels are written. */
function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
