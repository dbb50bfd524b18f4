/**
 * What a gateway file says, checked and with its defaults filled in: the plan that the parts of the gateway work by. Durations are
 * in milliseconds, sizes in bytes, all texts as people wrote them.
 */
import type { Origin } from "./upstream.ts";

export interface GatewayPlan {
  readonly fileName: string;
  readonly settings: GatewaySettings;
  /** In the order of the file; which one takes a request is a matter of precedence first and of this order second. */
  readonly routes: readonly RoutePlan[];
  readonly limits: readonly LimitPlan[];
  readonly wafs: readonly WafPlan[];
  readonly masks: readonly MaskPlan[];
}

/** `set|key=value,…` */
export interface GatewaySettings {
  readonly tlsCertificate?: string | undefined;
  readonly tlsKey?: string | undefined;
  /** Certificates that clients' chains have to end in; with it clients must show one (`clientCertificate`). */
  readonly clientCa?: string | undefined;
  readonly clientCertificate: "none" | "optional" | "required";
  /** Networks (CIDR) whose `X-Forwarded-For`, `-Proto` and `Forwarded` are believed; none by default. */
  readonly trustedProxies: readonly string[];
  /** Networks (CIDR) whose connections begin with a header of the PROXY protocol, 1 or 2; none by default. */
  readonly proxyProtocol?: readonly string[] | undefined;
  /** The one header of theirs that says whom they ask for; `auto`, the default: `x-forwarded-for`, where there is none `forwarded`. */
  readonly proxyHeader?: ProxyHeader | undefined;
  /** Networks that dynamic targets may reach although they are private. */
  readonly allowedPrivate: readonly string[];
  readonly headerBytesMax: number;
  readonly headersMax: number;
  readonly targetBytesMax: number;
  /** `;x=1` in a path: passed on as it is (default), or refused, for upstreams that leave it out before they look at the path. */
  readonly pathParameters?: "keep" | "refuse" | undefined;
  /** How long a client may take for a request's head; for each further piece of its body. */
  readonly headTimeoutMs: number;
  readonly bodyIdleMs: number;
  /** A client that sends or takes less than this many bytes a second (over `bodyIdleMs`) is cut off. */
  readonly bytesPerSecondMin: number;
  /** A connection without a request under way. */
  readonly keepAliveMs: number;
  /** What began by a former file may go on so long after a reload. */
  readonly reloadDrainMs: number;
  readonly requestsPerConnectionMax: number;
  readonly connectionsMax: number;
  readonly connectionsPerAddressMax: number;
  readonly streamsMax: number;
  /** Of a decompressed body, and how many times what was sent it may be: where a body is looked into. */
  readonly inflatedBytesMax: number;
  readonly inflateRatioMax: number;
  /** A WebSocket message. */
  readonly messageBytesMax: number;
  /** Whether gRPC health and reflection are served at the root, where no route takes them and some route has gRPC. */
  readonly grpcHealth?: boolean | undefined;
  readonly grpcReflection?: boolean | undefined;
  readonly accessLog?: string | undefined;
  /** Who may ask under `auth=token`: keys of other issuers (JWKS file or URL), beside the cluster's own tokens. */
  readonly jwks?: string | undefined;
  readonly jwtIssuer?: string | undefined;
  readonly jwtAudience?: string | undefined;
}

export type ProxyHeader = "auto" | "x-forwarded-for" | "forwarded" | "x-real-ip";

export interface RoutePlan {
  readonly id: string;
  /** From 1. */
  readonly line: number;
  readonly match: RouteMatch;
  readonly targets: readonly TargetPlan[];
  readonly options: RouteOptions;
}

export interface RouteMatch {
  /** As written, for people. */
  readonly text: string;
  /** Upper case; none: every method. */
  readonly methods: readonly string[];
  /** `api.example.com`, `*.example.com`; lower case, without a port; undefined: every host. */
  readonly host?: string | undefined;
  /** Pieces between slashes. */
  readonly path: readonly PathPiece[];
  readonly headers: readonly FieldMatch[];
  readonly query: readonly FieldMatch[];
  /** Media types: `application/json`, `application/*`. */
  readonly contentTypes: readonly string[];
}

