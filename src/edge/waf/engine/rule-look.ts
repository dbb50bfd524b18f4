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
import type { Plan, PlannedLink, PlannedRule } from "./plan.ts";
import type { Removals } from "./removals.ts";
import { RuleLists } from "./rule-lists.ts";
import { selectOne } from "./select.ts";
import type { Turn } from "./turn.ts";
import type { ValueList } from "./value-list.ts";
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
  readonly #all: RuleLists;
  /** Of the rule that matched last, or is being looked at. */
  readonly seen: Seen[] = [];
  message: Bytes = "";
  data: Bytes = "";
  #planned: PlannedRule | undefined;
  // Where it stands: in which link, at which target, and there at which value.
  #link = 0;
  #target = -1;
  #hasMatched = false;
  #argument: Bytes | undefined;
  /** It is being asked whether there is any hope for the link. */
  #isScreening = false;
  /** What may change while a link is looked at: selected before. */
  #lists: readonly ValueList[] | undefined;
  #list: ValueList | undefined;
  #stage: "charging" | "asking" | "trying" | "hitting" = "charging";
  #prefix = 0;
  #place = 0;
  #hasHit = false;
  #forms: readonly Subject[] | undefined = NONE;

  constructor(variables: Variables, run: MatchRun, effects: Effects, removals: Removals, plan: Plan) {
    this.#variables = variables;
    this.#run = run;
    this.#effects = effects;
    this.#removals = removals;
    this.#all = new RuleLists(variables, run, plan);
  }

  /** A rule has been begun and not ended. */
  get isUnderway(): boolean {
    return this.#planned !== undefined;
  }

  begin(planned: PlannedRule): void {
    this.#planned = planned;
    this.#variables.matched.length = 0;
    this.#link = 0;
    this.#target = -1;
  }

  /** Undefined: the turn is over. Throws what breaks in it; it is of no use any more then. */
  goOn(turn: Turn): boolean | undefined {
    const isMatch = this.#ruleMatches(this.#planned!, turn); // begun
    if (isMatch !== undefined) this.#planned = undefined;
    return isMatch;
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
      if (this.#link === 0) this.seen.length = 0;
      if (targets.length === 0) {
        this.#apply(planLink.link.effects, planned, true);
        return true;
      }
      this.#beginLink(planned, planLink);
      if (planLink.isSingle) return this.#singleMatches(planned, planLink);
      this.#target = 0;
    }
    if (this.#isScreening) {
      const isHopeless = this.#all.isHopeless(planLink, planLink.link.operator.compiled.filter!, turn); // it has one
      if (isHopeless === undefined) return undefined;
      this.#isScreening = false;
      if (isHopeless) {
        this.#target = -1;
        return false;
      }
    }
    for (; this.#target < targets.length; this.#target += 1) {
      const isMatch = this.#targetMatches(planned, planLink, turn);
      if (isMatch === undefined) return undefined;
      if (isMatch) this.#hasMatched = true;
    }
    this.#target = -1;
    return this.#hasMatched;
  }

  #beginLink({ rule }: PlannedRule, { family, isSingle, isVolatile, link, targets }: PlannedLink): void {
    const { argument, compiled, isNegated } = link.operator;
    this.#argument = argument.isDynamic ? expand(argument, this.#variables, rule) : undefined;
    this.#run.wantsCaptures = link.isCapture;
    this.#run.spend(1);
    this.#lists = isVolatile && !isSingle ? this.#all.ofEach(targets) : undefined;
    this.#hasMatched = false;
    this.#isScreening = family >= 0 && compiled.filter !== undefined && !isNegated;
    this.#list = undefined;
  }

  /** Short values, of which there is one or none. */
  #singleMatches(planned: PlannedRule, { link, targets }: PlannedLink): boolean {
    const { exclusions, target } = targets[0]!;
    const run = this.#run;
    const one = selectOne(target, exclusions, this.#variables, run);
    if (one === undefined) return false;
    if (this.#removals.hasTargets && this.#removals.isTargetRemoved(planned.index, one, run)) return false;
    if (link.isMultiMatch) return this.#multiMatch(planned, link, one);
    return this.#formMatches(planned, link, one, one.subject.through(link.transformations, run));
  }

  #targetMatches(planned: PlannedRule, planLink: PlannedLink, turn: Turn): boolean | undefined {
    let list = this.#list;
    if (list === undefined) {
      list = this.#lists?.[this.#target] ?? this.#all.of(planLink.targets[this.#target]!);
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
      filter.prefilter.activate(filter.bit);
      const hits = list.hits(number, chain, filter.prefilter, run, turn);
      if (hits === undefined) return undefined;
      if (!run.isExhausted && (hits[filter.word]! & filter.mask) === 0) return NONE;
      forms = list.candidates(number);
    }
    if (forms !== undefined) run.spend(forms.length);
    return forms;
  }

  #tryForms({ isCapture, operator }: PlannedLink["link"], turn: Turn): boolean | undefined {
    const { compiled, isNegated } = operator;
    const run = this.#run;
    const forms = this.#forms!;
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
    const run = this.#run;
    const forms = this.#forms;
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
