/** Links to other nodes, each by its peer, and what came to this node's door. Of very many peers the rest is told in one. */
import { type Collect, counter, gauge } from "../../base/metrics.ts";

const OPEN = gauge("distributed_system_link_open", "1 for a link that is open, 0 for one about to close.");
const SENT_BYTES = counter("distributed_system_link_sent_bytes_total", "Bytes sent over the link that is there now.");
const RECEIVED_BYTES = counter(
  "distributed_system_link_received_bytes_total",
  "Bytes received over the link that is there now.",
);
const SENT_FRAMES = counter(
  "distributed_system_link_sent_frames_total",
  "Frames sent over the link that is there now.",
);
const RECEIVED_FRAMES = counter(
  "distributed_system_link_received_frames_total",
  "Frames received over the link that is there now.",
);
const SENT_REQUESTS = counter(
  "distributed_system_link_sent_requests_total",
  "Requests sent over the link that is there now.",
);
const RECEIVED_REQUESTS = counter(
  "distributed_system_link_received_requests_total",
  "Requests received over the link that is there now.",
);
const BUFFERED = gauge("distributed_system_link_buffered_bytes", "Bytes that wait to be sent.");
const ROUND_TRIP = gauge(
  "distributed_system_link_round_trip_seconds",
  "Of the membership's last probe of the peer that was answered.",
);
const LINKS = gauge("distributed_system_links", "Links that are there now.");
const ACCEPTED = counter("distributed_system_link_accepted_total", "Links that others have opened to this node.");
const REFUSED = counter(
  "distributed_system_link_refused_total",
  "Links that were refused or closed because of what came on them, by reason.",
);

/** A link's counts, as far as they are told here. */
export interface LinkSample {
  readonly peer: { readonly id: string };
  readonly isOpen: boolean;
  readonly bufferedBytes: number;
  readonly counts: {
    readonly requestsSent: number;
    readonly requestsTaken: number;
    readonly framesSent: number;
    readonly framesTaken: number;
    readonly bytesSent: number;
    readonly bytesTaken: number;
  };
}

export interface LinksPort {
  readonly links: () => readonly LinkSample[];
  /** Undefined when it is not known. */
  readonly roundTripMs?: ((peer: string) => number | undefined) | undefined;
  readonly door?:
    | (() => {
        readonly accepted: number;
        readonly unauthenticated: number;
        readonly overloaded: number;
        readonly malformed: number;
        readonly timedOut: number;
      })
    | undefined;
}

/** Eight series each: a cluster of more nodes is watched by its totals, and by who is unwell. */
export const PEERS_MAX = 100;
const OTHERS = "(others)";

export function linkMetrics({ door, links, roundTripMs }: LinksPort): Collect {
  return (out) => {
    const all = links().toSorted((left, right) => (left.peer.id < right.peer.id ? -1 : 1));
    out.set(LINKS, all.length);
    for (const link of told(all)) {
      const labels = { peer: link.peer.id };
      const { bytesSent, bytesTaken, framesSent, framesTaken, requestsSent, requestsTaken } = link.counts;
      out.set(SENT_BYTES, bytesSent, labels);
      out.set(RECEIVED_BYTES, bytesTaken, labels);
      out.set(SENT_FRAMES, framesSent, labels);
      out.set(RECEIVED_FRAMES, framesTaken, labels);
      out.set(SENT_REQUESTS, requestsSent, labels);
      out.set(RECEIVED_REQUESTS, requestsTaken, labels);
      out.set(BUFFERED, link.bufferedBytes, labels);
      if (link.peer.id === OTHERS) continue;
      const tripMs = roundTripMs?.(link.peer.id);
      out.set(OPEN, link.isOpen ? 1 : 0, labels);
      out.set(ROUND_TRIP, tripMs === undefined ? undefined : tripMs / 1_000, labels);
    }
    if (!door) return;
    const { accepted, ...refused } = door();
    out.set(ACCEPTED, accepted);
    for (const reason of ["unauthenticated", "overloaded", "malformed", "timedOut"] as const)
      out.set(REFUSED, refused[reason], { reason: reason === "timedOut" ? "timed_out" : reason });
  };
}

function told(all: readonly LinkSample[]): readonly LinkSample[] {
  if (all.length <= PEERS_MAX) return all;
  const rest = all.slice(PEERS_MAX);
  const sum = (key: keyof LinkSample["counts"]): number => rest.reduce((total, { counts }) => total + counts[key], 0);
  const counts = {
    requestsSent: sum("requestsSent"),
    requestsTaken: sum("requestsTaken"),
    framesSent: sum("framesSent"),
    framesTaken: sum("framesTaken"),
    bytesSent: sum("bytesSent"),
    bytesTaken: sum("bytesTaken"),
  };
  const bufferedBytes = rest.reduce((total, each) => total + each.bufferedBytes, 0);
  return [...all.slice(0, PEERS_MAX), { peer: { id: OTHERS }, isOpen: true, bufferedBytes, counts }];
}
