/** Bounds and defaults of queues, with their reasons. */

/** Queues of one group: for one per job kind and tenant of a large site. */
export const QUEUES_MAX = 10_000;
/** Messages of one queue unless it is configured otherwise: some 200 MB with small ones. */
export const QUEUE_MESSAGES_MAX = 1_000_000;
/** What it may be configured to: with no value at all, so many messages take all the memory that a group has. */
export const QUEUE_MESSAGES_CEILING = 10_000_000;
/** Deliveries before a message is a dead letter: more than consumers that were restarted, less than for ever. */
export const DELIVERIES_MAX = 16;
/** How long a dedupe key counts: longer than a producer tries again. */
export const DEDUPE_MS = 5 * 60_000;
/** Keys of one queue that are remembered: 3,000 a second for five minutes. */
export const DEDUPE_KEYS_MAX = 1_000_000;
/** Keys of an idle queue are forgotten so much later than they may be: one tick of the group for many of them. */
export const DEDUPE_SLACK_MS = 60_000;
/** Values of one dequeue or peek, unless it is a single message: the answer goes over a link as one. */
export const DEQUEUE_BYTES_MAX = 2 * 1024 * 1024;
/** What a queue of dead letters is called behind the name of the queue that it is for. */
export const DEAD_SUFFIX = ".dead";
