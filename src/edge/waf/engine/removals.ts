/** What `ctl` takes away for one transaction: rules, and targets of rules. Which rules an effect means is worked out once and kept. */
import type { CtlEffect, IdRange, Target } from "../language/index.ts";
import { MatchRun } from "../match/index.ts";
import type { Found } from "./found.ts";
import { STEPS_MAX } from "./limits.ts";
import type { Plan, PlannedRule } from "./plan.ts";
import { isExcluded } from "./select.ts";

type RemovalEffect = Extract<
  CtlEffect,
  {
    what:
      | "ruleRemoveById"
      | "ruleRemoveByTag"
      | "ruleRemoveByMsg"
      | "ruleRemoveTargetById"
      | "ruleRemoveTargetByTag"
      | "ruleRemoveTargetByMsg";
  }
>;

/** For each effect the rules that it means, by index. One of each firewall. */
export class RemovalIndex {
  readonly #plan: Plan;
  readonly #known = new Map<CtlEffect, Uint8Array>();

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  rulesOf(effect: RemovalEffect): Uint8Array {
    let rules = this.#known.get(effect);
    if (rules === undefined) {
      rules = Uint8Array.from(this.#plan.rules, (planned) => (isMeant(effect, planned) ? 1 : 0));
      this.#known.set(effect, rules);
    }
    return rules;
  }
}

function isMeant(effect: RemovalEffect, { rule }: PlannedRule): boolean {
  if ("ids" in effect) return isInRanges(rule.id, effect.ids);
  const run = new MatchRun(STEPS_MAX);
  if (effect.what === "ruleRemoveByTag" || effect.what === "ruleRemoveTargetByTag")
    return rule.tags.some((tag) => effect.pattern.test(tag, run));
  return rule.msg !== undefined && effect.pattern.test(rule.msg.text, run);
}

function isInRanges(id: number, ranges: readonly IdRange[]): boolean {
  return ranges.some(({ first, last }) => id >= first && id <= last);
}

export class Removals {
  readonly #index: RemovalIndex;
  #rules: Uint8Array | undefined;
  readonly #targets: { readonly rules: Uint8Array; readonly target: readonly Target[] }[] = [];

  constructor(index: RemovalIndex) {
    this.#index = index;
  }

  add(effect: RemovalEffect): void {
    const meant = this.#index.rulesOf(effect);
    if ("target" in effect) this.#targets.push({ rules: meant, target: [effect.target] });
    else if (this.#rules === undefined) this.#rules = meant.slice();
    else for (let at = 0; at < meant.length; at += 1) this.#rules[at]! |= meant[at]!;
  }

  isRemoved(index: number): boolean {
    return this.#rules !== undefined && this.#rules[index] === 1;
  }

  get hasTargets(): boolean {
    return this.#targets.length > 0;
  }

  isTargetRemoved(index: number, found: Found, run: MatchRun): boolean {
    for (const { rules, target } of this.#targets)
      if (rules[index] === 1 && isExcluded(found, target, run)) return true;
    return false;
  }
}
