/**
 * Several processes seen as one gateway: counts add up, histograms merge, and of a target's states the worst is told. The first snapshot
 * says what there is (routes, firewalls, limits); what only others have belongs to a file that is not gone by any more.
 */
import { Histogram } from "../../base/histogram.ts";
import { allExtraRequests } from "./extra-requests.ts";
import type { ProposalView } from "./gateway-contract.ts";
import type { Count, GatewaySnapshot, RouteSnapshot, TargetSnapshot, WafSnapshot } from "./snapshot.ts";

/** The worst first. */
const STATES: readonly string[] = ["open", "ejected", "unhealthy", "half_open", "healthy", "unknown"];

export function mergeSnapshots(first: GatewaySnapshot, others: readonly GatewaySnapshot[]): GatewaySnapshot {
  if (others.length === 0) return first;
  const all = [first, ...others];
  return {
    connections: sum(all, ({ connections }) => connections),
    accepted: sum(all, ({ accepted }) => accepted),
    turnedAway: sum(all, ({ turnedAway }) => turnedAway),
    requests: sum(all, ({ requests }) => requests),
    inFlight: sum(all, ({ inFlight }) => inFlight),
    upstreamConnections: sum(all, ({ upstreamConnections }) => upstreamConnections),
    malformed: mergeCounts(all.map(({ malformed }) => malformed)),
    routes: first.routes.map((route) =>
      mergeRoutes(
        route,
        others.flatMap(({ routes }) => routes.find(({ id }) => id === route.id) ?? []),
      ),
    ),
    wafs: first.wafs.map((waf) =>
      mergeWafs([waf, ...others.flatMap(({ wafs }) => wafs.find(({ id }) => id === waf.id) ?? [])]),
    ),
    limits: first.limits.map(({ id }) => {
      const same = all.flatMap(({ limits }) => limits.find((limit) => limit.id === id) ?? []);
      return { id, keys: sum(same, ({ keys }) => keys), waiting: sum(same, ({ waiting }) => waiting) };
    }),
    proposals: mergeProposals(all.map(({ proposals }) => proposals)),
  };
}

/** Of a process that has ended: what it counted stays, what was under way does not. */
export function withoutPresent(snapshot: GatewaySnapshot): GatewaySnapshot {
  return {
    ...snapshot,
    ...{ connections: 0, inFlight: 0, upstreamConnections: 0, proposals: [] },
    routes: snapshot.routes.map((route) => ({
      ...route,
      inFlight: 0,
      targets: route.targets.map((target) => ({ ...target, inFlight: 0, state: "unknown", isUp: true })),
    })),
    limits: snapshot.limits.map(({ id }) => ({ id, keys: 0, waiting: 0 })),
  };
}

function mergeRoutes(first: RouteSnapshot, others: readonly RouteSnapshot[]): RouteSnapshot {
  const all = [first, ...others];
  const classes = Math.max(...all.map(({ byClass }) => byClass.length));
  return {
    id: first.id,
    requests: sum(all, ({ requests }) => requests),
    inFlight: sum(all, ({ inFlight }) => inFlight),
    byClass: Array.from({ length: classes }, (_, at) => sum(all, ({ byClass }) => byClass[at] ?? 0)),
    refused: mergeCounts(all.map(({ refused }) => refused)),
    receivedBytes: sum(all, ({ receivedBytes }) => receivedBytes),
    sentBytes: sum(all, ({ sentBytes }) => sentBytes),
    latency: mergeHistograms(all.map(({ latency }) => latency)),
    // By place: the same text may stand there twice.
    targets: first.targets.map((target, at) => {
      const same = others.flatMap(({ targets }) => (targets[at]?.target === target.target ? [targets[at]] : []));
      return mergeTargets(target, same);
    }),
    ...mergeMasks(all),
    ...mergeDropped(all),
    ...allExtraRequests(all),
  };
}

function mergeMasks(all: readonly RouteSnapshot[]): Pick<RouteSnapshot, "masks"> {
  const counts = all.flatMap(({ masks }) => masks ?? []);
  if (counts.length === 0) return {};
  return { masks: { masked: sum(counts, ({ masked }) => masked), refused: sum(counts, ({ refused }) => refused) } };
}

function mergeDropped(all: readonly RouteSnapshot[]): Pick<RouteSnapshot, "dropped"> {
  const counts = all.flatMap(({ dropped }) => dropped ?? []);
  if (counts.length === 0) return {};
  return { dropped: { request: sum(counts, ({ request }) => request), reply: sum(counts, ({ reply }) => reply) } };
}

function mergeTargets(first: TargetSnapshot, others: readonly TargetSnapshot[]): TargetSnapshot {
  const all = [first, ...others];
  const ranks = all.map(({ state }) => Math.max(0, STATES.indexOf(state)));
  return {
    ...{ target: first.target, name: first.name },
    state: STATES[Math.min(...ranks)]!,
    isUp: all.every(({ isUp }) => isUp),
    inFlight: sum(all, ({ inFlight }) => inFlight),
    tries: sum(all, ({ tries }) => tries),
    failures: sum(all, ({ failures }) => failures),
  };
}

function mergeWafs(all: readonly WafSnapshot[]): WafSnapshot {
  return {
    id: all[0]!.id,
    transactions: sum(all, ({ transactions }) => transactions),
    blocked: sum(all, ({ blocked }) => blocked),
    wouldBlock: sum(all, ({ wouldBlock }) => wouldBlock),
    latency: mergeHistograms(all.map(({ latency }) => latency)),
  };
}

/** Clients go to any process: of their numbers the largest is told, which is "at least". */
function mergeProposals(all: readonly (readonly ProposalView[])[]): readonly ProposalView[] {
  const merged = new Map<string, ProposalView>();
  for (const proposal of all.flat()) {
    const key = `${proposal.waf}\n${proposal.directive}`;
    const known = merged.get(key);
    merged.set(key, known === undefined ? proposal : mergeTwo(known, proposal));
  }
  return [...merged.values()].sort((left, right) => right.requests - left.requests);
}

function mergeTwo(left: ProposalView, right: ProposalView): ProposalView {
  const requests = left.requests + right.requests;
  const seen = (of: ProposalView): number => (of.share > 0 ? of.requests / of.share : of.requests);
  return {
    ...left,
    requests,
    clients: Math.max(left.clients, right.clients),
    share: Math.min(1, requests / Math.max(1, seen(left) + seen(right))),
    routes: [...new Set([...left.routes, ...right.routes])],
  };
}

function mergeHistograms(all: readonly Histogram[]): Histogram {
  const merged = new Histogram();
  for (const each of all) merged.merge(each);
  return merged;
}

function mergeCounts(all: readonly (readonly Count[])[]): readonly Count[] {
  const merged = new Map<string, number>();
  for (const [name, count] of all.flat()) merged.set(name, (merged.get(name) ?? 0) + count);
  return [...merged];
}

function sum<T>(all: readonly T[], of: (each: T) => number): number {
  return all.reduce((total, each) => total + of(each), 0);
}
