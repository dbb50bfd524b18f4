/** The HTTP API: what it has answered, how long that took, and who was refused. */
import type { Histogram } from "../../base/histogram.ts";
import { type Collect, counter, gauge, histogram } from "../../base/metrics.ts";

const TOOK = histogram(
  "distributed_system_http_request_duration_seconds",
  "From a request's first byte to its answer, by route, verb and class of status.",
);
const OPEN = gauge("distributed_system_http_requests_in_flight", "Requests that have no answer yet.");
const RECEIVED = counter("distributed_system_http_received_bytes_total", "Bytes of bodies that were received.");
const SENT = counter("distributed_system_http_sent_bytes_total", "Bytes of bodies that were sent, streams left out.");
const UNAUTHENTICATED = counter("distributed_system_http_unauthenticated_total", "Requests without a good token.");
const LOCKED_OUT = counter(
  "distributed_system_http_locked_out_total",
  "Requests that came too often, or from an address that is locked out.",
);
const ISSUED = counter("distributed_system_tokens_issued_total", "API tokens that this node has issued.");
const VERIFIED = counter(
  "distributed_system_tokens_verified_total",
  "API tokens that were good, by how that was found out.",
);
const REFUSED = counter("distributed_system_tokens_refused_total", "API tokens that were refused, by code.");
const REVOKED = gauge("distributed_system_tokens_revoked", "API tokens that are revoked and not expired.");
const LOCKS = counter("distributed_system_token_lockouts_total", "How often an address was locked out.");

export interface RouteSample {
  readonly route: string;
  readonly verb: string;
  readonly status: string;
  readonly latency: Histogram;
}

export interface HttpSample {
  readonly routes: readonly RouteSample[];
  readonly open: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly authFailures: number;
  readonly lockedOut: number;
}

/** Nineteen series each: routes that nobody asks have none, and of very many the busiest are told. */
export const ROUTES_MAX = 80;

export function httpMetrics(counts: () => HttpSample): Collect {
  return (out) => {
    const { authFailures, lockedOut, open, receivedBytes, routes, sentBytes } = counts();
    out.set(OPEN, open);
    out.set(RECEIVED, receivedBytes);
    out.set(SENT, sentBytes);
    out.set(UNAUTHENTICATED, authFailures);
    out.set(LOCKED_OUT, lockedOut);
    const busiest = routes.toSorted((left, right) => right.latency.total - left.latency.total).slice(0, ROUTES_MAX);
    for (const { latency, route, status, verb } of busiest) out.durations(TOOK, latency, { route, verb, status });
  };
}

export interface TokenSample {
  readonly issued: number;
  readonly verified: number;
  /** Good, without looking at the signature again. */
  readonly remembered: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly revoked: number;
}

export interface TokensPort {
  readonly counts: () => TokenSample;
  readonly lockouts?: (() => { readonly locks: number }) | undefined;
}

export function tokenMetrics({ counts, lockouts }: TokensPort): Collect {
  return (out) => {
    const { issued, refused, remembered, revoked, verified } = counts();
    out.set(ISSUED, issued);
    out.set(VERIFIED, verified, { how: "signature" });
    out.set(VERIFIED, remembered, { how: "remembered" });
    out.set(REVOKED, revoked);
    for (const [code, count] of Object.entries(refused)) out.set(REFUSED, count, { code });
    out.set(LOCKS, lockouts?.().locks);
  };
}
