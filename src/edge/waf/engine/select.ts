/** Which values a rule's target means in one transaction: keys, patterns of keys, counts, and what is taken away again. */
import type { Target } from "../language/index.ts";
import type { Bytes, MatchRun } from "../match/index.ts";
import { Found, NOTHING_FOUND } from "./found.ts";
import type { Variables } from "./variables.ts";

export function select(
  target: Target,
  exclusions: readonly Target[],
  variables: Variables,
  run: MatchRun,
): readonly Found[] {
  const all = meant(target, variables, run);
  const found = exclusions.length === 0 || all.length === 0 ? all : notExcluded(all, exclusions, run);
  return target.isCount ? [countOf(target, found.length, variables)] : found;
}

/** Of a target that means one value at most: a number of values, or a variable of rules by its key. */
export function selectOne(
  target: Target,
  exclusions: readonly Target[],
  variables: Variables,
  run: MatchRun,
): Found | undefined {
  const { isCount, selector } = target;
  if (!isCount && selector?.kind === "key") return variables.txFound(selector.key.toLowerCase());
  return select(target, exclusions, variables, run)[0];
}

function countOf(target: Target, count: number, variables: Variables): Found {
  const key = target.selector?.kind === "key" ? target.selector.key : undefined;
  return new Found(target.collection, key, variables.subject(String(count)));
}

function meant(target: Target, variables: Variables, run: MatchRun): readonly Found[] {
  const { selector, collection } = target;
  if (selector === undefined) return variables.of(collection, undefined);
  if (selector.kind === "key" && collection === "TX") return variables.of(collection, selector.key.toLowerCase());
  const all = variables.of(collection, undefined);
  run.spend(all.length);
  let some: Found[] | undefined;
  for (const found of all) {
    if (!isMeant(target, found, run)) continue;
    if (some === undefined) some = [found];
    else some.push(found);
  }
  return some ?? NOTHING_FOUND;
}

/** Mostly nothing is: then it is the same list. */
function notExcluded(all: readonly Found[], exclusions: readonly Target[], run: MatchRun): readonly Found[] {
  let others: Found[] | undefined;
  for (let at = 0; at < all.length; at += 1) {
    if (isExcluded(all[at]!, exclusions, run)) others ??= all.slice(0, at);
    else others?.push(all[at]!);
  }
  return others ?? all;
}

/** Whether a value of the target's collection is one that its selector names. */
function isMeant({ selector }: Target, found: Found, run: MatchRun): boolean {
  if (selector === undefined) return true;
  if (found.key === undefined) return false;
  if (selector.kind === "key") return isSameKey(selector.key, found.key);
  if (selector.kind === "xpath") return selector.path === found.key;
  return selector.regex.test(found.key, run);
}

function isSameKey(one: Bytes, other: Bytes): boolean {
  return one.length === other.length && (one === other || one.toLowerCase() === other.toLowerCase());
}

export function isExcluded(found: Found, exclusions: readonly Target[], run: MatchRun): boolean {
  for (const exclusion of exclusions)
    if (exclusion.collection === found.collection && isMeant(exclusion, found, run)) return true;
  return false;
}
