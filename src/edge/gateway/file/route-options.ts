/** The options of a route line: one table that the parser, the printer and `check --explain` read. */
import { type ParamSchema, type ParamValues, param } from "../../../sdk/index.ts";
import { ROUTE_BALANCER_FORM } from "./balancers.ts";
import {
  CONNECT_TIMEOUT_DEFAULT,
  CORS_MAX_AGE_DEFAULT,
  HEALTH_TIMEOUT_DEFAULT,
  MESSAGE_BYTES_DEFAULT,
  RULE_TIMEOUT_DEFAULT,
  TIMEOUT_DEFAULT,
} from "./limits.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const GIB = 2 ** 30;

const matching = {
  content_type: param.list("media types that it takes, one of them; application/* stands for all that begin so", {
    min: 1,
    max: 32,
  }),
} satisfies ParamSchema;

const rewriting = {
  rewrite: param.string(
    "the path that the upstream sees, with {name} for parameters of the pattern; left out, the path as it is, for grpc targets what * stands for (as it is where the piece before the * has a dot, as a gRPC service's full name has)",
    { min: 1 },
  ),
  host: param.string("the host that the upstream sees: target (its own), client (what the client named) or any name", {
    default: "target",
    min: 1,
  }),
  request_header_remove: param.list("headers taken out of the request", { max: 100 }),
  response_header_remove: param.list("headers taken out of the response", { max: 100 }),
  compress: param.boolean(
    "compresses responses that are text of 1 KiB or more, as clients accept it: zstd, Brotli or gzip; those above 1 MiB and of unknown length on their way, 256 at once in a process; never events, NDJSON, gRPC, or what cache-control: no-transform forbids; vary: accept-encoding is added",
    { default: false },
  ),
} satisfies ParamSchema;

const answering = {
  reply: param.string("answers at once, with a status and perhaps a text: 503 back at noon", { min: 1 }),
  redirect: param.string(
    // biome-ignore lint/suspicious/noTemplateCurlyInString: this is how variables are written
    "redirects at once, with a status and a place: 301 https://${host}${target}; {name} is a parameter of the pattern",
    { min: 1 },
  ),
} satisfies ParamSchema;

const waiting = {
  timeout: param.duration("longest time for the whole exchange with the upstream; 0: none, for streams that last", {
    default: TIMEOUT_DEFAULT,
    min: 0,
    max: DAY,
  }),
  connect_timeout: param.duration("longest time to connect to the upstream; left out: 5s, never more than timeout", {
    min: 1,
    max: HOUR,
  }),
  idle_timeout: param.duration(
    "longest silence of the upstream between two pieces of its response, and of whoever is at a WebSocket (pings count); 0: none",
    {
      default: TIMEOUT_DEFAULT,
      min: 0,
      max: DAY,
    },
  ),
  max_response: param.size("longest body of a response; a longer one is 502, or breaks off; left out: none", {
    min: 0,
    max: 1024 * GIB,
  }),
  max_body: param.size("longest body of a request; left out: none, bodies stream through", { min: 0, max: 1024 * GIB }),
} satisfies ParamSchema;

const trying = {
  retries: param.integer("further attempts at idempotent requests whose body can be sent again: up to 64 KiB", {
    default: 0,
    min: 0,
    max: 10,
  }),
  retry_on: param.list("statuses that count as failures, beside failed connections: 502;503 or 5xx", {
    default: ["502", "503", "504"],
    min: 1,
    max: 100,
  }),
  try_timeout: param.duration(
    "longest time from the end of a request to the beginning of its response, in one attempt at an http, ws or grpc target; left out, one attempt may take all of timeout",
    { min: 1, max: DAY },
  ),
  retry_budget: param.number("most retries, as a share of the route's requests: they cannot make a bad day worse", {
    default: 0.2,
    min: 0,
    max: 1,
  }),
  hedge: param.duration(
    "time after which an idempotent request without a response is sent to a second target too, with a body of up to 64 KiB; the first response counts",
    {
      min: 1,
      max: HOUR,
    },
  ),
} satisfies ParamSchema;

