/**
 * How long to wait before trying again: exponential, capped, with jitter, so that many that failed together do not come
 * back together (Brooker, "Exponential Backoff And Jitter"). A function of its arguments only: the same random stream
 * gives the same schedule. Not here: waiting, what is worth a retry.
 */
import { assert } from "../../base/errors.ts";
import type { Random } from "../../base/random.ts";

export interface BackoffPolicy {
  /** Upper bound of the first delay. */
  readonly initialMs: number;
  /** Upper bound of every delay. */
  readonly maxMs: number;
  /** What each further attempt multiplies the bound by. Default 2. */
  readonly factor?: number;
  /** Share of a delay that is random: 1 (default) anything up to the bound, 0 the bound itself. */
  readonly jitter?: number;
}

const DEFAULT_FACTOR = 2;
const DEFAULT_JITTER = 1;

/** The largest delay before try `attempt + 1`; `attempt` counts failures from 1. */
export function backoffBoundMs(policy: BackoffPolicy, attempt: number): number {
  const { initialMs, maxMs, factor = DEFAULT_FACTOR } = policy;
  assert(Number.isInteger(attempt) && attempt >= 1, `attempt is ${attempt}, it counts from 1`);
  assert(initialMs >= 0 && maxMs >= 0 && factor >= 1, `back-off from ${initialMs} to ${maxMs} ms by ${factor}`);
  if (initialMs === 0) return 0; // Nothing times the infinity that a high power becomes would be no number.
  return Math.min(maxMs, initialMs * factor ** (attempt - 1));
}

export function backoffDelayMs(policy: BackoffPolicy, attempt: number, random: Random): number {
  const { jitter = DEFAULT_JITTER } = policy;
  assert(jitter >= 0 && jitter <= 1, `jitter is ${jitter}, it lies between 0 and 1`);
  const boundMs = backoffBoundMs(policy, attempt);
  return boundMs * (1 - jitter) + boundMs * jitter * random.next();
}

export interface RetryPolicy extends BackoffPolicy {
  /** Tries after the first one. */
  readonly retriesMax: number;
}

/** What to do after failure number `attempt` (from 1): wait this long and try again, or undefined: give up. */
export function retryDelayMs(policy: RetryPolicy, attempt: number, random: Random): number | undefined {
  return attempt > policy.retriesMax ? undefined : backoffDelayMs(policy, attempt, random);
}
