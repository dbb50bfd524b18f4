/** How much of everything in the replicated data: each bound with its reason. Whoever breaks one is refused, with the value and the bound. */

/** Names of maps, locks, queues, counters, holders, consumers, groups: written by people and programs into paths and tables. */
export const NAME_CHARS_MAX = 200;
/** Names that begin so are the program's own: people cannot use them, and no history is kept of such maps. */
export const PRIVATE_PREFIX = "$";
/** As a path or an id of somewhere else; long ones cost every node memory for each key. */
export const KEY_CHARS_MAX = 1_024;
/** One value: it is held in memory by every node and goes through every disk. Larger things are files. */
export const VALUE_BYTES_MAX = 1024 * 1024;
/** Operations and comparisons of a transaction: all nodes stand still while it is applied. */
export const TRANSACTION_OPERATIONS_MAX = 1_024;
/** Groups of one distributed transaction: each one is two more writes to wait for. */
export const PARTICIPANTS_MAX = 32;
/** Of one command, with all its values: it is one entry of the log. */
export const COMMAND_BYTES_MAX = 4 * 1024 * 1024;
/** Messages of one enqueue or dequeue, receipts of one acknowledgement. */
export const MESSAGES_AT_ONCE_MAX = 1_000;
/** A shorter one would be over before the reply is there. */
export const TTL_MS_MIN = 100;
/** Thirty days. */
export const TTL_MS_MAX = 30 * 24 * 60 * 60 * 1_000;
/** Everything in one group, held in memory by every node; snapshots are as large. */
export const DATA_BYTES_MAX = 1024 * 1024 * 1024;
/**
 * A session lives at least so long after it was heard, on the group's clock: nobody may send a command again that long after it was sent
 * first, because a session that has ended does not know it any more. A minute more than clients try.
 */
export const SESSION_SILENCE_MS_MIN = 6 * 60_000;
/** Sequences beyond what was received: commands that a client has under way at once, with those it has not told of yet. */
export const SESSION_WINDOW = 1_024;
