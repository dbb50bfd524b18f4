/** Holders and waiters of all locks together: some 50 MB of every node's memory. */
export const LOCK_CLAIMS_MAX = 200_000;
/** In the line of one lock: each answer to a waiter counts who is before it. */
export const LOCK_WAITERS_MAX = 1_000;
