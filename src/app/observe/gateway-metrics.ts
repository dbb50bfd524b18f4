/** A gateway: what its routes have answered, hidden and refused, its targets, its clients' connections, its firewalls and limits. */
import { Histogram } from "../../base/histogram.ts";
import { type Collect, counter, gauge, histogram, type MetricsOut } from "../../base/metrics.ts";

const REQUESTS = counter("distributed_system_gateway_requests_total", "Requests of a route, by class of their status.");
const REFUSED = counter(
  "distributed_system_gateway_refused_total",
  "Requests that the gateway answered by itself or that broke, by route and code.",
);
const TOOK = histogram(
  "distributed_system_gateway_request_duration_seconds",
  "From a request's head to the end of its reply.",
);
const IN_FLIGHT = gauge("distributed_system_gateway_requests_in_flight", "Requests of a route that are not over.");
const RECEIVED = counter("distributed_system_gateway_received_bytes_total", "Bytes of requests' bodies.");
const SENT = counter("distributed_system_gateway_sent_bytes_total", "Bytes of replies' bodies.");
const TARGET_UP = gauge(
  "distributed_system_gateway_target_up",
  "1 for a target that may be asked, 0 for one that may not.",
);
const TARGET_TRIES = counter("distributed_system_gateway_target_tries_total", "Tries at a target, retries among them.");
const TARGET_FAILURES = counter("distributed_system_gateway_target_failures_total", "Tries that failed.");
const CONNECTIONS = gauge("distributed_system_gateway_connections", "Connections of clients.");
const ACCEPTED = counter("distributed_system_gateway_connections_total", "Connections of clients that were taken.");
const TURNED_AWAY = counter(
  "distributed_system_gateway_connections_refused_total",
  "Connections that were turned away: there were too many.",
);
const MALFORMED = counter(
  "distributed_system_gateway_malformed_total",
  "Requests that reached no route, by what was wrong.",
);
const UPSTREAM_CONNECTIONS = gauge("distributed_system_gateway_upstream_connections", "Connections to upstreams.");
const WAF_REQUESTS = counter("distributed_system_gateway_waf_requests_total", "Requests that a firewall looked at.");
const WAF_BLOCKED = counter("distributed_system_gateway_waf_blocked_total", "Requests that a firewall blocked.");
const WAF_WOULD = counter(
  "distributed_system_gateway_waf_would_block_total",
  "Requests that a firewall in detect mode would have blocked.",
);
const WAF_TOOK = histogram("distributed_system_gateway_waf_duration_seconds", "What a firewall took for a request.");
const MASKED = counter("distributed_system_gateway_masked_total", "Values hidden in requests and replies of a route.");
const MASK_REFUSED = counter(
  "distributed_system_gateway_mask_refused_total",
  "Requests and replies of a route that were refused because masks cannot look into them.",
);
const DROPPED = counter(
  "distributed_system_gateway_dropped_fields_total",
  "Fields that conversions of a route left out because no descriptor knows them, by whose message held them.",
);
const EXTRA = counter(
  "distributed_system_gateway_extra_requests_total",
  "Requests to upstreams beside the clients' own, by kind: retries, hedges, copies to mirrors.",
);
const HEDGES_WON = counter(
  "distributed_system_gateway_hedges_won_total",
  "Hedges of a route whose response was the one passed on.",
);
const LEFT_OUT = counter(
  "distributed_system_gateway_extra_requests_left_out_total",
  "Retries and hedges that the budget refused, retries whose body was too long to be kept, copies that no mirror got.",
);
const LIMIT_KEYS = gauge("distributed_system_gateway_limit_keys", "Keys that a limit counts at the moment.");
const LIMIT_WAITING = gauge("distributed_system_gateway_limit_waiting", "Requests that a limit makes wait.");
const CERTIFICATE_END = gauge(
  "distributed_system_gateway_certificate_end_timestamp_seconds",
  "When the first certificate of a file ends, in seconds since 1970.",
);
const RELOADS = counter("distributed_system_gateway_reloads_total", "How often the file was read again.");

type Extra = Readonly<
  Record<"retries" | "hedges" | "hedgesWon" | "unbudgeted" | "unkept" | "mirrored" | "mirrorsSkipped", number>
>;

