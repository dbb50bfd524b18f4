/** What a route's line says of its targets, as a group takes it. */
import { Failure } from "../../../base/errors.ts";
import { BALANCER_FORM, parseBalancer } from "../../../protocol/balance/index.ts";
import type { RouteOptions, RoutePlan, UpstreamTimeouts, UpstreamTls } from "../words/index.ts";
import type { GroupSettings } from "./group-words.ts";

/** Texts (PEM) of the files that the route names. */
export type TlsMaterial = Pick<UpstreamTls, "ca" | "certificate" | "key">;

/** Fails with `gateway.tls_material` when the route names files whose texts are not given, and with `gateway.balancer`. */
export function groupSettings(route: RoutePlan, material: TlsMaterial = {}): GroupSettings {
  const { options, targets } = route;
  const balancer = parseBalancer(options.balancer);
  if (balancer === undefined || balancer === "CUSTOM") {
    throw new Failure(
      "gateway.balancer",
      `route ${route.id}: balancer ${options.balancer} is unknown; ${BALANCER_FORM} is required`,
    );
  }
  const { breaker, health, hedgeMs, mirror, mirrorShare, outliers, retries, retryBudget, retryOn, version } = options;
  return {
    ...{
      targets,
      balancer,
      retries,
      retryOn,
      retryBudget,
      hedgeMs,
      mirror,
      mirrorShare,
      health,
      outliers,
      breaker,
      version,
    },
    timeouts: timeoutsOf(options),
    // The client's is nobody's here.
    host: options.host === "target" || options.host === "client" ? undefined : options.host,
    tls: tlsOf(route, material),
  };
}

/** 0 means none. The reply's head is a piece of the reply like others: its silence counts. */
function timeoutsOf({ connectTimeoutMs, idleTimeoutMs, timeoutMs, tryTimeoutMs }: RouteOptions): UpstreamTimeouts {
  const idleMs = idleTimeoutMs > 0 ? idleTimeoutMs : undefined;
  const totalMs = timeoutMs > 0 ? timeoutMs : undefined;
  return { connectMs: connectTimeoutMs, headMs: tryTimeoutMs ?? totalMs ?? idleMs, idleMs, totalMs };
}

/** What the file names and nobody has read must not be left out silently: the connection would be less safe than people think. */
function tlsOf({ id, options }: RoutePlan, material: TlsMaterial): UpstreamTls | undefined {
  const named = [options.upstreamCa, options.upstreamCertificate, options.upstreamKey];
  const given = [material.ca, material.certificate, material.key];
  const missing = named.find((path, at) => path !== undefined && given[at] === undefined);
  if (missing !== undefined)
    throw new Failure("gateway.tls_material", `route ${id}: ${missing} was not read; its text is required`);
  const { upstreamServerName: serverName, upstreamUnverified: isUnverified } = options;
  const isPlain = serverName === undefined && !isUnverified && given.every((text) => text === undefined);
  return isPlain ? undefined : { ...material, serverName, isUnverified };
}
