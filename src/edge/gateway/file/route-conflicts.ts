/** Options of one route that are right one by one and wrong together, or that say nothing where they stand. */
import { formatDuration, quoted } from "../../../work/lines/index.ts";
import { isScope, SCOPE_FORM } from "../../token/index.ts";
import type { RouteMatch } from "../words/index.ts";
import { convertConflicts, protocolConflicts } from "./conversion-conflicts.ts";
import { isGiven, type RouteConflict, type RouteDraft } from "./route-draft.ts";
import type { RouteOptionName, RouteOptionValues } from "./route-options.ts";

/** Of a response, as the option says. */
const COMPRESSES_FROM_BYTES = 1024;
/** RFC 9110, 9.2.2. */
const IDEMPOTENT = ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"];

export function conflictsOf(draft: RouteDraft): RouteConflict[] {
  return [
    ...targetConflicts(draft),
    ...protocolConflicts(draft),
    ...timeConflicts(draft),
    ...mirrorConflicts(draft),
    ...aloneConflicts(draft),
    ...corsConflicts(draft),
    ...convertConflicts(draft),
    ...answerConflicts(draft),
    ...upstreamConflicts(draft),
  ];
}

function* targetConflicts({ hasTargetField, targets, values }: RouteDraft): Iterable<RouteConflict> {
  if (!hasTargetField && targets.length === 0) {
    yield {
      key: "target",
      message: "the route has no target",
      allowed: "a target; or none with reply, redirect, lua or plugin",
    };
  }
  const decides = [values.reply, values.redirect, values.lua, values.plugin].some((value) => value !== undefined);
  if (targets[0]?.kind === "none" && !decides) {
    yield {
      key: "target",
      message: "nobody answers: the target is none",
      allowed: "reply, redirect, lua or plugin as well",
    };
  }
  if (targets.length > 0 && targets.every(({ weight }) => weight === 0)) {
    yield { key: "target", message: "all targets have weight 0", allowed: "one target at least with a weight" };
  }
  if (targets.length === 1 && targets[0]!.kind === "origin" && values.hedge !== undefined) {
    const message = "hedge says nothing with one target: there is no second one to ask";
    yield { key: "hedge", message, allowed: "several targets" };
  }
  if (targets.length === 1 && values.sticky !== undefined) {
    yield { key: "sticky", message: "sticky says nothing with one target", allowed: "several targets" };
  }
  if (values.sticky !== undefined && !/^[A-Za-z0-9_-]+$/.test(values.sticky)) {
    yield {
      key: "sticky",
      message: `${JSON.stringify(values.sticky)} is not the name of a cookie`,
      allowed: "letters, digits, _ and -",
    };
  }
}

function* timeConflicts({ match, targets, values }: RouteDraft): Iterable<RouteConflict> {
  const { connect_timeout, timeout } = values;
  if (timeout > 0 && connect_timeout !== undefined && connect_timeout > timeout) {
    const message = `${formatDuration(connect_timeout)} is longer than timeout (${formatDuration(timeout)})`;
    yield { key: "connect_timeout", message, allowed: `at most ${formatDuration(timeout)}, or a longer timeout` };
  }
  for (const key of ["try_timeout", "hedge"] as const) {
    const ms = values[key];
    if (ms === undefined || timeout === 0 || ms < timeout) continue;
    yield {
      key,
      message: `${formatDuration(ms)} is not shorter than timeout`,
      allowed: `less than ${formatDuration(timeout)}`,
    };
  }
  if (values.health_timeout !== undefined && values.health_timeout > values.health_interval) {
    yield {
      key: "health_timeout",
      message: "health_timeout is longer than health_interval",
      allowed: `at most ${formatDuration(values.health_interval)}`,
    };
  }
  for (const key of ["retries", "hedge"] as const) {
    if (!values[key]) continue;
    if (match.methods.length > 0 && !match.methods.some((method) => IDEMPOTENT.includes(method))) {
      yield {
        key,
        message: `${key} says nothing for ${match.methods.join(", ")}: only idempotent requests are sent again`,
        allowed: "a method that is idempotent",
      };
    }
    if (targets.length > 0 && targets.every(({ kind }) => kind !== "origin")) {
      yield {
        key,
        message: `${key} says nothing for a target that is no URL of an upstream`,
        allowed: "http, https, ws, wss, grpc or grpcs targets",
      };
    }
  }
}