export interface GatewayRouteSample {
  readonly route: string;
  readonly inFlight: number;
  readonly byStatus: Readonly<Record<string, number>>;
  readonly refused: Iterable<readonly [code: string, count: number]>;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly latency: Histogram;
  readonly targets: readonly {
    readonly target: string;
    readonly isUp: boolean;
    readonly tries: number;
    readonly failures: number;
  }[];
  /** Only where something is hidden. */
  readonly masks?: { readonly masked: number; readonly refused: number } | undefined;
  /** Only where conversions left fields out. */
  readonly dropped?: { readonly request: number; readonly reply: number } | undefined;
  /** Only where requests were sent again, hedged or mirrored, or should have been. */
  readonly extra?: Extra | undefined;
}

export interface GatewaySample {
  readonly routes: readonly GatewayRouteSample[];
  readonly connections: number;
  readonly accepted: number;
  readonly turnedAway: number;
  readonly upstreamConnections: number;
  readonly malformed: Iterable<readonly [reason: string, count: number]>;
  readonly wafs: readonly {
    readonly id: string;
    readonly transactions: number;
    readonly blocked: number;
    readonly wouldBlock: number;
    readonly latency: Histogram;
  }[];
  readonly limits: readonly { readonly id: string; readonly keys: number; readonly waiting: number }[];
  readonly reloads: number;
  /** By file, as in tls_certificate=server.crt; milliseconds since the epoch. */
  readonly certificates: readonly { readonly file: string; readonly endMs: number }[];
}

export interface GatewayPort {
  readonly sample: () => GatewaySample;
}

/** Some forty series each; of very many routes the busiest are told one by one, the others together. */
export const GATEWAY_ROUTES_MAX = 60;
const OTHERS = "(others)";
/** Of one route, the busiest; more are what names with several addresses are for. */
const TARGETS_MAX = 16;
/** Firewalls with their times, and limits: files with more are written by programs. */
const GUARDS_MAX = 32;
/** Files, those that end first. */
const CERTIFICATES_MAX = 32;

export function gatewayMetrics({ sample }: GatewayPort): Collect {
  return (out) => {
    const sampled = sample();
    const { accepted, connections, limits, malformed, reloads, routes, turnedAway, upstreamConnections, wafs } =
      sampled;
    const ranked = routes.toSorted((left, right) => right.latency.total - left.latency.total);
    for (const route of ranked.slice(0, GATEWAY_ROUTES_MAX)) tellRoute(out, route);
    if (ranked.length > GATEWAY_ROUTES_MAX) tellRoute(out, together(ranked.slice(GATEWAY_ROUTES_MAX)));
    out.set(CONNECTIONS, connections);
    out.set(ACCEPTED, accepted);
    out.set(TURNED_AWAY, turnedAway);
    out.set(UPSTREAM_CONNECTIONS, upstreamConnections);
    out.set(RELOADS, reloads);
    tellCertificates(out, sampled);
    for (const [reason, count] of summed(malformed)) out.set(MALFORMED, count, { reason });
    for (const { blocked, id: waf, latency, transactions, wouldBlock } of wafs.slice(0, GUARDS_MAX)) {
      out.set(WAF_REQUESTS, transactions, { waf });
      out.set(WAF_BLOCKED, blocked, { waf });
      out.set(WAF_WOULD, wouldBlock, { waf });
      out.durations(WAF_TOOK, latency, { waf });
    }
    for (const { id: limit, keys, waiting } of limits.slice(0, GUARDS_MAX)) {
      out.set(LIMIT_KEYS, keys, { limit });
      out.set(LIMIT_WAITING, waiting, { limit });
    }
  };
}

function tellCertificates(out: MetricsOut, { certificates }: GatewaySample): void {
  const ends = certificates.toSorted((left, right) => left.endMs - right.endMs).slice(0, CERTIFICATES_MAX);
  for (const { endMs, file } of ends) out.set(CERTIFICATE_END, Math.floor(endMs / 1_000), { file });
}

