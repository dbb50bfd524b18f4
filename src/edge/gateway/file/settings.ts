/** The settings of `set|key=value,…` lines, and what they are in the plan: one table for parser, printer and `check --explain`. */
import { type ParamSchema, type ParamValues, param } from "../../../sdk/index.ts";
import type { ResolvePath } from "../../../work/lines/index.ts";
import type { GatewaySettings } from "../words/index.ts";
import {
  BODY_IDLE_DEFAULT,
  BYTES_PER_SECOND_DEFAULT,
  CONNECTIONS_DEFAULT,
  CONNECTIONS_PER_ADDRESS_DEFAULT,
  HEAD_TIMEOUT_DEFAULT,
  HEADER_BYTES_DEFAULT,
  HEADERS_DEFAULT,
  INFLATE_RATIO_DEFAULT,
  INFLATED_BYTES_DEFAULT,
  KEEP_ALIVE_DEFAULT,
  MESSAGE_BYTES_DEFAULT,
  RELOAD_DRAIN_DEFAULT,
  REQUESTS_PER_CONNECTION_DEFAULT,
  STREAMS_DEFAULT,
  TARGET_BYTES_DEFAULT,
} from "./limits.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NETWORKS = { min: 1, max: 256 } as const;

export const settingSchema = {
  tls_certificate: param.path("certificate chain (PEM) shown to clients; with it the port speaks TLS"),
  tls_key: param.path("its key (PEM)"),
  client_ca: param.path("certificates (PEM) that clients' chains have to end in"),
  client_certificate: param.choice(
    "whether clients show a certificate; left out: required where there is a client_ca",
    ["none", "optional", "required"],
  ),
  trusted_proxies: param.list("networks whose X-Forwarded-For and Forwarded are believed: 10.0.0.0/8;::1", NETWORKS),
  proxy_protocol: param.list(
    "networks whose connections begin with a header of the PROXY protocol (1 or 2), which says whose they are; one without it is refused, and nobody else's is read",
    NETWORKS,
  ),
  proxy_header: param.choice(
    "the one header by which trusted proxies say whom they ask for, the only one that is believed; auto: X-Forwarded-For, or else Forwarded, right only where they write both or take out what clients wrote; x-real-ip says nothing of scheme and host",
    ["auto", "x-forwarded-for", "forwarded", "x-real-ip"],
    { default: "auto" },
  ),
  allowed_private: param.list("private networks that dynamic targets may reach; all others are refused", NETWORKS),
  max_header_bytes: param.size("largest head of a request", { default: HEADER_BYTES_DEFAULT, min: KIB, max: MIB }),
  max_headers: param.integer("most headers of a request", { default: HEADERS_DEFAULT, min: 1, max: 1000 }),
  max_target_bytes: param.size("longest path with query", { default: TARGET_BYTES_DEFAULT, min: 64, max: 64 * KIB }),
  path_parameters: param.choice(
    "paths with a ;: passed on, or refused, where upstreams drop ;x=1 and so see another path than the routes",
    ["keep", "refuse"],
    { default: "keep" },
  ),
  head_timeout: param.duration("longest time in which a client sends a request's head", {
    default: HEAD_TIMEOUT_DEFAULT,
    min: 10,
    max: HOUR,
  }),
  body_idle: param.duration("longest silence of a client inside a body", {
    default: BODY_IDLE_DEFAULT,
    min: 10,
    max: HOUR,
  }),
  min_rate: param.size("bytes a second that a client has to send or take; slower ones are cut off; 0: any", {
    default: BYTES_PER_SECOND_DEFAULT,
    min: 0,
    max: MIB,
  }),
  keep_alive: param.duration("how long a connection may be without a request", {
    default: KEEP_ALIVE_DEFAULT,
    min: 0,
    max: HOUR,
  }),
  reload_drain: param.duration(
    "how long requests and sockets that began before a reload may go on by the former file; what is left then is cut off",
    { default: RELOAD_DRAIN_DEFAULT, min: 1_000, max: 30 * DAY },
  ),
  max_requests_per_connection: param.integer("requests after which a connection is closed", {
    default: REQUESTS_PER_CONNECTION_DEFAULT,
    min: 1,
    max: 1_000_000_000,
  }),
  max_connections: param.integer("most clients' connections of one process", {
    default: CONNECTIONS_DEFAULT,
    min: 1,
    max: 1_000_000,
  }),
  max_connections_per_address: param.integer("most connections from one address", {
    default: CONNECTIONS_PER_ADDRESS_DEFAULT,
    min: 1,
    max: 1_000_000,
  }),
  max_streams: param.integer("most requests at once on one HTTP/2 connection", {
    default: STREAMS_DEFAULT,
    min: 1,
    max: 10_000,
  }),
  max_inflated_bytes: param.size("most bytes of a decompressed body, where bodies are looked into", {
    default: INFLATED_BYTES_DEFAULT,
    min: KIB,
    max: 1024 * MIB,
  }),
  max_inflate_ratio: param.integer("how many times its compressed size a body may become", {
    default: INFLATE_RATIO_DEFAULT,
    min: 1,
    max: 10_000,
  }),
  max_message_bytes: param.size(
    "largest WebSocket message, where the gateway reads messages: before ws and grpc targets, and with convert=websocket-http; a WebSocket before an http target is passed on as bytes, and its messages are neither measured, checked for UTF-8 nor masked",
    {
      default: MESSAGE_BYTES_DEFAULT,
      min: 125,
      max: 1024 * MIB,
    },
  ),
  grpc_health: param.boolean(
    "grpc.health.v1.Health is served at the root, where some route has gRPC and no route takes it: of each service by the state of its route's targets",
    { default: true },
  ),
  grpc_reflection: param.boolean(
    "grpc.reflection is served at the root, where no route takes it: of services with proto= that may be called without a token",
    { default: true },
  ),
  access_log: param.string("file that gets a line for each exchange; -: standard output", { min: 1 }),
  jwks: param.string("keys of the issuer of JWTs for auth=jwt: a file or an https URL", { min: 1 }),
  jwt_issuer: param.string("the issuer (iss) that these have to name", { min: 1 }),
  jwt_audience: param.string("the audience (aud) that these have to name", { min: 1 }),
} satisfies ParamSchema;