/** A copy is what the targets get: as HTTP, or as gRPC. */
function* mirrorConflicts({ targets, values }: RouteDraft): Iterable<RouteConflict> {
  const { mirror } = values;
  if (mirror === undefined) return;
  if (/^(service|pipeline|task):/i.test(mirror)) {
    yield { key: "mirror", message: "a copy goes to no such target", allowed: "a URL of an upstream" };
  }
  const schemes = targets.flatMap((target) => (target.kind === "origin" ? [target.origin.scheme] : []));
  const isGrpc = /^grpcs?:/i.test(mirror);
  if (schemes.length === 0 || schemes.some((scheme) => scheme.startsWith("grpc") === isGrpc)) return;
  const [copy, asked] = isGrpc ? ["gRPC", "HTTP"] : ["HTTP", "gRPC"];
  const message = `the mirror speaks ${copy}, and its copies would be of requests in ${asked}`;
  yield { key: "mirror", message, allowed: isGrpc ? "an http or https target" : "a grpc or grpcs target" };
}

/** Options that need another one: alone they would be forgotten hopes. */
const NEEDS: Readonly<Partial<Record<RouteOptionName, readonly RouteOptionName[]>>> = {
  retry_on: ["retries"],
  retry_budget: ["retries"],
  mirror_share: ["mirror"],
  health_interval: ["health"],
  health_timeout: ["health"],
  healthy_after: ["health"],
  unhealthy_after: ["health"],
  rule_timeout: ["lua", "plugin"],
  cors_methods: ["cors"],
  cors_headers: ["cors"],
  cors_expose: ["cors"],
  cors_credentials: ["cors"],
  cors_max_age: ["cors"],
  import_paths: ["proto"],
  upstream_cert: ["upstream_key"],
  upstream_key: ["upstream_cert"],
};

function* aloneConflicts({ options, values }: RouteDraft): Iterable<RouteConflict> {
  for (const [key, others] of Object.entries(NEEDS) as [RouteOptionName, readonly RouteOptionName[]][]) {
    if (!isGiven(options, key) || others.some((other) => isGiven(options, other) && values[other] !== 0)) continue;
    yield {
      key,
      message: `${key} says nothing without ${others.join(" or ")}`,
      allowed: `${others.join(" or ")} as well, or neither`,
    };
  }
  if (values.scopes !== undefined && (values.auth === "none" || values.auth === "mtls")) {
    yield { key: "scopes", message: `scopes say nothing with auth=${values.auth}`, allowed: "auth=token or auth=jwt" };
  }
  const strange = values.auth === "token" ? values.scopes?.find((scope) => !isScope(scope)) : undefined;
  if (strange !== undefined) {
    yield { key: "scopes", message: `no token of the cluster has the scope ${quoted(strange)}`, allowed: SCOPE_FORM };
  }
  if (values.lua !== undefined && values.plugin !== undefined) {
    yield { key: "plugin", message: "lua and plugin would both decide", allowed: "one of them" };
  }
}

const EDITS_CORS = /^response_header(_add)?\.access-control-/i;

function* corsConflicts({ match, options, values }: RouteDraft): Iterable<RouteConflict> {
  if (values.cors === undefined) return;
  yield* corsMethodConflicts(match, values);
  for (const key of values.cors_credentials ? (["cors", "cors_expose"] as const) : []) {
    if (!values[key]?.includes("*")) continue;
    const what = key === "cors" ? "any page could act as whoever looks at it" : "browsers take * for a name then";
    yield { key, message: `* with cors_credentials: ${what}`, allowed: "a list, or cors_credentials=false" };
  }
  const isSet = options.texts.some(({ key }) => EDITS_CORS.test(key));
  const isRemoved = values.response_header_remove?.some((name) => /^access-control-/i.test(name));
  if (!isSet && !isRemoved) return;
  const message = "cors writes the access-control-… headers, and so does an edit of this route";
  yield { key: "cors", message, allowed: "one of them" };
}

