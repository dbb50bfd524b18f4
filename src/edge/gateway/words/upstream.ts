/**
 * How the gateway asks an upstream: one request, its reply as it comes. What it is spoken to in (HTTP/1.1, HTTP/2, TLS) is the upstream's matter.
 */
import type { Failure } from "../../../base/errors.ts";
import type { BodySource, RawStream, ReplyHead, RequestHead } from "../../../wire/http/index.ts";

/** Where to: a URL's scheme and place. `grpc` is HTTP/2 without TLS, `grpcs` with; `http` is HTTP/1.1 unless `version` says 2. */
export interface Origin {
  readonly scheme: "http" | "https" | "ws" | "wss" | "grpc" | "grpcs";
  readonly host: string;
  readonly port: number;
}

/** Where a URL names none. */
export const ORIGIN_PORTS: Readonly<Record<Origin["scheme"], number>> = {
  http: 80,
  https: 443,
  ws: 80,
  wss: 443,
  grpc: 80,
  grpcs: 443,
};

export interface UpstreamRequest {
  readonly origin: Origin;
  /** What is sent; its `version` is of no matter. */
  readonly head: RequestHead;
  readonly body?: BodySource | undefined;
  readonly timeouts: UpstreamTimeouts;
  /** The origin was made out of what a client sent: addresses inside (loopback, private, link-local, …) are refused, after resolution. */
  readonly isDynamic?: boolean | undefined;
  readonly tls?: UpstreamTls | undefined;
  readonly version?: "1.1" | "2" | undefined;
  /** Tries of the same request before this one. */
  readonly resends?: number | undefined;
}

/** In milliseconds; undefined: no limit of this kind. */
export interface UpstreamTimeouts {
  readonly connectMs: number;
  /** From the last byte of the request to the reply's head. */
  readonly headMs?: number | undefined;
  /** Between two pieces of the reply. */
  readonly idleMs?: number | undefined;
  /** Of the whole call. */
  readonly totalMs?: number | undefined;
}

export interface UpstreamTls {
  /** PEM. */
  readonly ca?: string | undefined;
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
  readonly serverName?: string | undefined;
  /** Never by default. */
  readonly isUnverified?: boolean | undefined;
}

/**
 * What comes back, in this order: any number of `onInform`; then exactly one of `onReply`, `onUpgrade` and `onFailure`. What breaks
 * after `onReply` aborts the sink of its body.
 */
export interface UpstreamEvents {
  onInform?(head: ReplyHead): void;
  onReply(head: ReplyHead, body: BodySource): void;
  /** It agreed to `head.protocol`. */
  onUpgrade?(head: ReplyHead, stream: RawStream): void;
  /** `isUnsent`: the upstream cannot have begun with it; another may be asked without any danger. */
  onFailure(failure: Failure, isUnsent: boolean): void;
  /** After `onReply` or `onUpgrade`: nothing more comes; without a cause all has come. Not after `cancel` of the call. */
  onOver?(cause: Failure | undefined): void;
}

export interface UpstreamCall {
  /** The upstream gets to see it: its connection is closed (HTTP/1.1) or its stream reset (HTTP/2). No event follows. */
  cancel(cause: Failure): void;
}

/** Codes of failures: `gateway.connect_failed`, `gateway.address_denied`, `gateway.upstream_timeout`, `gateway.upstream_closed`, `gateway.upstream_protocol`, `gateway.upstream_busy`. */
export interface Upstreams {
  ask(request: UpstreamRequest, events: UpstreamEvents): UpstreamCall;
}
