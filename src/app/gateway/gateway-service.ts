/** The contract `gateway`, answered by the main process for all of them. */
import { formatAddress } from "../../base/address.ts";
import { implement, type Service } from "../../wire/rpc/index.ts";
import { allExtraRequests } from "./extra-requests.ts";
import { type GatewayStatus, gatewayContract, type RouteView, type WafView } from "./gateway-contract.ts";
import type { RunningGateway } from "./running-gateway.ts";
import type { GatewayRoleSettings } from "./settings.ts";
import type { GatewaySnapshot, RouteSnapshot } from "./snapshot.ts";
import { tried } from "./try-request.ts";

export interface GatewayServicePorts {
  readonly node: string;
  readonly settings: GatewayRoleSettings;
  /** Of the main process: what it goes by, all others go by. */
  readonly running: RunningGateway;
  /** Processes that take connections. */
  readonly serving: () => number;
  /** All processes together, as they are now. */
  readonly counted: (withProposals: boolean) => Promise<GatewaySnapshot>;
  readonly reload: () => Promise<void>;
}

export function gatewayService({ counted, node, reload, running, serving, settings }: GatewayServicePorts): Service {
  return implement(gatewayContract, {
    async status() {
      const { connections, inFlight, malformed, requests, routes, wafs } = await counted(false);
      const { gateway, listener, loadedMs, notTaken, reloads } = running;
      return {
        node,
        address: formatAddress({ host: listener?.host ?? settings.host, port: listener?.port ?? settings.port }),
        tls: running.isTls,
        ...{ processes: settings.processes, serving: serving() },
        file: settings.config,
        ...{ loadedMs, reloads, routes: gateway.routes.length },
        ...(notTaken && { notTaken }),
        ...{ connections, requests, inFlight },
        malformed: Object.fromEntries(malformed),
        wafs: running.assembly.firewalls.views().map((view) => wafView(view, wafs)),
        ...allMasks(routes),
        ...allDropped(routes),
        ...allExtraRequests(routes),
      };
    },
    async routes() {
      const { routes } = await counted(false);
      const { ownRoutes, routes: ofFile } = running.gateway;
      const plans = new Map([...ofFile, ...ownRoutes].map(({ plan }) => [plan.id, plan]));
      return {
        routes: routes.flatMap((route) => {
          const plan = plans.get(route.id);
          return plan ? [{ ...routeView(route, plan.targets), line: plan.line, pattern: plan.match.text }] : [];
        }),
      };
    },
    try: (question) => tried(running.gateway.plan, running.gateway.table, question),
    async reload() {
      await reload();
      return { routes: running.gateway.routes.length, loadedMs: running.loadedMs };
    },
    proposals: async () => ({ proposals: (await counted(true)).proposals }),
  });
}

function wafView(view: WafView, counted: GatewaySnapshot["wafs"]): WafView {
  const { blocked, transactions, wouldBlock } = counted.find(({ id }) => id === view.id) ?? view;
  return { ...view, blocked, transactions, wouldBlock };
}

function allMasks(routes: readonly RouteSnapshot[]): Pick<GatewayStatus, "masks"> {
  const hiding = routes.flatMap(({ masks }) => masks ?? []);
  if (hiding.length === 0) return {};
  return {
    masks: {
      routes: hiding.length,
      masked: hiding.reduce((sum, { masked }) => sum + masked, 0),
      refused: hiding.reduce((sum, { refused }) => sum + refused, 0),
    },
  };
}

function allDropped(routes: readonly RouteSnapshot[]): Pick<GatewayStatus, "dropped"> {
  const dropping = routes.flatMap(({ dropped }) => dropped ?? []);
  if (dropping.length === 0) return {};
  return {
    dropped: {
      request: dropping.reduce((sum, { request }) => sum + request, 0),
      reply: dropping.reduce((sum, { reply }) => sum + reply, 0),
    },
  };
}

function routeView(
  {
    byClass,
    dropped,
    extra,
    id,
    inFlight,
    latency,
    masks,
    receivedBytes,
    refused,
    requests,
    sentBytes,
    targets,
  }: RouteSnapshot,
  plans: readonly { readonly weight: number }[],
): Omit<RouteView, "line" | "pattern"> {
  return {
    id,
    targets: targets.map(({ failures, inFlight: asked, name, state, target, tries }, at) => ({
      ...{ target, name, weight: plans[at]?.weight ?? 0, state },
      ...{ inFlight: asked, requests: tries, failures },
    })),
    ...{ requests, inFlight, receivedBytes, sentBytes },
    byStatus: byStatus(byClass),
    refused: Object.fromEntries(refused),
    ...(masks && { masks }),
    ...(dropped && { dropped }),
    ...(extra && { extra }),
    ...(latency.total > 0 && {
      latency: { p50Ms: latency.quantileMs(0.5), p99Ms: latency.quantileMs(0.99), maxMs: latency.maxMs },
    }),
  };
}

export function byStatus(byClass: readonly number[]): Record<string, number> {
  return Object.fromEntries(
    byClass.flatMap((count, hundred) => (count > 0 ? [[hundred === 0 ? "none" : `${hundred}xx`, count]] : [])),
  );
}
