/**
 * Runs the rules of one phase over the variables of one transaction, as ModSecurity v3 does: each value of a rule's targets is matched, what
 * rules set is set for each match, and a chained rule is looked at once after all values of the one before it. Work is counted; when
 * the budget is spent nothing that was not matched may be believed, and the phase ends with `budget`. When a turn is over it stands still, and
 * goes on from there.
 */
import { Failure } from "../../../base/errors.ts";
import type { Bytes, MatchRun } from "../match/index.ts";
import type { Effects, Switches } from "./effects.ts";
import { explain, inboundScore, outboundScore } from "./explain.ts";
import { MATCHES_MAX } from "./limits.ts";
import type { Plan, PlannedRule } from "./plan.ts";
import { REPLY_HEAD } from "./plan.ts";
import type { Removals } from "./removals.ts";
import { RuleLook } from "./rule-look.ts";
import type { Turn } from "./turn.ts";
import type { Variables } from "./variables.ts";
import type { WafMatch } from "./words.ts";

/** How a phase ended before its last rule. */
export type Interruption =
  | { readonly kind: "rule"; readonly planned: PlannedRule; readonly message: Bytes }
  /** `allow`, `allow:request`, `allow:phase`: the rules want to look no further. */
  | { readonly kind: "allow"; readonly scope: "all" | "request" | "phase" }
  | { readonly kind: "budget" }
  /** The rule broke, as one does whose argument came out of macros and makes no sense: it cannot be said whether it matches. */
  | { readonly kind: "fault"; readonly planned: PlannedRule; readonly failure: Failure };

export class Evaluator {
  readonly #plan: Plan;
  readonly #variables: Variables;
  readonly #run: MatchRun;
  readonly #removals: Removals;
  readonly #switches: Switches;
  #look: RuleLook;
  readonly #effects: Effects;
  #rules: readonly PlannedRule[] = [];
  #at = 0;
  readonly matches: WafMatch[] = [];
  matchesUnlisted = 0;
  /** The first rule that would have blocked, where the mode only detects. */
  wouldBlock: Interruption | undefined;

  constructor(
    plan: Plan,
    variables: Variables,
    run: MatchRun,
    effects: Effects,
    removals: Removals,
    switches: Switches,
  ) {
    this.#plan = plan;
    this.#variables = variables;
    this.#run = run;
    this.#effects = effects;
    this.#removals = removals;
    this.#switches = switches;
    this.#look = this.#newLook();
  }

  #newLook(): RuleLook {
    return new RuleLook(this.#variables, this.#run, this.#effects, this.#removals, this.#plan);
  }

  /** Whatever phase was under way is left as it is, with the lists that its rule was making. */
  begin(phase: number): void {
    this.#rules = this.#plan.phases[phase]!;
    this.#at = 0;
    if (this.#look.isUnderway) this.#look = this.#newLook();
  }

  /** `paused`: the turn is over, and the phase is not. Undefined: all rules have been looked at. */
  goOn(turn: Turn): Interruption | "paused" | undefined {
    const rules = this.#rules;
    while (this.#at < rules.length) {
      if (this.#switches.engine === "Off") return undefined;
      const planned = rules[this.#at]!;
      if (!this.#look.isUnderway) {
        if (this.#removals.isRemoved(planned.index)) {
          this.#at += 1;
          continue;
        }
        this.#look.begin(planned);
      }
      const isMatch = this.#attempt(planned, turn);
      if (isMatch === undefined) return "paused";
      const interruption = this.#looked(planned, isMatch);
      if (interruption !== undefined) return interruption;
      if (turn.isOver(this.#run)) return "paused";
    }
    return undefined;
  }

  #attempt(planned: PlannedRule, turn: Turn): boolean | Failure | undefined {
    try {
      return this.#look.goOn(turn);
    } catch (thrown) {
      // What it was at is left half done.
      this.#look = this.#newLook();
      if (thrown instanceof Failure) return thrown;
      return new Failure("waf.fault", `ran rule ${planned.rule.id}: ${String(thrown)}; required: a verdict`);
    }
  }

  #looked(planned: PlannedRule, isMatch: boolean | Failure): Interruption | undefined {
    this.#at += 1;
    if (isMatch instanceof Failure) return { kind: "fault", planned, failure: isMatch };
    if (this.#run.isExhausted) return { kind: "budget" };
    if (!isMatch) return undefined;
    const interruption = this.#finish(planned);
    if (planned.jump >= 0) this.#at = Math.max(this.#at, planned.jump);
    else this.#at += planned.rule.skip;
    return interruption;
  }

  #finish(planned: PlannedRule): Interruption | undefined {
    const { rule } = planned;
    if (rule.severity !== undefined) this.#variables.noteSeverity(rule.severity);
    if (rule.isLogged) this.#log(planned);
    if (rule.disruptive === "pass") return undefined;
    if (rule.disruptive === "allow") return { kind: "allow", scope: "all" };
    if (rule.disruptive === "allow_request") return { kind: "allow", scope: "request" };
    if (rule.disruptive === "allow_phase") return { kind: "allow", scope: "phase" };
    const block: Interruption = { kind: "rule", planned, message: rule.isLogged ? this.#look.message : "" };
    if (this.#switches.engine === "On") return block;
    this.wouldBlock ??= block;
    return undefined;
  }

  #log(planned: PlannedRule): void {
    const { data, message, seen } = this.#look;
    const score = planned.rule.phase < REPLY_HEAD ? inboundScore(this.#variables) : outboundScore(this.#variables);
    for (const one of seen.length > 0 ? seen : [{ variable: "", piece: "" }]) {
      if (this.matches.length < MATCHES_MAX) this.matches.push(explain(planned, one, message, data, score));
      else this.matchesUnlisted += 1;
    }
  }
}
