/** What of a route's conversions says nothing where it stands, and targets that one conversion cannot serve. */
import type { TargetPlan } from "../words/index.ts";
import { isGiven, type RouteConflict, type RouteDraft } from "./route-draft.ts";

/** Options of conversions. */
const OF_CONVERSIONS = ["proto", "grpc_service", "unknown_fields", "stream", "max_message"] as const;
type OfConversions = (typeof OF_CONVERSIONS)[number];

/** Those that something reads, by the protocol of the targets; undefined: all of them. */
function readOptions({ targets, values }: RouteDraft): readonly OfConversions[] | undefined {
  switch (values.convert) {
    case "off":
      return [];
    case "websocket-http":
      return ["max_message"];
    case "grpc-json":
      return ["proto", "unknown_fields", "max_message"];
  }
  const protocols = new Set(targets.map(protocolOf));
  if (protocols.has("grpc") || targets.length === 0) return undefined;
  return protocols.has("ws") ? ["max_message"] : [];
}

export function* convertConflicts(draft: RouteDraft): Iterable<RouteConflict> {
  const { options, targets, values } = draft;
  const { convert, proto } = values;
  const read = readOptions(draft);
  for (const key of OF_CONVERSIONS) {
    if (read === undefined || read.includes(key) || !isGiven(options, key)) continue;
    const where = convert === "auto" ? "these targets: nothing is converted by it" : `convert=${convert}`;
    const allowed =
      convert === "auto" ? "grpc or grpcs targets, or another convert, or neither" : "another convert, or neither";
    yield { key, message: `${key} says nothing with ${where}`, allowed };
  }
  if (convert === "grpc-json" && proto === undefined) {
    const message = "convert=grpc-json needs descriptors: an HTTP upstream cannot be asked for them";
    yield { key: "convert", message, allowed: "proto as well" };
  }
  const isHttp = targets.every((target) => target.kind === "none" || protocolOf(target) === "http");
  if (convert === "websocket-http" && !isHttp) {
    const message = "convert=websocket-http says nothing for targets that are not spoken to in HTTP";
    yield { key: "convert", message, allowed: "http or https targets" };
  }
}

/** What a request is converted into is decided before a balancer chooses who gets it. Rules choose before that. */
export function* protocolConflicts({ targets, values }: RouteDraft): Iterable<RouteConflict> {
  if (values.convert === "off" || (values.lua ?? values.plugin) !== undefined) return;
  const spoken = new Set(targets.flatMap((target) => protocolOf(target) ?? []));
  if (spoken.size < 2) return;
  yield {
    key: "target",
    message: `the targets speak ${[...spoken].join(" and ")}: what one takes the others would not understand`,
    allowed: "targets of one protocol (http and https, ws and wss, grpc and grpcs), others in routes of their own",
  };
}

/** Undefined: it is no URL of an upstream. */
function protocolOf(target: TargetPlan): "http" | "ws" | "grpc" | undefined {
  return target.kind === "origin" ? PROTOCOLS[target.origin.scheme] : undefined;
}

const PROTOCOLS = { http: "http", https: "http", ws: "ws", wss: "ws", grpc: "grpc", grpcs: "grpc" } as const;
