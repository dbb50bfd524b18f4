/** What a gateway has counted, all its processes together, for scrapers. */
import type { GatewaySample } from "../observe/gateway-metrics.ts";
import { byStatus } from "./gateway-service.ts";
import type { RunningGateway } from "./running-gateway.ts";
import type { GatewaySnapshot } from "./snapshot.ts";

export function gatewaySample(
  { certificates, reloads }: Pick<RunningGateway, "certificates" | "reloads">,
  counted: GatewaySnapshot,
): GatewaySample {
  const { accepted, connections, limits, malformed, routes, turnedAway, upstreamConnections, wafs } = counted;
  return {
    routes: routes.map(({ byClass, id, targets, ...route }) => ({
      ...route,
      route: id,
      byStatus: byStatus(byClass),
      targets: targets.map(({ failures, isUp, target, tries }) => ({ target, isUp, tries, failures })),
    })),
    certificates: certificates.map(({ endMs, file }) => ({ file, endMs })),
    ...{ connections, accepted, turnedAway, reloads, upstreamConnections, malformed, wafs, limits },
  };
}
