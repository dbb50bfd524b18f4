/** Sizes and bounds of the log, each with its reason. */

/** A segment file: rolled over every 60,000 entries of 256 bytes; making the next one takes some 20 ms, aside. */
export const SEGMENT_BYTES = 16 * 2 ** 20;
/** Header and at least some records. */
export const SEGMENT_BYTES_MIN = 8192;
/** One `persist`. The machine bounds its batches far below; a record's length has to fit in 32 bits with room to spare. */
export const BATCH_BYTES_MAX = 2 ** 30;
/** Write buffers up to this size are used again; larger ones go back, so that one giant batch does not stay in memory. */
export const BUFFER_KEPT_BYTES_MAX = 4 * 2 ** 20;
/** Of a node's id and of a group's: has to fit in a slot and in a header. */
export const NAME_BYTES_MAX = 255;

/** What a disk writes whole or not at all. */
export const SECTOR_BYTES = 512;
/** What the page cache holds whole: nothing that must fail alone shares a page with its twin. */
export const PAGE_BYTES = 4096;

/** Data bytes under one checksum in a snapshot: small enough to read alone, large enough that eight bytes do not matter. */
export const SNAPSHOT_BLOCK_BYTES = 64 * 2 ** 10;
/** Where a snapshot's blocks begin; in front of them is its description, whose configuration names every member. */
export const SNAPSHOT_HEADER_BYTES = 64 * 2 ** 10;
/** An older snapshot that nobody has read for so long is not being sent any more. */
export const SNAPSHOT_UNREAD_MS = 60_000;
/** Older snapshots kept for who is still reading them: more than this and slow readers have to begin again. */
export const SNAPSHOTS_OLDER_MAX = 2;

/** Read, written or filled at once where nobody waits: some 0.3 ms of the event loop. */
export const SLICE_BYTES = 2 ** 20;

/** Syncs that take this long on average go to a thread: it costs 0.08 ms each, and the event loop goes on meanwhile. */
export const SYNC_SLOW_MS = 2;
/** And come back when they are this quick again: lower, so that it does not swing. */
export const SYNC_QUICK_MS = 1;
/** Share of the newest sync in that average: some eight syncs decide, one that was slow does not. */
export const SYNC_AVERAGE_SHARE = 1 / 8;
/** The relaxed mode's promise: after a power cut, no more than this much is lost. */
export const RELAXED_SYNC_MS = 200;
/** A segment that could not be made ahead of time (a full disk) is tried again after this, or when it is needed. */
export const PREPARE_RETRY_MS = 1000;
/** Findings reported by one look at the disk; what is beyond is counted. A file of noise would give thousands. */
export const FINDINGS_MAX = 100;
