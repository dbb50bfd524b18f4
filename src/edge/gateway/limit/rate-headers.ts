/**
 * What a client is told about its limits, in the form of draft-ietf-httpapi-ratelimit-headers-10: `ratelimit-policy` names each limit with
 * its quota and window, `ratelimit` what is left under the one that has the least left. Not `x-ratelimit-*`: what its numbers mean
 * (seconds left or a date) differs from one gateway to the next.
 */
import type { HeaderList } from "../../../wire/http/index.ts";
import type { LimitPlan } from "../words/index.ts";
import type { LimitVerdict } from "./words.ts";

/** Of refusals whose end nobody knows (places under way). */
const RETRY_UNKNOWN_S = 1;

export function policyText(plans: readonly LimitPlan[]): string {
  return plans.map(policyOf).join(", ");
}

/** Adds what is to be told with the reply: also of a request that passed. */
export function addRateHeaders(verdict: LimitVerdict, headers: HeaderList): void {
  const { cause, kind, limit, policy, remaining, resetMs } = verdict;
  if (policy !== "") headers.push("ratelimit-policy", policy);
  if (limit !== undefined && limit.algorithm === "token_bucket" && cause !== "missing")
    headers.push("ratelimit", `${nameOf(limit)};r=${remaining};t=${Math.ceil(resetMs / 1000)}`);
  if (kind === "reject" && cause !== "missing") headers.push("retry-after", retryAfterText(verdict.retryMs));
}

/** Whole seconds, rounded up, one at least: who comes back a little early is refused again. */
function retryAfterText(retryMs: number): string {
  return String(Number.isFinite(retryMs) ? Math.max(1, Math.ceil(retryMs / 1000)) : RETRY_UNKNOWN_S);
}

function policyOf({ algorithm, id, limit, windowMs }: LimitPlan): string {
  if (algorithm === "concurrency") return `${quoted(id)};q=${limit};qu="concurrent-requests"`;
  return `${quoted(id)};q=${limit};w=${Math.max(1, Math.ceil(windowMs / 1000))}`;
}

/** Of each limit that is at work, as replies name it. */
const names = new WeakMap<LimitPlan, string>();

function nameOf(plan: LimitPlan): string {
  let name = names.get(plan);
  if (name === undefined) {
    name = quoted(plan.id);
    names.set(plan, name);
  }
  return name;
}

/** A text of RFC 9651: printable ASCII. */
function quoted(text: string): string {
  return `"${text.replace(/[^\x20-\x7e]/g, "?").replace(/["\\]/g, "\\$&")}"`;
}