const balancing = {
  balancer: param.string(`which target gets a request: ${ROUTE_BALANCER_FORM}`, {
    default: "WEIGHTED_ROUND_ROBIN",
    min: 1,
  }),
  sticky: param.string(
    "name of a cookie that keeps a client with its target; it has the target's name=, or else some digits that say nothing of its address",
    { min: 1, max: 64 },
  ),
  mirror: param.string(
    "a target that gets a copy of each request with a body of up to 64 KiB, 128 copies at a time; what it answers is thrown away",
    { min: 1 },
  ),
  mirror_share: param.number("share of the requests that are mirrored", { default: 1, min: 0, max: 1 }),
  outlier_ejection: param.boolean(
    "targets that fail often get no requests for a while; on where there are several targets",
  ),
  circuit_breaker: param.boolean(
    "a target that keeps failing is not asked until a trial succeeds; on where there are several targets",
  ),
  health: param.string(
    "path that is asked of each target; one that does not answer with 2xx or 3xx gets no requests; of grpc targets grpc.health.v1 is asked by grpc for the server as a whole, by grpc:SERVICE for one service, and a path by GET, as some servers of gRPC have it beside",
    {
      min: 1,
    },
  ),
  health_interval: param.duration("time between two such questions", { default: 5_000, min: 100, max: HOUR }),
  health_timeout: param.duration("longest time for an answer; left out: 2s, never more than health_interval", {
    min: 10,
    max: HOUR,
  }),
  healthy_after: param.integer("good answers in a row after which a target is asked again", {
    default: 2,
    min: 1,
    max: 100,
  }),
  unhealthy_after: param.integer("bad answers in a row after which a target is left out", {
    default: 3,
    min: 1,
    max: 100,
  }),
} satisfies ParamSchema;

const guarding = {
  auth: param.choice(
    "who may ask: anybody, the bearer of one of the cluster's tokens, of a JWT that the setting jwks vouches for, or of a client certificate",
    ["none", "token", "jwt", "mtls"],
    { default: "none" },
  ),
  scopes: param.list("scopes that the token must have, all of them; with auth=token SERVICE, SERVICE.METHOD or *", {
    max: 32,
  }),
  lua: param.path("Lua file whose route(request) decides: a target, headers, a path or a response"),
  plugin: param.path("plugin whose route(request) decides"),
  rule_timeout: param.duration("longest time for such a decision", {
    default: RULE_TIMEOUT_DEFAULT,
    min: 1,
    max: 10_000,
  }),
} satisfies ParamSchema;

const converting = {
  convert: param.choice(
    "auto: what target and client speak is converted into each other where it differs; off: nothing is; grpc-json: gRPC clients before an HTTP/JSON upstream; websocket-http: each message on a WebSocket is a request, which is routed, checked and counted by itself",
    ["auto", "off", "grpc-json", "websocket-http"],
    { default: "auto" },
  ),
  proto: param.paths(
    "files of the gRPC services: .proto, or a descriptor set; left out, the upstream's reflection is asked",
    {
      max: 64,
    },
  ),
  import_paths: param.list("folders where the .proto files look for what they import", { max: 64 }),
  grpc_service: param.string("full name of the service whose methods the path names, where no annotation does", {
    min: 1,
    max: 256,
  }),
  unknown_fields: param.choice(
    "JSON fields that the message does not have: an error, or left out and counted",
    ["error", "count"],
    {
      default: "error",
    },
  ),
  stream: param.choice("how server streams reach clients that accept both", ["ndjson", "sse"], { default: "ndjson" }),
  max_message: param.size("largest message that is converted; its JSON may hold a value for each 32 bytes of this", {
    default: MESSAGE_BYTES_DEFAULT,
    min: 1024,
    max: GIB,
  }),
} satisfies ParamSchema;