function tellRoute(out: MetricsOut, sample: GatewayRouteSample): void {
  const { byStatus, dropped, extra, inFlight, latency, masks, receivedBytes, refused, route, sentBytes, targets } =
    sample;
  for (const [status, count] of Object.entries(byStatus)) out.set(REQUESTS, count, { route, status });
  for (const [code, count] of refused) out.set(REFUSED, count, { route, code });
  out.set(IN_FLIGHT, inFlight, { route });
  out.set(RECEIVED, receivedBytes, { route });
  out.set(SENT, sentBytes, { route });
  out.durations(TOOK, latency, { route });
  if (masks) {
    out.set(MASKED, masks.masked, { route });
    out.set(MASK_REFUSED, masks.refused, { route });
  }
  for (const [from, count] of Object.entries(dropped ?? {})) out.set(DROPPED, count, { route, from });
  if (extra) tellExtra(out, route, extra);
  for (const { failures, isUp, target, tries } of busiest(targets)) {
    out.set(TARGET_UP, isUp ? 1 : 0, { route, target });
    out.set(TARGET_TRIES, tries, { route, target });
    out.set(TARGET_FAILURES, failures, { route, target });
  }
}

function tellExtra(out: MetricsOut, route: string, extra: Extra): void {
  out.set(EXTRA, extra.retries, { route, kind: "retry" });
  out.set(EXTRA, extra.hedges, { route, kind: "hedge" });
  out.set(EXTRA, extra.mirrored, { route, kind: "mirror" });
  out.set(HEDGES_WON, extra.hedgesWon, { route });
  out.set(LEFT_OUT, extra.unbudgeted, { route, why: "budget" });
  out.set(LEFT_OUT, extra.unkept, { route, why: "body" });
  out.set(LEFT_OUT, extra.mirrorsSkipped, { route, why: "mirror" });
}

type TargetSample = GatewayRouteSample["targets"][number];

/** The same place may stand twice on a line: it is one series then, and up as long as one of them is. */
function busiest(targets: readonly TargetSample[]): readonly TargetSample[] {
  const byPlace = Map.groupBy(targets, ({ target }) => target);
  return [...byPlace]
    .map(([target, same]) => ({
      target,
      isUp: same.some(({ isUp }) => isUp),
      tries: same.reduce((total, { tries }) => total + tries, 0),
      failures: same.reduce((total, { failures }) => total + failures, 0),
    }))
    .toSorted((left, right) => right.tries - left.tries)
    .slice(0, TARGETS_MAX);
}

/** Their targets are not told. */
function together(routes: readonly GatewayRouteSample[]): GatewayRouteSample {
  const latency = new Histogram();
  for (const route of routes) latency.merge(route.latency);
  const total = (of: (route: GatewayRouteSample) => number): number => routes.reduce((sum, each) => sum + of(each), 0);
  return {
    route: OTHERS,
    inFlight: total(({ inFlight }) => inFlight),
    receivedBytes: total(({ receivedBytes }) => receivedBytes),
    sentBytes: total(({ sentBytes }) => sentBytes),
    byStatus: Object.fromEntries(summed(routes.flatMap(({ byStatus }) => Object.entries(byStatus)))),
    refused: summed(routes.flatMap(({ refused }) => [...refused])),
    latency,
    targets: [],
    ...(routes.some(({ masks }) => masks) && {
      masks: { masked: total(({ masks }) => masks?.masked ?? 0), refused: total(({ masks }) => masks?.refused ?? 0) },
    }),
    ...(routes.some(({ dropped }) => dropped) && {
      dropped: {
        request: total(({ dropped }) => dropped?.request ?? 0),
        reply: total(({ dropped }) => dropped?.reply ?? 0),
      },
    }),
    ...(routes.some(({ extra }) => extra) && { extra: totalExtra(total) }),
  };
}

function totalExtra(total: (of: (route: GatewayRouteSample) => number) => number): Extra {
  const of = (name: keyof Extra): number => total(({ extra }) => extra?.[name] ?? 0);
  return {
    ...{ retries: of("retries"), hedges: of("hedges"), hedgesWon: of("hedgesWon"), unbudgeted: of("unbudgeted") },
    ...{ unkept: of("unkept"), mirrored: of("mirrored"), mirrorsSkipped: of("mirrorsSkipped") },
  };
}

function summed(counts: Iterable<readonly [name: string, count: number]>): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const [name, count] of counts) sums.set(name, (sums.get(name) ?? 0) + count);
  return sums;
}
