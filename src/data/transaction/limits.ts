/** Bounds of distributed transactions, with their reasons. */

/** Undecided or unfinished at one coordinator, and prepared at one participant: each keeps keys from everybody else. */
export const DISTRIBUTED_MAX = 10_000;
/** How long it is remembered how one ended. Nobody may run one again under its id so long after: clients give up after five minutes. */
export const REMEMBERED_MS = 10 * 60_000;
/** Of those remembered: 1,600 a second for ten minutes. When all are younger than that, new ones are refused, never the memory cut. */
export const REMEMBERED_MAX = 1_000_000;
/** Decided so long ago and not finished everywhere: whoever drove it is gone. Longer than the second phase takes. */
export const DRIVE_AFTER_MS = 2_000;
/** Commands that one look for work leads to, of each side: they are under way at the same time, and the rest comes with the next look. */
export const DUE_AT_ONCE_MAX = 128;
/** Of those, to one group: four groups that are down take a look, and the next one is the others'. */
export const DUE_PER_GROUP_MAX = 32;
