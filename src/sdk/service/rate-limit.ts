/**
 * A token bucket for each caller or one for all: `limit` calls at once, and as many again in each `window`, a bit at a time. It
 * counts in one process; what several processes let through adds up. The table of callers is bounded: when it is full, who
 * has asked least recently begins anew.
 */
import { type Clock, systemClock } from "../../base/clock.ts";
import { assert, Failure } from "../../base/errors.ts";
import { durationMs } from "./duration.ts";
import type { Middleware, MiddlewareCall } from "./middleware.ts";
import type { Duration } from "./types.ts";

export interface RateLimitOptions {
  readonly limit: number;
  readonly window: Duration;
  /** Each caller has its own bucket, unless all share one. */
  readonly per?: "caller" | "all";
  readonly clock?: Clock;
}

/** Some megabytes; more callers than this in one process and window are an attack or need a limit for all. */
const CALLERS_MAX = 10_000;

interface Bucket {
  tokens: number;
  atMs: number;
}

/** The failure is `service.rate_limited`: retryable, after `data.retryAfterMs`. */
export function rateLimit({ limit, window, per = "caller", clock = systemClock }: RateLimitOptions): Middleware {
  assert(Number.isSafeInteger(limit) && limit > 0, `rateLimit(): limit ${limit} is no whole number above 0`);
  const windowMs = durationMs(window);
  assert(windowMs !== undefined && windowMs > 0, `rateLimit(): window ${window} is no duration above 0`);
  const buckets = new Map<string, Bucket>();
  return (call, next) => {
    const key = per === "all" ? "" : keyOf(call);
    const waitMs = take(bucketOf(buckets, key, limit, clock.monotonic()), limit, windowMs, clock.monotonic());
    if (waitMs === 0) return next();
    throw new Failure("service.rate_limited", `${call.service}.${call.method} takes ${limit} calls in ${windowMs} ms`, {
      retryable: true,
      data: { retryAfterMs: waitMs },
    });
  };
}

/** Tokens that somebody has made for himself are called `name/more`: they share his bucket. */
function keyOf({ context: { caller } }: MiddlewareCall): string {
  const [root] = caller.name.split("/", 1);
  return `${caller.kind}:${root}`;
}

/** The one asked last stands last. */
function bucketOf(buckets: Map<string, Bucket>, key: string, limit: number, nowMs: number): Bucket {
  const bucket = buckets.get(key) ?? { tokens: limit, atMs: nowMs };
  buckets.delete(key);
  if (buckets.size >= CALLERS_MAX) buckets.delete(buckets.keys().next().value as string); // it is not empty
  buckets.set(key, bucket);
  return bucket;
}

/** Takes one and gives 0, or how long to wait for one. */
function take(bucket: Bucket, limit: number, windowMs: number, nowMs: number): number {
  bucket.tokens = Math.min(limit, bucket.tokens + ((nowMs - bucket.atMs) / windowMs) * limit);
  bucket.atMs = nowMs;
  if (bucket.tokens < 1) return Math.ceil(((1 - bucket.tokens) / limit) * windowMs);
  bucket.tokens -= 1;
  return 0;
}
