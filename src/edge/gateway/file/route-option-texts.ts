/** A route's options as its schema has them: the opposite of route-line.ts, for the printer. What is undefined is left out. */
import type { RouteOptions, RoutePlan } from "../words/index.ts";
import { corsValues } from "./cors-options.ts";
import { writtenMatch } from "./header-options.ts";
import { connectTimeoutDefault, healthTimeoutDefault, type RouteOptionValues } from "./route-options.ts";

export type Pair = readonly [key: string, value: string];

export function routeOptionValues({ match, options, targets }: RoutePlan): Partial<RouteOptionValues> {
  const hasSeveral = targets.length > 1;
  return {
    content_type: match.contentTypes,
    rewrite: options.rewrite,
    host: options.host,
    request_header_remove: removed(options.requestHeaders),
    response_header_remove: removed(options.replyHeaders),
    compress: options.compress,
    reply: options.reply && `${options.reply.status} ${options.reply.text}`.trim(),
    redirect: options.redirect && `${options.redirect.status} ${options.redirect.location}`,
    timeout: options.timeoutMs,
    connect_timeout: unless(options.connectTimeoutMs, connectTimeoutDefault(options.timeoutMs)),
    idle_timeout: options.idleTimeoutMs,
    max_body: options.bodyBytesMax,
    max_response: options.replyBytesMax,
    retries: options.retries,
    retry_on: options.retryOn.map(String),
    try_timeout: options.tryTimeoutMs,
    retry_budget: options.retryBudget,
    hedge: options.hedgeMs,
    balancer: options.balancer,
    sticky: options.sticky,
    mirror: options.mirror?.text,
    mirror_share: options.mirrorShare,
    outlier_ejection: options.outliers === hasSeveral ? undefined : options.outliers,
    circuit_breaker: options.breaker === hasSeveral ? undefined : options.breaker,
    ...guardValues(options),
    ...healthValues(options),
    ...corsValues(options),
    ...convertValues(options),
    http_version: options.version,
    upstream_ca: options.upstreamCa,
    upstream_cert: options.upstreamCertificate,
    upstream_key: options.upstreamKey,
    upstream_server_name: options.upstreamServerName,
    upstream_verify: !options.upstreamUnverified,
  };
}

function unless(value: number, leftOut: number): number | undefined {
  return value === leftOut ? undefined : value;
}

function removed(edits: RouteOptions["requestHeaders"]): readonly string[] {
  return edits.flatMap((edit) => (edit.kind === "remove" ? [edit.name] : []));
}

function guardValues(options: RouteOptions): Partial<RouteOptionValues> {
  return {
    auth: options.auth,
    scopes: options.scopes,
    lua: options.lua,
    plugin: options.plugin,
    rule_timeout: options.ruleTimeoutMs,
  };
}

function healthValues({ health }: RouteOptions): Partial<RouteOptionValues> {
  if (health === undefined) return {};
  return {
    health: health.path,
    health_interval: health.intervalMs,
    health_timeout: unless(health.timeoutMs, healthTimeoutDefault(health.intervalMs)),
    healthy_after: health.healthyAfter,
    unhealthy_after: health.unhealthyAfter,
  };
}

function convertValues({ convert }: RouteOptions): Partial<RouteOptionValues> {
  return {
    convert: convert.mode,
    proto: convert.proto,
    import_paths: convert.importPaths,
    grpc_service: convert.grpcService,
    unknown_fields: convert.unknownFields,
    stream: convert.stream,
    max_message: convert.messageBytesMax,
  };
}

/** Options with a name behind a dot. */
export function namedOptionPairs({ match, options }: RoutePlan): Pair[] {
  const edits = (kind: "request" | "response", list: RouteOptions["requestHeaders"]): Pair[] =>
    list.flatMap((edit) => {
      if (edit.kind === "remove") return [];
      return [[`${kind}_header${edit.kind === "add" ? "_add" : ""}.${edit.name}`, edit.value] as const];
    });
  return [
    ...match.headers.map((each) => [`header.${each.name}`, writtenMatch(each)] as const),
    ...match.query.map((each) => [`query.${each.name}`, writtenMatch(each)] as const),
    ...edits("request", options.requestHeaders),
    ...edits("response", options.replyHeaders),
  ];
}
