/**
 * Under what name a limit is counted together with others, of other gateways or of the file before a reload: who counts something else has
 * another name, so tokens never come off a limit that they were not taken from. An id alone says too little (a newer file may mean
 * another limit by it), and the place of a line says nothing: where there is no id, the routes count instead.
 */
import { createHash } from "node:crypto";
import type { LimitPlan } from "../words/index.ts";

/** What the file calls limits without an id: by their place among the others. */
const PLACE_ID = /^limit-[0-9]+$/;

/** Of each, in their order: text of bounded length, the same in each process. Several that do not differ are told apart by their order. */
export function countedNames(plans: readonly LimitPlan[]): readonly string[] {
  const seen = new Map<string, number>();
  return plans.map((plan) => {
    const counted = countedOf(plan);
    const before = seen.get(counted) ?? 0;
    seen.set(counted, before + 1);
    return createHash("sha256").update(`${before} ${counted}`).digest("base64url");
  });
}

export function byCountedName<Counter extends { readonly plan: LimitPlan }>(
  counters: readonly Counter[],
): ReadonlyMap<string, Counter> {
  const names = countedNames(counters.map(({ plan }) => plan));
  return new Map(counters.map((each, at) => [names[at]!, each]));
}

function countedOf(plan: LimitPlan): string {
  const { algorithm, burst, id, ipv6Prefix, isShared, key, limit, routes, windowMs } = plan;
  const name = PLACE_ID.test(id) ? [...new Set(routes)].sort() : id;
  return JSON.stringify([name, algorithm, key, limit, windowMs, burst, ipv6Prefix, isShared]);
}
