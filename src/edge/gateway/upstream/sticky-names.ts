/**
 * What the sticky cookie calls the targets of a route. A target with a name of its own (`;name=canary`) is called that. One without is
 * called by a few digits of a hash of its URL: the same in each gateway and after each reload, and shared by so many addresses that a client
 * learns none of ours. Clients may write what they like into cookies, so of targets with weight 0 only those that were given a name are to be
 * had by it.
 */
import { hash } from "node:crypto";
import type { TargetPlan } from "../words/index.ts";

/** One in 4,096: two of ten targets seldom meet, and then one takes the next number. */
const DIGITS = 3;
const NUMBERS = 16 ** DIGITS;

/** Undefined: the cookie cannot name it. */
export type StickyNames = ReadonlyMap<TargetPlan, string>;

export function stickyNames(targets: readonly TargetPlan[]): StickyNames {
  const names = new Map<TargetPlan, string>();
  const taken = new Set<string>();
  for (const target of targets) {
    if (isNamed(target)) take(target, target.name);
  }
  for (const target of targets) {
    if (isNamed(target) || target.weight === 0) continue;
    let number = Number.parseInt(hash("sha256", target.text).slice(0, DIGITS), 16);
    for (let left = NUMBERS; left > 0 && taken.has(digitsOf(number)); left--) number = (number + 1) % NUMBERS;
    take(target, digitsOf(number));
  }
  return names;

  function take(target: TargetPlan, name: string): void {
    names.set(target, name);
    taken.add(name);
  }
}

/** Without a name it is called as it is written. */
function isNamed({ name, text }: TargetPlan): boolean {
  return name !== text;
}

function digitsOf(number: number): string {
  return number.toString(16).padStart(DIGITS, "0");
}
