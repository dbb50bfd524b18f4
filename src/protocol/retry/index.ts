/** Back-off schedules, and how many retries there may be. */
export { type BackoffPolicy, backoffBoundMs, backoffDelayMs, type RetryPolicy, retryDelayMs } from "./backoff.ts";
export { type BudgetOptions, RetryBudget } from "./budget.ts";
