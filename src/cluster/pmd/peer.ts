/** What is registered: a node under its alias. Plain data, the same in the registry, on the wire and at the watchers. */

export interface Peer {
  readonly alias: string;
  readonly nodeId: string;
  /** Where the node listens. */
  readonly host: string;
  readonly port: number;
  readonly pid: number;
  /** When that process started, in ticks since the machine did, as /proc tells it: a number alone can be another's by now. */
  readonly startTime?: string | undefined;
  readonly meta: Readonly<Record<string, string>>;
  /** It is gone when nothing has been heard of it for so long. */
  readonly ttlMs: number;
}

/** A peer as it is told to people: with spans, which need no agreement about clocks. */
export interface PeerListing extends Peer {
  /** Since it registered. */
  readonly ageMs: number;
  /** Since it was last heard of. */
  readonly silentMs: number;
}

/** `unregistered` by itself, `expired` without a heart-beat, `gone`: its process was seen to be, `renamed` to another alias. */
export type LeaveReason = "unregistered" | "expired" | "gone" | "renamed";

export type PeerChange =
  | { readonly kind: "join"; readonly peer: Peer }
  | { readonly kind: "update"; readonly peer: Peer }
  | { readonly kind: "leave"; readonly peer: Peer; readonly reason: string };

/** Same node, same place, same words. */
export function isSamePeer(left: Peer, right: Peer): boolean {
  return (
    left.alias === right.alias &&
    left.nodeId === right.nodeId &&
    left.host === right.host &&
    left.port === right.port &&
    left.pid === right.pid &&
    left.startTime === right.startTime &&
    left.ttlMs === right.ttlMs &&
    isSameMeta(left.meta, right.meta)
  );
}

function isSameMeta(left: Peer["meta"], right: Peer["meta"]): boolean {
  const keys = Object.keys(left);
  return (
    keys.length === Object.keys(right).length &&
    keys.every((key) => Object.hasOwn(right, key) && left[key] === right[key])
  );
}
