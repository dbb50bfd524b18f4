/** How much of maps: each bound with its reason. */

/** Maps are made by writing to them; each costs a table and a place in every snapshot. */
export const MAPS_MAX = 100_000;
/** Keys that one command deletes: all nodes stand still meanwhile, for some 50 ms. */
export const DELETE_RANGE_MAX = 50_000;
/** Changes that are remembered for watches and reads of the past: some seconds of a busy group, days of a quiet one. */
export const HISTORY_EVENTS_MAX = 100_000;
/** What they keep alive besides the current entries. */
export const HISTORY_BYTES_MAX = 64 * 1024 * 1024;
/** Entries of one page of a range; `next` goes on. */
export const PAGE_ENTRIES_MAX = 10_000;
/** Of one page: a reply must fit into a message. */
export const PAGE_BYTES_MAX = 4 * 1024 * 1024;
/** Events that wait for a watcher: those of the largest command and some more; beyond it is too slow, and has to begin again. */
export const WATCH_EVENTS_MAX = DELETE_RANGE_MAX + 10_000;
/** Their values, which it may be the last to hold. */
export const WATCH_BYTES_MAX = 64 * 1024 * 1024;
/** Of one group on one node; each costs every change of its map a comparison. */
export const WATCHES_MAX = 10_000;
