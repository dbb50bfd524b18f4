/** Locks with fencing tokens, leases and a line of waiters. */
export { LOCK_CLAIMS_MAX, LOCK_WAITERS_MAX } from "./limits.ts";
export { type LockOptions, Locks } from "./locks.ts";
