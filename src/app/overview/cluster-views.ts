/** Members and links as the overview tells them. */
import { formatAddress } from "../../base/address.ts";
import type { LinkView, NodeView } from "../../edge/dashboard/index.ts";
import type { MachineShares, OverviewPorts, WorkerTotals } from "./ports.ts";

type Ports = Pick<OverviewPorts, "clock" | "membership" | "links">;

/** The node itself first, then by id. What a worker tells its master of its machine is newer than nothing. */
export function nodeViews(
  { clock, membership }: Omit<Ports, "links">,
  workers: readonly WorkerTotals[],
  own: MachineShares | undefined,
): NodeView[] {
  const leader = membership.leader()?.id;
  const self = membership.self.id;
  const loads = new Map(workers.map(({ id, ...load }) => [id, load]));
  const nowMs = clock.now();
  const views = membership.members().map(({ address, bornMs, id, meta: { capacities, name, roles }, state }) => ({
    ...{ id, name, address: formatAddress(address), roles, state, capacities },
    isSelf: id === self,
    isLeader: id === leader,
    ageMs: Math.max(0, nowMs - bornMs),
    ...(id === self && own),
    ...loads.get(id),
  }));
  return views.sort((a, b) => Number(b.isSelf) - Number(a.isSelf) || (a.id < b.id ? -1 : 1));
}

/** Round trips are those of the membership's last probes. */
export function linkViews({ links, membership }: Omit<Ports, "clock">): LinkView[] {
  return links().map(({ counts: { bytesSent, bytesTaken }, isOpen, peer }) => {
    const roundTripMs = membership.explain(peer.id)?.swim.lastProbe?.roundTripMs;
    return { peer: peer.id, isOpen, bytesSent, bytesTaken, ...(roundTripMs !== undefined && { roundTripMs }) };
  });
}
