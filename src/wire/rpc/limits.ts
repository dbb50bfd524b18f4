/** How much of everything: each limit with its reason. */

/** A call's input: commands and settings are small; data of pipelines goes other ways. */
export const REQUEST_BYTES_MAX = 1024 * 1024;
/** A call's output: the tree of some ten thousand processes fits, and no answer fills a caller's memory. */
export const RESPONSE_BYTES_MAX = 16 * 1024 * 1024;
/** Calls under way in one dispatcher: far more than people make, few enough to be held in memory at their largest. */
export const CALLS_MAX = 64;
/** What a call gets that names no deadline: beyond it whoever asked has gone. */
export const TIMEOUT_MS_DEFAULT = 60_000;
/** No call is waited for longer, whatever the caller asks: longer work is started by one call and watched by others. */
export const TIMEOUT_MS_MAX = 3_600_000;
/** A body of at most 1 MiB that takes longer to arrive is a caller that hangs. */
export const BODY_TIMEOUT_MS = 10_000;
/** Faults of one input that are told: beyond it nobody reads on. */
export const FAULTS_MAX = 50;
/** Values in an input of a contract: a thousand messages and their fields fit; a schema that refuses each of them ends in 20 ms. */
export const CONTRACT_VALUES_MAX = 10_000;
/** Values in the params of a service: what fits into the bytes, lists of numbers included; only the service's process parses them. */
export const SERVICE_VALUES_MAX = 500_000;
/** Silence of a stream of events: half of what listeners and proxies take for a dead connection. */
export const HEARTBEAT_MS = 15_000;