export type SettingValues = ParamValues<typeof settingSchema>;
export type SettingName = keyof typeof settingSchema;

export function settingsOf(values: SettingValues, resolvePath: ResolvePath): GatewaySettings {
  const { jwks } = values;
  return {
    tlsCertificate: values.tls_certificate,
    tlsKey: values.tls_key,
    clientCa: values.client_ca,
    clientCertificate: values.client_certificate ?? (values.client_ca === undefined ? "none" : "required"),
    trustedProxies: values.trusted_proxies ?? [],
    proxyProtocol: values.proxy_protocol ?? [],
    proxyHeader: values.proxy_header,
    allowedPrivate: values.allowed_private ?? [],
    headerBytesMax: values.max_header_bytes,
    headersMax: values.max_headers,
    targetBytesMax: values.max_target_bytes,
    pathParameters: values.path_parameters,
    headTimeoutMs: values.head_timeout,
    bodyIdleMs: values.body_idle,
    bytesPerSecondMin: values.min_rate,
    keepAliveMs: values.keep_alive,
    reloadDrainMs: values.reload_drain,
    requestsPerConnectionMax: values.max_requests_per_connection,
    connectionsMax: values.max_connections,
    connectionsPerAddressMax: values.max_connections_per_address,
    streamsMax: values.max_streams,
    inflatedBytesMax: values.max_inflated_bytes,
    inflateRatioMax: values.max_inflate_ratio,
    messageBytesMax: values.max_message_bytes,
    grpcHealth: values.grpc_health,
    grpcReflection: values.grpc_reflection,
    accessLog: logPlace(values.access_log, resolvePath),
    // A file that is not there is found where it is read.
    jwks: jwks === undefined || jwks.includes("://") ? jwks : (resolvePath(jwks, "present") ?? jwks),
    jwtIssuer: values.jwt_issuer,
    jwtAudience: values.jwt_audience,
  };
}

/** `-` is no file's name here. */
function logPlace(text: string | undefined, resolvePath: ResolvePath): string | undefined {
  return text === undefined || text === "-" ? text : resolvePath(text, "any");
}

/** The opposite, for the printer: what is left out is undefined. */
export function settingValues(settings: GatewaySettings): Partial<SettingValues> {
  const asLeftOut = settings.clientCa === undefined ? "none" : "required";
  return {
    tls_certificate: settings.tlsCertificate,
    tls_key: settings.tlsKey,
    client_ca: settings.clientCa,
    client_certificate: settings.clientCertificate === asLeftOut ? undefined : settings.clientCertificate,
    trusted_proxies: settings.trustedProxies,
    proxy_protocol: settings.proxyProtocol ?? [],
    proxy_header: settings.proxyHeader ?? "auto",
    allowed_private: settings.allowedPrivate,
    max_header_bytes: settings.headerBytesMax,
    max_headers: settings.headersMax,
    max_target_bytes: settings.targetBytesMax,
    path_parameters: settings.pathParameters ?? "keep",
    head_timeout: settings.headTimeoutMs,
    body_idle: settings.bodyIdleMs,
    min_rate: settings.bytesPerSecondMin,
    keep_alive: settings.keepAliveMs,
    reload_drain: settings.reloadDrainMs,
    max_requests_per_connection: settings.requestsPerConnectionMax,
    max_connections: settings.connectionsMax,
    max_connections_per_address: settings.connectionsPerAddressMax,
    max_streams: settings.streamsMax,
    max_inflated_bytes: settings.inflatedBytesMax,
    max_inflate_ratio: settings.inflateRatioMax,
    max_message_bytes: settings.messageBytesMax,
    grpc_health: settings.grpcHealth ?? true,
    grpc_reflection: settings.grpcReflection ?? true,
    access_log: settings.accessLog,
    jwks: settings.jwks,
    jwt_issuer: settings.jwtIssuer,
    jwt_audience: settings.jwtAudience,
  };
}
