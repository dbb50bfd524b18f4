/** How much of everything between a node and a service host: each limit with its reason. */

/** A message with its head. What the HTTP API answers is bounded by the same 16 MiB, and the head stays far below the rest. */
export const MESSAGE_BYTES_MAX = 16 * 2 ** 20 + 64 * 2 ** 10;
/** Waiting for a process to read: a process that has not read for so long is stuck, and calls are better refused. */
export const OUTBOX_BYTES_MAX = 64 * 2 ** 20;
/** Calls are refused long before: only answers get so far, of a process that asks on and does not read them. */
export const UNREAD_BYTES_MAX = 2 * OUTBOX_BYTES_MAX;
/** Handed to the kernel before the turn's end: it works on them while more is written. */
export const FLUSH_BYTES = 256 * 2 ** 10;
/** The same for small ones. Else all callers go round as one group, and one process works while the others wait. */
export const FLUSH_MESSAGES = 16;
/** Calls of one process that are not answered, in one direction: a hundred times what one process does at once. */
export const CALLS_MAX = 8_192;
/** Params of calls that a process has under way: beyond it, it floods its node. */
export const ASKED_BYTES_MAX = 64 * 2 ** 20;
/** Streams under way in one process, in one direction: with the window below, 64 MiB wait for readers at most. */
export const STREAMS_MAX = 512;
/** Bytes of a stream that its reader has not taken yet: far more than one turn of the loop brings. */
export const STREAM_WINDOW_BYTES = 128 * 2 ** 10;
/** What an item costs beside its bytes: small ones are bounded too. */
export const ITEM_COST_BYTES = 64;
/** Beyond it a handler has had its chance to tell of the deadline itself, and the node does. */
export const ANSWER_GRACE_MS = 20;
/** No call is waited for longer: what lasts is a stream, or begun by one call and watched by others. */
export const TIMEOUT_MS_MAX = 3_600_000;
/** What calls from `init`, and those without a deadline of their own, get. */
export const TIMEOUT_MS_DEFAULT = 30_000;
/** Deeper JSON is an attack on whoever walks it. */
export const DEPTH_MAX = 100;
/** What a service says of itself, schemas included: listings of all services of a cluster have to stay small. */
export const DESCRIPTION_BYTES_MAX = 512 * 2 ** 10;
export const METHODS_MAX = 256;
export const TAGS_MAX = 32;
/** Processes of one service on one node: more than cores help nobody, and hundreds would take the machine. */
export const INSTANCES_MAX = 64;
/** Faults of one input that are told: beyond it nobody reads on. */
export const FAULTS_MAX = 50;
/** A dying process closes its channel a moment before its end is seen; only one that lives on is killed for it. */
export const CLOSE_GRACE_MS = 1_000;
/** Invalidated tags and keys in one go: what caches take at once. */
export const INVALIDATED_MAX = 1_000;
/** What caches keep longest: a week. */
export const CACHED_MS_MAX = 7 * 24 * 3_600_000;
/** Of one method: more are an API of their own. */
export const ENDPOINTS_MAX = 16;