export type PathPiece =
  | { readonly kind: "literal"; readonly text: string }
  /** `{name}`: one whole piece. */
  | { readonly kind: "param"; readonly name: string }
  /** `*` or `{name*}` at the end: all that is left, perhaps nothing. */
  | { readonly kind: "rest"; readonly name: string };

/** `name` is there, or has exactly this value, or one that begins so (`v*`). */
export interface FieldMatch {
  readonly name: string;
  readonly how: "present" | "absent" | "exact" | "prefix";
  readonly value: string;
}

export type TargetPlan = (OriginTarget | NamedTarget) & {
  /** As written. */
  readonly text: string;
  /** Share of the requests beside other targets; 0: none, only by a rule's choice or, where it has a name of its own, by the sticky cookie. */
  readonly weight: number;
  /** `;name=canary`: what a rule or a sticky cookie calls it. */
  readonly name: string;
};

/** `http(s)://`, `ws(s)://`, `grpc(s)://`. `{name}` in the host makes it dynamic, filled from the path. */
export interface OriginTarget {
  readonly kind: "origin";
  /** `host` with `{name}` in it when `isDynamic`. */
  readonly origin: Origin;
  /** Put before the path; empty when the URL has none. */
  readonly basePath: string;
  readonly isDynamic: boolean;
}

export type NamedTarget =
  | { readonly kind: "service"; readonly service: string; readonly method: string }
  | { readonly kind: "pipeline"; readonly pipeline: string }
  | { readonly kind: "task"; readonly file: string }
  /** No target: `reply=404` answers it, or a rule has to choose. */
  | { readonly kind: "none" };

/** Which pages of other origins may read what a route answers (the Fetch standard's CORS). */
export interface CorsPlan {
  /** As browsers write them, `https://*.example.com` for all beneath; `*` alone: any. */
  readonly origins: readonly string[];
  /** Empty: those that the route takes. */
  readonly methods: readonly string[];
  /** Of requests, lower case; `*` alone: all that a page asks for. */
  readonly headers: readonly string[];
  /** Of replies, lower case; `*` alone: all. */
  readonly exposed: readonly string[];
  readonly hasCredentials: boolean;
  /** How long a browser keeps the answer to a preflight. */
  readonly maxAgeMs: number;
}

export interface RouteOptions {
  /** The path that the upstream sees: `/v2/{rest}`; default: of `grpc` targets what `*` stands for, of others the path as it is. */
  readonly rewrite?: string | undefined;
  /** The upstream's `host`: the client's, the target's, or a text. */
  readonly host: "client" | "target" | (string & {});
  readonly requestHeaders: readonly HeaderEdit[];
  readonly replyHeaders: readonly HeaderEdit[];
  readonly timeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** From the last byte of a request to the head of its reply, in each attempt; undefined: as `timeoutMs`. */
  readonly tryTimeoutMs?: number | undefined;
  /** Further attempts at idempotent requests; `retryOn`: statuses that count as failures. */
  readonly retries: number;
  readonly retryOn: readonly number[];
  /** Retries are at most this share of all requests (0 to 1) of the route. */
  readonly retryBudget: number;
  /** A second attempt at an idempotent request after this long; undefined: none. */
  readonly hedgeMs?: number | undefined;
  readonly balancer: string;
  /** A cookie that keeps a client with its target. */
  readonly sticky?: string | undefined;
  /** A target that gets a copy; its reply is thrown away. */
  readonly mirror?: TargetPlan | undefined;
  readonly mirrorShare: number;
  readonly bodyBytesMax?: number | undefined;
  readonly replyBytesMax?: number | undefined;
  readonly health?: HealthPlan | undefined;
  /** Outlier ejection and breaker, on by default where there are several targets. */
  readonly outliers: boolean;
  readonly breaker: boolean;
  /** Token needed: none, one of the cluster's or a JWT; with these scopes. */
  readonly auth: "none" | "token" | "jwt" | "mtls";
  readonly scopes: readonly string[];
  /** Files of rules, relative to the gateway file. */
  readonly lua?: string | undefined;
  readonly plugin?: string | undefined;
  /** Of a rule. */
  readonly ruleTimeoutMs: number;
  readonly convert: ConvertPlan;
  /** Undefined: the upstream's own matter. */
  readonly cors?: CorsPlan | undefined;
  /** Answers at once with this status and text. */
  readonly reply?: { readonly status: number; readonly text: string } | undefined;
  readonly redirect?: { readonly status: number; readonly location: string } | undefined;
  readonly compress: boolean;
  readonly version?: "1.1" | "2" | undefined;
  readonly upstreamCa?: string | undefined;
  readonly upstreamCertificate?: string | undefined;
  readonly upstreamKey?: string | undefined;
  readonly upstreamServerName?: string | undefined;
  readonly upstreamUnverified: boolean;
}

