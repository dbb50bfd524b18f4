/** Numbers of the contract `services`. */

export const PAGE_DEFAULT = 100;
/** A description has some hundred bytes of names in a list; more than that is read by nobody at once. */
export const PAGE_MAX = 1_000;
/** As long as any call of this program may take. */
export const PARAMS_TIMEOUT_MS_MAX = 3_600_000;
/** Of a call that says nothing. */
export const CALL_TIMEOUT_MS = 30_000;
/** Nodes that are asked at the same time by one broadcast. */
export const BROADCAST_PARALLEL = 64;
