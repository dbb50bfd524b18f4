/** A gateway as the overview shows it: what it answers about itself, in the page's words and no longer than a page shows. Pure. */
import type { CodeCount, CutList, GatewayView } from "../../edge/dashboard/index.ts";
import type { GatewayStatus, ProposalView, RouteView } from "../gateway/gateway-contract.ts";
import { bounded } from "./limits.ts";

export function gatewayView(
  status: GatewayStatus,
  routes: readonly RouteView[],
  proposals: readonly ProposalView[],
): GatewayView {
  const { address, connections, file, inFlight, loadedMs, malformed, processes, reloads, requests, tls, wafs } = status;
  return {
    ...{ address, tls, processes, file, loadedMs, reloads, connections, requests, inFlight },
    malformed: ranked(malformed),
    routes: routes.map(routeOf),
    wafs: wafs.map(({ blocked, id, mode, rules, transactions, unsupported, wouldBlock }) => ({
      ...{ id, mode, rules, unsupported: unsupported.length, requests: transactions, blocked, wouldBlock },
    })),
    proposals: proposals.map(({ clients, exclude, message, requests: seen, share, waf }) => ({
      ...{ waf, exclude, message, requests: seen, clients, share },
    })),
  };
}

export function boundedGateway(
  { malformed, proposals, routes, wafs, ...gateway }: GatewayView,
  cut: CutList[],
): GatewayView {
  return {
    ...gateway,
    malformed: bounded("refusals", malformed, cut),
    routes: bounded("routes", routes, cut).map(({ refused, targets, ...route }) => ({
      ...route,
      targets: bounded("targets", targets, cut),
      refused: bounded("refusals", refused, cut),
    })),
    wafs: bounded("firewalls", wafs, cut),
    proposals: bounded("proposals", proposals, cut),
  };
}

function routeOf({ byStatus, id, inFlight, latency, pattern, refused, requests, targets }: RouteView) {
  return {
    ...{ id, pattern, requests, inFlight, byStatus },
    targets: targets.map(({ failures, requests: asked, state, target }) => ({
      ...{ target, state, requests: asked, failures },
    })),
    refused: ranked(refused),
    ...(latency && { p50Ms: latency.p50Ms, p99Ms: latency.p99Ms }),
  };
}

/** The most frequent first; of equals by name, so that rows stay where they are. */
function ranked(counts: Readonly<Record<string, number>>): CodeCount[] {
  return Object.entries(counts)
    .map(([code, count]) => ({ code, count }))
    .sort((a, b) => b.count - a.count || (a.code < b.code ? -1 : 1));
}