export interface ConvertPlan {
  /**
   * `auto`: by the target's scheme and the request: JSON to a `grpc` target is transcoded, gRPC goes through, gRPC-web is unwrapped,
   * a WebSocket to `http` is passed on, … `off`: nothing is converted. `grpc-json`: gRPC clients before an HTTP/JSON upstream.
   * `websocket-http`: each message on a WebSocket is a request, which enters the gateway by itself.
   */
  readonly mode: "auto" | "off" | "grpc-json" | "websocket-http";
  /** `.proto` files or a descriptor set; none: the upstream's reflection is asked. */
  readonly proto: readonly string[];
  readonly importPaths: readonly string[];
  /** Where an HTTP path does not name a method by an annotation. */
  readonly grpcService?: string | undefined;
  readonly unknownFields: "error" | "count";
  /** Of server streams for HTTP clients that accept both. */
  readonly stream: "ndjson" | "sse";
  readonly messageBytesMax: number;
}

export interface HealthPlan {
  /** Of `grpc` targets `grpc` or `grpc:SERVICE`; any path says the same as `grpc` there. */
  readonly path: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly healthyAfter: number;
  readonly unhealthyAfter: number;
}

export type HeaderEdit =
  | { readonly kind: "set" | "add"; readonly name: string; readonly value: string }
  | { readonly kind: "remove"; readonly name: string };

/** `limit|key|limit|window|action|options` */
export interface LimitPlan {
  readonly id: string;
  readonly line: number;
  readonly key:
    | { readonly kind: "client_ip" }
    | { readonly kind: "header"; readonly name: string }
    | { readonly kind: "claim"; readonly name: string }
    | { readonly kind: "route" }
    | { readonly kind: "global" };
  /** Requests in each window; of `concurrency` how many at once. */
  readonly limit: number;
  readonly windowMs: number;
  readonly algorithm: "token_bucket" | "concurrency";
  /** Tokens that can be saved up; default: `limit`. */
  readonly burst: number;
  readonly action: "DROP" | "REJECT" | "DELAY";
  readonly delayMsMax: number;
  /** Ids of routes, or all. */
  readonly routes: readonly string[];
  /** Counted together with the other gateways of the cluster. */
  readonly isShared: boolean;
  /** What a request without the key (no such header or claim) gets. */
  readonly missing: "allow" | "deny" | "client_ip";
  readonly ipv6Prefix: number;
  readonly keysMax: number;
}

/** `waf|rules|mode|options` */
export interface WafPlan {
  readonly id: string;
  readonly line: number;
  /** Directory or file of rules. */
  readonly rules: string;
  readonly mode: "block" | "detect" | "off";
  readonly routes: readonly string[];
  readonly paranoia: number;
  readonly inboundThreshold: number;
  readonly outboundThreshold: number;
  /** A body beyond it is refused (413), not let through unseen. */
  readonly bodyBytesMax: number;
  readonly replyBytesMax: number;
  readonly looksAtReplies: boolean;
  /** Rule ids, tags, or `id:ARGS:name`. */
  readonly exclude: readonly string[];
  readonly auditLog?: string | undefined;
}

/** `mask|where|what|action|options` */
export interface MaskPlan {
  readonly id: string;
  readonly line: number;
  readonly where: readonly ("request" | "reply" | "log")[];
  /** A JSON path (`$.card.number`, `$..email`), a known pattern, or a regular expression. */
  readonly what:
    | { readonly kind: "path"; readonly text: string }
    | { readonly kind: "pattern"; readonly name: "card" | "email" | "token" | "iban" }
    | { readonly kind: "regex"; readonly text: string };
  readonly action: "mask" | "remove" | "hash" | "encrypt";
  readonly keepLast: number;
  /** 32 bytes, for `hash` and `encrypt`. */
  readonly keyFile?: string | undefined;
  readonly routes: readonly string[];
}
