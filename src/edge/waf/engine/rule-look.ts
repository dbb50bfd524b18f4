/**
 * Whether one rule matches the variables of its transaction, as far as a turn lets it look: link by link, target by target, value by value. What a
 * rule sets is set as it goes, so it is never begun anew: it stands where it stopped until it goes on.
 */
import type { Effect } from "../language/index.ts";
import { type Bytes, CAPTURES_MAX, type MatchRun, type Subject, type TransformChain } from "../match/index.ts";
import { type Effects, isImmediate } from "./effects.ts";
import type { Seen } from "./explain.ts";
import { Found } from "./found.ts";
import { MATCHED_VARS_MAX, MATCHES_PER_RULE_MAX } from "./limits.ts";
import { expand } from "./macros.ts";
import type { PlannedLink, PlannedRule, PlannedTarget } from "./plan.ts";
import type { Removals } from "./removals.ts";
import { select } from "./select.ts";
import type { Turn } from "./turn.ts";
import { ValueList } from "./value-list.ts";
import type { Variables } from "./variables.ts";

/** Steps for one match: what it sets off costs more than a byte. */
const MATCH_STEPS = 32;
const CAPTURE_KEYS = Array.from({ length: CAPTURES_MAX }, (_, index) => String(index));
const NONE: readonly Subject[] = [];

export class RuleLook {
  readonly #variables: Variables;
  readonly #run: MatchRun;
  readonly #effects: Effects;
  readonly #removals: Removals;
  readonly #kept: (ValueList | undefined)[];
  /** Of the rule that matched last, or is being looked at. */
  seen: Seen[] = [];
  message: Bytes = "";
  data: Bytes = "";
  #planned: PlannedRule | undefined;
  // Where it stands: in which link, at which target, and there at which value.
  #link = 0;
  #target = -1;
  #hasMatched = false;
  #argument: Bytes | undefined;
  /** What may change while a link is looked at: selected before. */
  #lists: readonly ValueList[] | undefined;
  #list: ValueList | undefined;
  #stage: "charging" | "asking" | "trying" | "hitting" = "charging";
  #prefix = 0;
  #place = 0;
  #hasHit = false;
  #forms: readonly Subject[] | undefined = NONE;

  constructor(variables: Variables, run: MatchRun, effects: Effects, removals: Removals, lists: number) {
    this.#variables = variables;
    this.#run = run;
    this.#effects = effects;
    this.#removals = removals;
    this.#kept = new Array(lists);
  }

  /** A rule has been begun and not ended. */
  get isUnderway(): boolean {
    return this.#planned !== undefined;
  }

  begin(planned: PlannedRule): void {
    this.#planned = planned;
    this.#variables.matched = [];
    this.#link = 0;
    this.#target = -1;
  }

  /** Undefined: the turn is over. Throws what breaks in it; it is ended then, too. */
  goOn(turn: Turn): boolean | undefined {
    const planned = this.#planned!; // begun
    try {
      const isMatch = this.#ruleMatches(planned, turn);
      if (isMatch !== undefined) this.#planned = undefined;
      return isMatch;
    } catch (thrown) {
      this.#planned = undefined;
      throw thrown;
    }
  }

