/** Bounds of distributed transactions, with their reasons. */

/** Undecided or unfinished at one coordinator, and prepared at one participant: each keeps keys from everybody else. */
export const DISTRIBUTED_MAX = 10_000;
/** How long it is remembered how one ended: longer than any message about it is under way (calls end within a minute). */
export const REMEMBERED_MS = 10 * 60_000;
/** Of those remembered: 1,600 a second for ten minutes. When all are younger than that, new ones are refused, never the memory cut. */
export const REMEMBERED_MAX = 1_000_000;
/** Decided so long ago and not finished everywhere: whoever drove it is gone. Longer than the second phase takes. */
export const DRIVE_AFTER_MS = 2_000;
/** What one look for work gives: the rest comes with the next one. */
export const DUE_AT_ONCE_MAX = 100;
/** Transactions that a recovery drives at the same time. */
export const RECOVERED_AT_ONCE = 16;
