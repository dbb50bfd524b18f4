/** `gateway try`: which route would take a request, what it would be made, and what it would pass. */
import { formatDurationMs } from "../../base/units.ts";
import { paramsOf, RouteTable, upstreamTarget } from "../../edge/gateway/route/index.ts";
import type { GatewayPlan, LimitPlan, MaskPlan, RoutePlan, TargetPlan } from "../../edge/gateway/words/index.ts";
import type { TryAnswer } from "./gateway-contract.ts";
import { ownPlans } from "./own-routes.ts";

export interface TryQuestion {
  readonly method: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly client?: string | undefined;
}

export function tried(plan: GatewayPlan, table: RouteTable, question: TryQuestion): TryAnswer {
  const { headers, method, url } = question;
  const { isPreflight, outcome, steps } = table.explain({
    method: method.toUpperCase(),
    url,
    ...(headers && { headers }),
  });
  if (!outcome.isHit) return triedOwn(plan, question) ?? { status: outcome.status, steps };
  const { plan: route } = outcome.route;
  const first = route.targets.find(({ kind, weight }) => kind !== "none" && weight > 0) ?? route.targets[0];
  return {
    route: route.id,
    path: outcome.path,
    params: paramsOf(outcome),
    ...(first &&
      first.kind !== "none" &&
      !isPreflight && { upstream: upstreamText(first, upstreamTarget(outcome, first)) }),
    targets: route.targets.filter(({ kind }) => kind !== "none").map(targetText),
    limits: plan.limits
      .filter(({ routes }) => routes.length === 0 || routes.includes(route.id))
      .filter(({ key }) => !isPreflight || key.kind === "client_ip")
      .map((limit) => limitText(limit, question)),
    guards: isPreflight ? [`answers the preflight of ${corsText(route)}`] : guardsOf(plan, route),
    steps,
  };
}

/** What no route takes may be served by the gateway itself. */
function triedOwn(plan: GatewayPlan, { headers, method, url }: TryQuestion): TryAnswer | undefined {
  const table = new RouteTable(ownPlans(plan));
  const { outcome, steps } = table.explain({ method: method.toUpperCase(), url, ...(headers && { headers }) });
  if (!outcome.isHit) return undefined;
  const { id } = outcome.route.plan;
  return { route: id, path: outcome.path, params: {}, targets: [], guards: ["served by the gateway itself"], steps };
}

function targetText({ name, text, weight }: TargetPlan): string {
  return `${text}${weight === 1 ? "" : ` weight ${weight}`}${name === "" || name === text ? "" : ` (${name})`}`;
}

function limitText(plan: LimitPlan, question: TryQuestion): string {
  const { action, algorithm, id, isShared, limit, windowMs } = plan;
  const rate = algorithm === "concurrency" ? `${limit} at once` : `${limit} in ${formatDurationMs(windowMs)}`;
  return `${id}: ${rate} by ${keyText(plan, question)}${isShared ? ", all gateways together" : ""}, then ${action}`;
}

/** What the request would be counted by, as far as it is known of it. */
function keyText({ ipv6Prefix, key, missing }: LimitPlan, { client = "127.0.0.1", headers = {} }: TryQuestion): string {
  switch (key.kind) {
    case "client_ip":
      return `client_ip ${client}${client.includes(":") ? `/${ipv6Prefix}` : ""}`;
    case "header": {
      const value = headers[key.name];
      return value === undefined ? `header ${key.name}, which is missing: ${missing}` : `header ${key.name} ${value}`;
    }
    case "claim":
      return `claim ${key.name}`;
    default:
      return key.kind;
  }
}

function upstreamText(target: TargetPlan, path: string): string {
  if (target.kind !== "origin") return target.text;
  const { host, port, scheme } = target.origin;
  return `${scheme}://${host}:${port}${path}`;
}

function corsText({ options: { cors } }: RoutePlan): string {
  return cors?.origins[0] === "*" ? "pages of any origin" : `pages of ${cors?.origins.join(", ")}`;
}

/** As the gateway file has it. */
function placeText(place: MaskPlan["where"][number]): string {
  return place === "reply" ? "response" : place;
}

function guardsOf({ masks, wafs }: GatewayPlan, route: RoutePlan): string[] {
  const { id, options } = route;
  const isFor = ({ routes }: { readonly routes: readonly string[] }): boolean =>
    routes.length === 0 || routes.includes(id);
  return [
    ...(options.auth === "none"
      ? []
      : [`auth ${options.auth}${options.scopes.length > 0 ? ` with ${options.scopes.join(" and ")}` : ""}`]),
    ...wafs.filter(isFor).map(({ id: waf, mode, paranoia }) => `firewall ${waf}: ${mode}, paranoia ${paranoia}`),
    ...masks
      .filter(isFor)
      .map(({ action, id: mask, where }) => `mask ${mask}: ${action} in ${where.map(placeText).join(", ")}`),
    ...(options.lua === undefined ? [] : [`rule ${options.lua}`]),
    ...(options.plugin === undefined ? [] : [`plugin ${options.plugin}`]),
    ...(options.bodyBytesMax === undefined ? [] : [`requests of ${options.bodyBytesMax} bytes at most`]),
    ...(options.replyBytesMax === undefined ? [] : [`responses of ${options.replyBytesMax} bytes at most`]),
    ...(options.cors === undefined
      ? []
      : [`shared with ${corsText(route)}${options.cors.hasCredentials ? ", with credentials" : ""}`]),
    ...(options.reply ? [`answers ${options.reply.status} at once`] : []),
    ...(options.redirect ? [`redirects with ${options.redirect.status}`] : []),
  ];
}
