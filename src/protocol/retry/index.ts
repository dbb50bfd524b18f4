/** Back-off schedules. */
export { type BackoffPolicy, backoffBoundMs, backoffDelayMs, type RetryPolicy, retryDelayMs } from "./backoff.ts";
