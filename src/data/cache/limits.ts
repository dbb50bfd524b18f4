/** How much a cache holds and how long it waits: each with the reason for its value. */

/** In memory, unless told otherwise: the answers that are asked for again and again are far fewer. */
export const ENTRIES_MAX_DEFAULT = 10_000;
export const BYTES_MAX_DEFAULT = 64 * 1024 * 1024;
/** One value may not push all others out; a bigger one is given to who asked and not kept. */
export const VALUE_BYTES_MAX = 1024 * 1024;
/** What an entry takes beside its value and key: the maps that find it by tag. A guess on the high side. */
export const ENTRY_OVERHEAD_BYTES = 256;

/** A key is made of a method's params, so it may be long; longer ones are documents, not keys. */
export const KEY_CHARS_MAX = 16_384;
export const TAG_CHARS_MAX = 512;
/** Each tag is one more thing to look at with every look into Redis. */
export const TAGS_MAX = 64;
/** Names in one invalidation: a message and a script of bounded size. */
export const INVALIDATED_MAX = 1_000;
/** A week: what lasts longer is no cache. */
export const TTL_MS_MAX = 7 * 24 * 3_600_000;
/** Values stored together do not end together: each lives up to this share shorter than it may. */
export const TTL_JITTER = 0.1;

/** Nobody joins a load that has been under way for longer: whoever comes later tries for himself. */
export const FLIGHT_MS_MAX = 30_000;

/** What a caller loses to a Redis that hangs: above what one on the same network takes, below what a person notices. */
export const OPERATION_MS = 50;
/** Of opening a connection, which no caller waits for. */
export const CONNECT_MS = 1_000;
/** Operations under way in Redis; what comes on top goes without it, so that a slow Redis cannot fill memory. */
export const OPERATIONS_MAX = 1_024;
/** Bytes on their way to Redis; what comes on top is not stored there. */
export const STORING_BYTES_MAX = 16 * 1024 * 1024;
/** In a row: one late answer is chance. */
export const FAILURES_MAX = 3;
/** How long a Redis that failed is left alone: the time that it takes to start again. */
export const AWAY_MS = 500;
/** Invalidations kept for a Redis that is away; more than that, and everything in there is forgotten. */
export const JOURNAL_MAX = 10_000;
/** Journal entries on their way at once. */
export const FLUSH_AT_ONCE = 64;

/** Outlives every value that is stamped with it, so that hot tags do not expire under their values. */
export const VERSION_TTL_MS = TTL_MS_MAX + 24 * 3_600_000;
/** How long Redis knows that an invalidation was applied; the node that hears of it later applies it again, which costs a load. */
export const APPLIED_TTL_MS = 600_000;
/** Longer names are hashed: Redis compares them whole. */
export const REMOTE_NAME_CHARS_MAX = 200;

/** Own invalidations that a node can still tell others about, who have missed some. */
export const NEWS_KEPT_MAX = 4_096;