  #ruleMatches(planned: PlannedRule, turn: Turn): boolean | undefined {
    const { links } = planned;
    for (; this.#link < links.length; this.#link += 1) {
      const isMatch = this.#linkMatches(planned, links[this.#link]!, turn);
      if (isMatch === undefined) return undefined;
      if (!isMatch || this.#run.isExhausted) return false;
      if (this.#link === 0) this.#describe(planned);
    }
    for (let at = links.length - 1; at >= 0; at -= 1) this.#apply(links[at]!.link.effects, planned, false);
    return true;
  }

  /** Before what is chained to it changes the variables that the message names. */
  #describe({ rule }: PlannedRule): void {
    if (!rule.isLogged) return;
    this.message = rule.msg === undefined ? "" : expand(rule.msg, this.#variables, rule);
    this.data = rule.logdata === undefined ? "" : expand(rule.logdata, this.#variables, rule);
  }

  #linkMatches(planned: PlannedRule, planLink: PlannedLink, turn: Turn): boolean | undefined {
    const { targets } = planLink;
    if (this.#target < 0) {
      if (this.#link === 0) this.seen = [];
      if (targets.length === 0) {
        this.#apply(planLink.link.effects, planned, true);
        return true;
      }
      this.#beginLink(planned, planLink);
    }
    for (; this.#target < targets.length; this.#target += 1) {
      const isMatch = this.#targetMatches(planned, planLink, turn);
      if (isMatch === undefined) return undefined;
      if (isMatch) this.#hasMatched = true;
    }
    this.#target = -1;
    return this.#hasMatched;
  }

  #beginLink({ rule }: PlannedRule, { isVolatile, link, targets }: PlannedLink): void {
    const { argument } = link.operator;
    this.#argument = argument.isDynamic ? expand(argument, this.#variables, rule) : undefined;
    this.#run.wantsCaptures = link.isCapture;
    this.#lists = isVolatile ? targets.map((target) => this.#listOf(target)) : undefined;
    this.#hasMatched = false;
    this.#target = 0;
    this.#list = undefined;
  }

  #targetMatches(planned: PlannedRule, planLink: PlannedLink, turn: Turn): boolean | undefined {
    let list = this.#list;
    if (list === undefined) {
      list = this.#lists?.[this.#target] ?? this.#listOf(planLink.targets[this.#target]!);
      if (list.found.length === 0) return false;
      this.#list = list;
      this.#prefix = 0;
      this.#stage = "charging";
    }
    if (this.#stage !== "hitting") {
      const canMatch = this.#canMatch(planLink, list, turn);
      if (canMatch === undefined) return undefined;
      if (!canMatch) {
        this.#list = undefined;
        return false;
      }
      this.#beginHits(planLink, list);
    }
    const isMatch = this.#listMatches(planned, planLink, list, turn);
    if (isMatch !== undefined) this.#list = undefined;
    return isMatch;
  }

  /** Most rules match nothing: each distinct form that could match is asked once before the values are gone through. */
  #canMatch(planLink: PlannedLink, list: ValueList, turn: Turn): boolean | undefined {
    const { chain, link, prefixes } = planLink;
    if (!link.isMultiMatch) return this.#someMatch(link, chain, link.transformations, list, turn);
    for (; this.#prefix < prefixes.length; this.#prefix += 1) {
      const prefix = prefixes[this.#prefix]!;
      const isMatch = this.#someMatch(link, prefix.number, prefix.chain, list, turn);
      if (isMatch !== false) return isMatch;
    }
    return false;
  }

