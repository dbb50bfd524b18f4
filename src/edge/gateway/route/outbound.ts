/** What the upstream is asked: path and query, the host of dynamic targets, where a redirect leads. */
import { Failure } from "../../../base/errors.ts";
import type { RequestHead } from "../../../wire/http/index.ts";
import type { Origin, TargetPlan } from "../words/index.ts";
import { type RequestFacts, variableValue } from "./header-edits.ts";
import { isHostLabel, isHostName } from "./host.ts";
import { decodePiece, isPathFault, normalizePath } from "./normalize.ts";
import type { Template } from "./template.ts";
import type { RouteHit } from "./words.ts";

export type NamedParams = Readonly<Record<string, string>>;

/** By name, decoded; for rules, conversions and people. */
export function paramsOf({ route, values }: RouteHit): NamedParams {
  const { paramNames } = route;
  if (paramNames.length === 0) return NO_PARAMS;
  return Object.fromEntries(
    paramNames.map((name, index) => [name, values[index]!.split("/").map(decodePiece).join("/")]),
  );
}

const NO_PARAMS: NamedParams = Object.freeze({});

/** Path and query for this target. Throws `gateway.bad_path` where a rewrite makes no path in normal form out of what the client sent. */
export function upstreamTarget(hit: RouteHit, target: TargetPlan): string {
  const { query, route } = hit;
  const own = route.rewrite === undefined ? plainPath(hit, target) : rewritten(hit, route.rewrite);
  const path = target.kind === "origin" && target.basePath !== "" ? target.basePath + own : own;
  if (query === "") return path;
  return `${path}${path.includes("?") ? "&" : "?"}${query}`;
}

function plainPath({ path, route, values }: RouteHit, target: TargetPlan): string {
  if (route.grpcRest < 0 || target.kind !== "origin" || !target.origin.scheme.startsWith("grpc")) return path;
  return `/${values[route.grpcRest]}`;
}

function rewritten(hit: RouteHit, template: Template): string {
  const text = expandPath(hit, template);
  const mark = text.indexOf("?");
  const path = normalizePath(mark < 0 ? text : text.slice(0, mark));
  if (isPathFault(path)) {
    const message = `rewriting ${hit.path} by route ${hit.route.plan.id}: ${path.fault}, a path is required`;
    throw new Failure("gateway.bad_path", message);
  }
  return mark < 0 ? path : path + text.slice(mark);
}

/** Parameters are encoded as they came; behind a question mark, as a query wants them. */
function expandPath({ route, values }: RouteHit, template: Template): string {
  let text = "";
  let isInQuery = false;
  for (const part of template) {
    if (part.kind === "text") {
      text += part.text;
      isInQuery ||= part.text.includes("?");
    } else if (part.kind === "param") {
      const value = values[route.paramNames.indexOf(part.name)]!;
      text += isInQuery ? encodeURIComponent(value.split("/").map(decodePiece).join("/")) : value;
    }
  }
  return text;
}

/** The target's own origin, or for a dynamic one with its host filled in. Throws `gateway.bad_host` when what came is no name of a host. */
export function upstreamOrigin(hit: RouteHit, target: TargetPlan & { readonly kind: "origin" }): Origin {
  if (!target.isDynamic) return target.origin;
  const template = hit.route.hosts.get(target);
  let host = "";
  for (const part of template ?? [])
    host += part.kind === "text" ? part.text : hostPart(hit, part.name, template!.length);
  host = host.toLowerCase();
  if (template === undefined || !isHostName(host)) throw badHost(hit, host);
  return { ...target.origin, host };
}

/** A parameter that is the whole host may be a name of several labels; beside other text it is one label or a part of one. */
function hostPart(hit: RouteHit, name: string, parts: number): string {
  const value = decodePiece(hit.values[hit.route.paramNames.indexOf(name)]!);
  if (parts === 1 ? isHostName(value) : isHostLabel(value)) return value;
  throw badHost(hit, value);
}

function badHost({ route }: RouteHit, host: string): Failure {
  const shown = JSON.stringify(host.slice(0, 80));
  return new Failure(
    "gateway.bad_host",
    `filling the host of route ${route.plan.id}: ${shown} is no name of a host, one is required`,
  );
}

/** The header `location`, where the route redirects. */
export function redirectLocation(hit: RouteHit, head: RequestHead, facts: RequestFacts): string | undefined {
  const template = hit.route.redirect;
  if (template === undefined) return undefined;
  let text = "";
  for (const part of template) {
    if (part.kind === "param") text += hit.values[hit.route.paramNames.indexOf(part.name)];
    else text += part.kind === "text" ? part.text : variableValue(part, hit, head, facts);
  }
  return text;
}
