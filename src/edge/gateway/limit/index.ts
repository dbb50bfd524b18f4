/** Limits: who may ask how often, whose address a request has, and how gateways count together. */
export { type ClientView, ClientViews } from "./client-address.ts";
export { GatewayLimits } from "./gateway-limits.ts";
export { Limits } from "./limits.ts";
export { Pressure } from "./pressure.ts";
export { addRateHeaders } from "./rate-headers.ts";
export type { RouteLimits } from "./route-limits.ts";
export { SharedLimits } from "./shared-limits.ts";
export { readSharedMessage, type SharedMessage } from "./shared-message.ts";
export type { TokenBuckets } from "./token-buckets.ts";
export { type LimitRequest, LimitVerdict } from "./words.ts";