/** A preflight goes by the routes as the request would that it asks leave for: one for another method never comes here. */
function* corsMethodConflicts({ methods }: RouteMatch, values: RouteOptionValues): Iterable<RouteConflict> {
  if (methods.length === 0) return;
  const foreign = values.cors_methods?.filter(
    (method) => !methods.includes(method) && !(method === "HEAD" && methods.includes("GET")),
  );
  if (foreign !== undefined && foreign.length > 0) {
    const message = `the pattern takes no ${foreign.join(", ")}`;
    yield { key: "cors_methods", message, allowed: `methods of the pattern: ${methods.join(";")}` };
  }
  if (values.cors_methods === undefined && methods.every((method) => method === "OPTIONS")) {
    const message =
      "cors says nothing where only OPTIONS is taken: a preflight goes to the route that takes the method it asks for";
    yield { key: "cors", message, allowed: "the option at that route" };
  }
}

function* answerConflicts({ targets, values }: RouteDraft): Iterable<RouteConflict> {
  const { redirect, reply } = values;
  if (reply !== undefined && redirect !== undefined) {
    yield { key: "redirect", message: "reply and redirect would both answer", allowed: "one of them" };
  }
  if ((reply ?? redirect) !== undefined && targets.some(({ kind }) => kind !== "none")) {
    const key = reply === undefined ? "redirect" : "reply";
    yield { key, message: `${key} answers at once: the targets would never be asked`, allowed: "none as the target" };
  }
  yield* ownAnswerConflicts(values);
}

/** What the gateway answers by itself is as long as it is here. */
function* ownAnswerConflicts(values: RouteOptionValues): Iterable<RouteConflict> {
  const { compress, max_response, redirect, reply } = values;
  if (reply === undefined && redirect === undefined) return;
  const key = reply === undefined ? "redirect" : "reply";
  if (max_response !== undefined) {
    const message = `max_response says nothing with ${key}: the response is written here`;
    yield { key: "max_response", message, allowed: "one of them" };
  }
  if (compress && (reply === undefined || Buffer.byteLength(reply) < COMPRESSES_FROM_BYTES)) {
    const message = `compress says nothing with ${key}: responses below ${COMPRESSES_FROM_BYTES} bytes are sent as they are`;
    yield { key: "compress", message, allowed: "one of them" };
  }
}

function* upstreamConflicts({ options, targets, values }: RouteDraft): Iterable<RouteConflict> {
  const schemes = targets.flatMap((target) => (target.kind === "origin" ? [target.origin.scheme] : []));
  const hasTls = schemes.some((scheme) => ["https", "wss", "grpcs"].includes(scheme));
  for (const key of ["upstream_ca", "upstream_cert", "upstream_server_name", "upstream_verify"] as const) {
    if (hasTls || targets.length === 0 || !isGiven(options, key)) continue;
    yield { key, message: `${key} says nothing for targets without TLS`, allowed: "an https, wss or grpcs target" };
  }
  // gRPC is HTTP/2: who says so is right.
  const speaks = (protocol: string): boolean => schemes.some((scheme) => scheme.startsWith(protocol));
  const isSpoken = speaks("http") || (speaks("grpc") && values.http_version === "2");
  if (isGiven(options, "http_version") && targets.length > 0 && !isSpoken) {
    const message = "http_version says nothing for targets that are not spoken to in HTTP";
    yield { key: "http_version", message, allowed: "an http or https target" };
  }
  if (values.upstream_server_name !== undefined && !values.upstream_verify) {
    yield {
      key: "upstream_server_name",
      message: "no name is looked at with upstream_verify=false",
      allowed: "one of them",
    };
  }
  yield* healthConflicts(values.health, schemes);
}

/** At most 127 characters: a length of one byte. */
const HEALTH_OF_GRPC = /^grpc(:[A-Za-z_][\w.]{0,126})?$/;

function* healthConflicts(health: string | undefined, schemes: readonly string[]): Iterable<RouteConflict> {
  if (health === undefined || health.startsWith("/")) return;
  if (schemes.length === 0 || schemes.some((scheme) => !scheme.startsWith("grpc"))) {
    const allowed = "a path that begins with /; grpc and grpc:SERVICE are for grpc targets";
    yield { key: "health", message: `${JSON.stringify(health)} is not a path`, allowed };
  } else if (!HEALTH_OF_GRPC.test(health)) {
    const message = `${JSON.stringify(health)} is no check of grpc targets`;
    yield { key: "health", message, allowed: "grpc, or grpc:SERVICE with a service's full name" };
  }
}