const sharing = {
  cors: param.list(
    "origins whose pages may read responses (CORS): https://shop.example;https://*.shop.example, or * for any; preflights are answered here, before tokens are asked for, and the upstream's own access-control-… headers are replaced",
    { min: 1, max: 256 },
  ),
  cors_methods: param.list(
    "methods that such pages may use, among those of the pattern; left out: all of those, else all usual ones",
    {
      min: 1,
      max: 32,
    },
  ),
  cors_headers: param.list("headers that such pages may send, beside those that browsers always allow; *: all", {
    default: ["*"],
    min: 1,
    max: 100,
  }),
  cors_expose: param.list(
    "headers of responses that such pages may read, beside those that browsers always show and, of grpc targets, grpc-status and grpc-message; *: all",
    { min: 1, max: 100 },
  ),
  cors_credentials: param.boolean("such pages may send cookies and certificates, and read what comes back", {
    default: false,
  }),
  cors_max_age: param.duration("how long a browser may go by one preflight (browsers take 2h at most, or 24h)", {
    default: CORS_MAX_AGE_DEFAULT,
    min: 0,
    max: DAY,
  }),
} satisfies ParamSchema;

const connecting = {
  http_version: param.choice("spoken to http and https targets; left out: 1.1, for https what both offer", [
    "1.1",
    "2",
  ]),
  upstream_ca: param.path("certificates (PEM) that the upstream's chain has to end in; left out: those of the system"),
  upstream_cert: param.path("certificate (PEM) that is shown to the upstream"),
  upstream_key: param.path("its key (PEM)"),
  upstream_server_name: param.string("name that the upstream's certificate must have, instead of the target's host", {
    min: 1,
    max: 253,
  }),
  upstream_verify: param.boolean("false takes any certificate of the upstream: for tests only", { default: true }),
} satisfies ParamSchema;

/** By theme, for `check --explain`. */
export const routeOptionGroups = {
  "Options of a route: matching": matching,
  "Options of a route: path, headers, response": { ...rewriting, ...answering },
  "Options of a route: time and size": waiting,
  "Options of a route: further attempts": trying,
  "Options of a route: several targets": balancing,
  "Options of a route: who may, and who decides": guarding,
  "Options of a route: pages of other origins": sharing,
  "Options of a route: conversion": converting,
  "Options of a route: connection to the upstream": connecting,
} as const satisfies Readonly<Record<string, ParamSchema>>;

export const routeOptionSchema = {
  ...matching,
  ...rewriting,
  ...answering,
  ...waiting,
  ...trying,
  ...balancing,
  ...guarding,
  ...sharing,
  ...converting,
  ...connecting,
} satisfies ParamSchema;

export type RouteOptionValues = ParamValues<typeof routeOptionSchema>;
export type RouteOptionName = keyof typeof routeOptionSchema;

/** Options with a name of the file's own choice behind a dot. */
export const namedRouteOptions = {
  header: "a header that the request must have: a value, one that begins so (v*), any (*), or none (!)",
  query: "a field of the query that the request must have, in the same forms",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: this is how variables are written
  request_header: "sets a header of the request; ${…} stands for a variable",
  request_header_add: "adds one beside those that are there",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: this is how variables are written
  response_header: "sets a header of the response; ${…} stands for a variable",
  response_header_add: "adds one beside those that are there",
} as const;

export type NamedOption = keyof typeof namedRouteOptions;

/** No limit is 0. */
export function connectTimeoutDefault(timeoutMs: number): number {
  return timeoutMs === 0 ? CONNECT_TIMEOUT_DEFAULT : Math.min(CONNECT_TIMEOUT_DEFAULT, timeoutMs);
}

export function healthTimeoutDefault(intervalMs: number): number {
  return Math.min(HEALTH_TIMEOUT_DEFAULT, intervalMs);
}
