/** Services of the whole cluster, called from this node; and calls of others, carried out here. */
export { type CallerCounts, ClusterServices } from "./caller.ts";
export { CALLS_IN_FLIGHT_MAX } from "./limits.ts";
export { CALL_TOPIC, STREAM_TOPIC } from "./payload.ts";
export type { CallerOptions, CallerPorts, CallLink } from "./ports.ts";
export type { ServedCalls, ServedCounts } from "./served.ts";
export type { MethodCounts } from "./tally.ts";
export type { TargetCounts } from "./target.ts";
