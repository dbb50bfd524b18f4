/**
 * What one process of a gateway has counted, as plain data: taken from the parts, sent from one process to another, and the base of
 * all that is shown (`status`, `routes`, metrics).
 */
import { Histogram, type HistogramJson } from "../../base/histogram.ts";
import type { RouteCounts, RouteRuntime } from "../../edge/gateway/core/index.ts";
import type { MaskCounts } from "../../edge/gateway/guard/index.ts";
import type { TargetStanding } from "../../edge/gateway/upstream/index.ts";
import { type ExtraRequests, extraRequests } from "./extra-requests.ts";
import type { ProposalView } from "./gateway-contract.ts";
import type { RunningGateway } from "./running-gateway.ts";

export type Count = readonly [name: string, count: number];

export interface TargetSnapshot {
  readonly target: string;
  readonly name: string;
  /** healthy, unhealthy, ejected, open, half_open or unknown. */
  readonly state: string;
  readonly isUp: boolean;
  readonly inFlight: number;
  readonly tries: number;
  readonly failures: number;
}

export interface RouteSnapshot {
  readonly id: string;
  readonly requests: number;
  readonly inFlight: number;
  /** By class of status: index 2 is 2xx. */
  readonly byClass: readonly number[];
  readonly refused: readonly Count[];
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly latency: Histogram;
  readonly targets: readonly TargetSnapshot[];
  /** Only where something is hidden. */
  readonly masks?: Readonly<MaskCounts> | undefined;
  /** Fields that conversions left out; only where there were some. */
  readonly dropped?: Readonly<RouteCounts["dropped"]> | undefined;
  /** Retries, hedges, mirrors; only where there were some. */
  readonly extra?: ExtraRequests | undefined;
}

export interface WafSnapshot {
  readonly id: string;
  readonly transactions: number;
  readonly blocked: number;
  readonly wouldBlock: number;
  readonly latency: Histogram;
}

export interface GatewaySnapshot {
  readonly connections: number;
  readonly accepted: number;
  readonly turnedAway: number;
  readonly requests: number;
  readonly inFlight: number;
  readonly upstreamConnections: number;
  readonly malformed: readonly Count[];
  readonly routes: readonly RouteSnapshot[];
  readonly wafs: readonly WafSnapshot[];
  readonly limits: readonly { readonly id: string; readonly keys: number; readonly waiting: number }[];
  /** Only where they were asked for: finding them costs. */
  readonly proposals: readonly ProposalView[];
}

export function takeSnapshot(
  { assembly, gateway, listener, malformed }: RunningGateway,
  withProposals = false,
): GatewaySnapshot {
  const { accepted = 0, connections = 0, refused = 0 } = listener?.counts() ?? {};
  const { inFlight, requests, unrouted } = gateway.counts();
  return {
    ...{ connections, accepted, turnedAway: refused, requests, inFlight },
    upstreamConnections: assembly.pools.counts().connections,
    malformed: [...malformed, ...unrouted],
    routes: [...gateway.routes, ...gateway.ownRoutes].map((route) => {
      const { id } = route.plan;
      const masks = assembly.firewalls.masks.counts.get(id);
      const group = assembly.groupOf(id);
      const extra = extraRequests(group?.counts());
      const counted = routeOf(route, group?.standing() ?? []);
      return { ...counted, ...(masks && { masks: { ...masks } }), ...(extra && { extra }) };
    }),
    wafs: assembly.firewalls.loaded().map(({ loaded: { waf }, plan: { id } }) => {
      const { blocked, transactions, wouldBlock } = waf.counts();
      return { id, transactions, blocked, wouldBlock, latency: waf.latencies };
    }),
    limits: assembly.limits.counts().map(({ id, keys, waiting }) => ({ id, keys, waiting })),
    proposals: withProposals ? assembly.firewalls.proposals() : [],
  };
}

function routeOf({ counts, plan }: RouteRuntime, standing: readonly TargetStanding[]): RouteSnapshot {
  const { byClass, dropped, inFlight, latency, receivedBytes, refused, requests, sentBytes } = counts;
  return {
    ...{ id: plan.id, requests, inFlight, receivedBytes, sentBytes, latency },
    byClass: [...byClass],
    refused: [...refused],
    ...(dropped.request + dropped.reply > 0 && { dropped: { ...dropped } }),
    targets: plan.targets.map((target) => {
      const found = standing.find((each) => each.target === target);
      return {
        ...{ target: target.text, name: target.name, state: stateOf(found), isUp: isUp(found) },
        ...{ inFlight: found?.inflight ?? 0, tries: found?.asked ?? 0, failures: found?.failed ?? 0 },
      };
    }),
  };
}

function stateOf(standing: TargetStanding | undefined): string {
  if (!standing) return "unknown";
  if (standing.isEjected) return "ejected";
  if (standing.breaker !== "closed") return standing.breaker;
  return standing.health;
}

function isUp(standing: TargetStanding | undefined): boolean {
  return !standing || (standing.health !== "unhealthy" && !standing.isEjected && standing.breaker !== "open");
}

/** A histogram on its way: its buckets, and the sum that they do not tell exactly. */
interface Sent {
  readonly json: HistogramJson;
  readonly sumMs: number;
}

type SentRoute = Omit<RouteSnapshot, "latency"> & { readonly latency: Sent };
type SentWaf = Omit<WafSnapshot, "latency"> & { readonly latency: Sent };
export type SnapshotJson = Omit<GatewaySnapshot, "routes" | "wafs"> & {
  readonly routes: readonly SentRoute[];
  readonly wafs: readonly SentWaf[];
};

export function snapshotJson(snapshot: GatewaySnapshot): SnapshotJson {
  return {
    ...snapshot,
    routes: snapshot.routes.map((route) => ({ ...route, latency: sent(route.latency) })),
    wafs: snapshot.wafs.map((waf) => ({ ...waf, latency: sent(waf.latency) })),
  };
}

/** Fails with `histogram.malformed`. */
export function readSnapshot(json: SnapshotJson): GatewaySnapshot {
  return {
    ...json,
    routes: json.routes.map((route) => ({ ...route, latency: received(route.latency) })),
    wafs: json.wafs.map((waf) => ({ ...waf, latency: received(waf.latency) })),
  };
}

function sent(histogram: Histogram): Sent {
  return { json: histogram.toJson(), sumMs: histogram.sumMs };
}

function received({ json, sumMs }: Sent): Histogram {
  return Histogram.fromJson(json, sumMs);
}
