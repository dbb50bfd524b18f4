/** What a cache is asked, what it tells, and what it needs of others. */
import type { Clock } from "../../base/clock.ts";
import type { Histogram } from "../../base/histogram.ts";
import type { Random } from "../../base/random.ts";
import type { SharedStore } from "./shared/types.ts";

export interface CacheQuery {
  /** From the load on; up to a tenth less, so that values stored together do not end together. */
  readonly ttlMs: number;
  /** What invalidates it, beside its key. The same key has to come with the same tags: else it is not found. */
  readonly tags?: readonly string[] | undefined;
  /** How long a failure `…not_found` is believed; not at all when left out. */
  readonly negativeTtlMs?: number | undefined;
  /** Ends the wait of this caller; the load goes on for others. */
  readonly signal?: AbortSignal | undefined;
}

/** Belongs to nobody in particular: it serves whoever asks meanwhile, and must not end with one caller. It has to end by itself. */
export type Load = () => Promise<Uint8Array>;

export interface Invalidated {
  readonly tags?: readonly string[] | undefined;
  readonly keys?: readonly string[] | undefined;
}

/** One invalidation as nodes tell it each other. */
export interface Invalidation {
  /** Unique in the cluster: applied to Redis by whoever comes first, once. */
  readonly id: string;
  readonly tags: readonly string[];
  readonly keys: readonly string[];
}

/** What services use. */
export interface CachePort {
  /** The bytes are shared with others: they are not to be changed. */
  get(key: string, load: Load, query: CacheQuery): Promise<Uint8Array>;
  /** Here at once. Resolves when Redis knows as well, or within its deadline; never rejects for a Redis or node that is away. */
  invalidate(what: Invalidated): Promise<void>;
}

export interface CacheOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Unique in the whole cluster, for ever: 96 random bits or more. */
  readonly newId: () => string;
  /** Of memory; a default each. */
  readonly entriesMax?: number | undefined;
  readonly bytesMax?: number | undefined;
  /** Redis, where there is one. */
  readonly shared?: SharedStore | undefined;
  /** Brings an invalidation of this node to all others. Must not throw. */
  readonly tell?: ((invalidation: Invalidation) => void) | undefined;
  /** Hears when Redis is away, and when it is back; once each. */
  readonly report?: ((text: string) => void) | undefined;
}

export interface CacheCounts {
  readonly entries: number;
  readonly bytes: number;
  /** Answered from memory, and of these with a failure that was kept. */
  readonly hits: number;
  readonly negativeHits: number;
  /** Answered from Redis. */
  readonly sharedHits: number;
  /** Not in memory, nor in Redis. */
  readonly misses: number;
  /** Came while somebody else was at it, and got the same answer. */
  readonly joined: number;
  readonly loads: number;
  readonly loadFailures: number;
  /** Loaded ahead of their end, before anybody had to wait. */
  readonly refreshes: number;
  /** Given to who asked and not kept: invalidated meanwhile. */
  readonly outdated: number;
  /** Pushed out by others. */
  readonly evicted: number;
  /** Invalidations made here, and heard of others. */
  readonly invalidations: number;
  readonly heard: number;
  readonly shared: SharedCounts | undefined;
}

export interface SharedCounts {
  readonly state: "open" | "away";
  /** Operations that were asked, that failed, and of these those without an answer in time. */
  readonly operations: number;
  readonly failures: number;
  readonly timeouts: number;
  /** Went without it, because it was away or too busy. */
  readonly bypassed: number;
  readonly connections: number;
  /** Invalidations that it does not know yet. */
  readonly journal: number;
  /** How often everything in there was forgotten by this node. */
  readonly forgotten: number;
}

export interface CacheLatency {
  readonly load: Histogram;
  /** Of operations in Redis that were answered. */
  readonly shared: Histogram;
}