  #someMatch(
    link: PlannedLink["link"],
    number: number,
    chain: TransformChain,
    list: ValueList,
    turn: Turn,
  ): boolean | undefined {
    if (this.#stage !== "trying") {
      const forms = this.#formsToTry(link, number, chain, list, turn);
      if (forms === undefined) return undefined;
      if (forms.length === 0) {
        this.#stage = "charging";
        return false;
      }
      this.#forms = forms;
      this.#place = 0;
      this.#stage = "trying";
    }
    const isMatch = this.#tryForms(link, turn);
    if (isMatch !== undefined) this.#stage = "charging";
    return isMatch;
  }

  /** None: no form can match. */
  #formsToTry(
    { operator }: PlannedLink["link"],
    number: number,
    chain: TransformChain,
    list: ValueList,
    turn: Turn,
  ): readonly Subject[] | undefined {
    const { compiled, isNegated } = operator;
    const run = this.#run;
    if (this.#stage === "charging") run.spend(1);
    this.#stage = "asking";
    const { filter } = compiled;
    let forms: readonly Subject[] | undefined;
    if (filter === undefined || isNegated) forms = list.forms(number, chain, run, turn);
    else {
      const isHopeless = list.isHopeless(number, chain, filter, run, turn);
      if (isHopeless === undefined) return undefined;
      if (isHopeless) return NONE;
      forms = list.candidates(number);
    }
    if (forms !== undefined) run.spend(forms.length);
    return forms;
  }

  #tryForms({ isCapture, operator }: PlannedLink["link"], turn: Turn): boolean | undefined {
    const { compiled, isNegated } = operator;
    const [forms, run] = [this.#forms!, this.#run];
    let isMatch: boolean | undefined = false;
    run.wantsCaptures = false;
    while (this.#place < forms.length && isMatch === false) {
      isMatch = compiled.match(forms[this.#place]!, run, this.#argument) !== isNegated;
      this.#place += 1;
      if (!isMatch && this.#place < forms.length && turn.isOver(run)) isMatch = undefined;
    }
    run.wantsCaptures = isCapture;
    return isMatch;
  }

  #beginHits({ chain, link }: PlannedLink, list: ValueList): void {
    this.#run.spend(list.found.length);
    this.#forms = link.isMultiMatch ? undefined : list.known(chain);
    this.#place = 0;
    this.#stage = "hitting";
    this.#hasHit = false;
  }

  #listMatches(planned: PlannedRule, { link }: PlannedLink, list: ValueList, turn: Turn): boolean | undefined {
    const { found, places } = list;
    const [forms, run] = [this.#forms, this.#run];
    const hasRemovedTargets = this.#removals.hasTargets;
    while (this.#place < found.length) {
      const at = this.#place;
      const one = found[at]!;
      this.#place += 1;
      if (!hasRemovedTargets || !this.#removals.isTargetRemoved(planned.index, one, run)) {
        const isMatch =
          forms === undefined
            ? this.#multiMatch(planned, link, one)
            : this.#formMatches(planned, link, one, forms[places[at]!]!);
        if (isMatch) this.#hasHit = true;
      }
      if (this.#place < found.length && turn.isOver(run)) return undefined;
    }
    return this.#hasHit;
  }

  /** Each form between the transformations is looked at, equal ones once. */
  #multiMatch(planned: PlannedRule, link: PlannedLink["link"], one: Found): boolean {
    let form = one.subject;
    let isMatch = this.#formMatches(planned, link, one, form);
    for (const step of link.transformations.steps) {
      const next = form.after(step, this.#run);
      if (next === form) continue;
      form = next;
      if (this.#formMatches(planned, link, one, form)) isMatch = true;
    }
    return isMatch;
  }

  #formMatches(planned: PlannedRule, link: PlannedLink["link"], one: Found, form: Subject): boolean {
    const { compiled, isNegated } = link.operator;
    // Operators that know no more than the value leave no note; that of another rule is not theirs.
    this.#run.note = "";
    if (compiled.match(form, this.#run, this.#argument) === isNegated || this.#run.isExhausted) return false;
    this.#hit(planned, link, one, form);
    return true;
  }

  #listOf({ exclusions, list, target }: PlannedTarget): ValueList {
    const { generation, pool } = this.#variables;
    const kept = list < 0 ? undefined : this.#kept[list];
    if (kept !== undefined && kept.generation === generation) return kept;
    const found = select(target, exclusions, this.#variables, this.#run);
    const selected = new ValueList(found, generation, pool.nextList());
    if (list >= 0) this.#kept[list] = selected;
    return selected;
  }

  #hit(planned: PlannedRule, link: PlannedLink["link"], one: Found, form: Subject): void {
    const run = this.#run;
    run.spend(MATCH_STEPS);
    const variables = this.#variables;
    const matched = form === one.subject ? one : new Found(one.collection, one.key, form);
    if (variables.matched.length < MATCHED_VARS_MAX) variables.matched.push(matched);
    else variables.matched[MATCHED_VARS_MAX - 1] = matched;
    const isCaptured = link.isCapture && !link.operator.isNegated;
    if (isCaptured)
      for (let at = 0; at < run.captureCount; at += 1) variables.setTx(CAPTURE_KEYS[at]!, run.captures[at]!);
    if (this.#link === 0 && planned.rule.isLogged && this.seen.length < MATCHES_PER_RULE_MAX) {
      const piece = isCaptured && run.captureCount > 0 ? run.captures[0]! : run.note;
      this.seen.push({ variable: matched.name, piece: piece === "" ? form.value : piece });
    }
    this.#apply(link.effects, planned, true);
  }

  #apply(effects: readonly Effect[], planned: PlannedRule, isNow: boolean): void {
    for (const effect of effects) if (isImmediate(effect) === isNow) this.#effects.apply(effect, planned.rule);
  }
}
