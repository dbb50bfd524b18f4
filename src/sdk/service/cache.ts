/** Declares that nodes keep a method's answers. The keeping is theirs: in the process nothing is cached. */
import type { Middleware } from "./middleware.ts";
import type { Duration } from "./types.ts";

export interface CacheOptions {
  readonly ttl: Duration;
  /** Top-level params that tell answers apart; all of them when left out. */
  readonly key?: readonly string[];
  /** What invalidates them: texts in which `{name}` stands for a param. */
  readonly tags?: readonly string[];
  /** How long a `…not_found` failure is believed; not at all when left out. */
  readonly negativeTtl?: Duration;
  /** Each caller has answers of its own. */
  readonly perCaller?: boolean;
}

/** Middleware that says something of the methods that it stands around. */
export type CacheMiddleware = Middleware & { readonly cache: CacheOptions };

export function cache(options: CacheOptions): CacheMiddleware {
  const pass: Middleware = (_call, next) => next();
  return Object.assign(pass, { cache: options });
}

export function isCache(middleware: unknown): middleware is CacheMiddleware {
  return typeof middleware === "function" && "cache" in middleware;
}
