/** The cache: memory, Redis behind it where there is one, and what nodes tell each other of invalidations. */
export { Cache } from "./cache.ts";
export { isNegative } from "./entry.ts";
export { Heard, type Missed, type NewsPosition, OwnNews } from "./news.ts";
export { openRedis } from "./shared/redis-store.ts";
export { parseRedisUrl, type RedisPlace } from "./shared/redis-url.ts";
export type { Looked, SharedSession, SharedStore } from "./shared/types.ts";
export type {
  CacheCounts,
  CacheLatency,
  CacheOptions,
  CachePort,
  CacheQuery,
  Invalidated,
  Invalidation,
  Load,
  SharedCounts,
} from "./types.ts";
