/** The cache: how often it has answered, what it holds, and how Redis behind it is. */
import type { Histogram } from "../../base/histogram.ts";
import { type Collect, counter, gauge, histogram, type MetricsOut } from "../../base/metrics.ts";
import type { CacheCounts, SharedCounts } from "../../data/cache/index.ts";

const HITS = counter(
  "distributed_system_cache_hits_total",
  "Answered without asking for it anew, by where it was: memory, redis, joined (somebody was at it).",
);
const NEGATIVE = counter(
  "distributed_system_cache_negative_hits_total",
  "Of the hits: answered with a failure that was kept.",
);
const MISSES = counter("distributed_system_cache_misses_total", "Found nowhere.");
const LOADS = counter("distributed_system_cache_loads_total", "Values that were asked for anew, by outcome.");
const REFRESHES = counter(
  "distributed_system_cache_refreshes_total",
  "Loaded ahead of their end, before anybody had to wait.",
);
const EVICTIONS = counter("distributed_system_cache_evictions_total", "Entries that were pushed out by others.");
const OUTDATED = counter(
  "distributed_system_cache_outdated_total",
  "Values that were not kept, because they were invalidated while they were loaded.",
);
const INVALIDATIONS = counter(
  "distributed_system_cache_invalidations_total",
  "Invalidations, by where they came from.",
);
const ENTRIES = gauge("distributed_system_cache_entries", "Entries in memory.");
const BYTES = gauge("distributed_system_cache_bytes", "Size of the entries in memory.");
const LOAD_TOOK = histogram(
  "distributed_system_cache_load_duration_seconds",
  "How long it took to ask for values anew.",
);
const REDIS_UP = gauge("distributed_system_cache_redis_up", "1 while Redis answers.");
const OPERATIONS = counter("distributed_system_cache_redis_operations_total", "Operations that Redis was asked for.");
const FAILURES = counter(
  "distributed_system_cache_redis_failures_total",
  "Operations in Redis that failed, by reason.",
);
const BYPASSED = counter(
  "distributed_system_cache_redis_bypassed_total",
  "Looks that went without Redis, because it was away or too busy.",
);
const CONNECTIONS = counter(
  "distributed_system_cache_redis_connections_total",
  "Connections to Redis that were opened.",
);
const JOURNAL = gauge("distributed_system_cache_redis_journal_entries", "Invalidations that Redis does not know yet.");
const REDIS_TOOK = histogram("distributed_system_cache_redis_duration_seconds", "How long Redis took to answer.");

export interface CacheMetricsPort {
  readonly counts: () => CacheCounts;
  readonly latency?: { readonly load: Histogram; readonly shared: Histogram } | undefined;
}

export function cacheMetrics({ counts, latency }: CacheMetricsPort): Collect {
  return (out) => {
    const { shared, ...own } = counts();
    out.set(HITS, own.hits, { from: "memory" });
    out.set(NEGATIVE, own.negativeHits);
    out.set(HITS, own.sharedHits, { from: "redis" });
    out.set(HITS, own.joined, { from: "joined" });
    out.set(MISSES, own.misses);
    out.set(LOADS, own.loads - own.loadFailures, { outcome: "loaded" });
    out.set(LOADS, own.loadFailures, { outcome: "failed" });
    out.set(REFRESHES, own.refreshes);
    out.set(EVICTIONS, own.evicted);
    out.set(OUTDATED, own.outdated);
    out.set(INVALIDATIONS, own.invalidations, { from: "here" });
    out.set(INVALIDATIONS, own.heard, { from: "others" });
    out.set(ENTRIES, own.entries);
    out.set(BYTES, own.bytes);
    if (latency) out.durations(LOAD_TOOK, latency.load);
    if (shared) tellRedis(out, shared, latency?.shared);
  };
}

function tellRedis(out: MetricsOut, shared: SharedCounts, took: Histogram | undefined): void {
  out.set(REDIS_UP, shared.state === "open" ? 1 : 0);
  out.set(OPERATIONS, shared.operations);
  out.set(FAILURES, shared.failures - shared.timeouts, { reason: "error" });
  out.set(FAILURES, shared.timeouts, { reason: "timeout" });
  out.set(BYPASSED, shared.bypassed);
  out.set(CONNECTIONS, shared.connections);
  out.set(JOURNAL, shared.journal);
  if (took) out.durations(REDIS_TOOK, took);
}
