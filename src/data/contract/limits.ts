/** How much one call may ask for, and how much one answer holds: each bound with its reason. */

/** A waiting call holds a place among those that a node has under way, and a connection; whoever waits longer asks again. */
export const LONG_POLL_MS_MAX = 60_000;
/** Entries, events and views of one answer; more are had by asking for those behind the last one. */
export const LISTED_MAX = 1_000;
/** Where an answer ends although there is more: well below what an answer may hold, with base64 around it. */
export const ANSWER_BYTES_MAX = 4 * 1024 * 1024;
/** Undecided, a transaction keeps its keys from everybody else. Well below the time for which it is remembered how one ended. */
export const DISTRIBUTED_TIMEOUT_MS_MAX = 5 * 60_000;
/** A JSON text as `raft propose` takes it: a setting, not a document. */
export const JSON_CHARS_MAX = 256 * 1024;
