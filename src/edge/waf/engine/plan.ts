/** The rules as the engine runs them: an array for each phase, jumps worked out, equal targets numbered once. */
import type { InTurns } from "../../../base/turns.ts";
import type { Phase, Rule, RuleLink, RuleSet, Target } from "../language/index.ts";
import { type TransformChain, transformChain } from "../match/index.ts";
import { isVolatile } from "./variables.ts";

export interface PlannedRule {
  readonly rule: Rule;
  /** Of all rules. */
  readonly index: number;
  readonly links: readonly PlannedLink[];
  /** Where its phase goes on after `skipAfter`; -1: it has none. */
  readonly jump: number;
  /** Of its tags; 0: none. */
  readonly paranoia: number;
  readonly tags: readonly string[];
}

export interface PlannedLink {
  readonly link: RuleLink;
  readonly targets: readonly PlannedTarget[];
  /** A target's values may change while others of its rule are looked at: all are selected before. */
  readonly isVolatile: boolean;
  /** Its only target is one variable of rules, or how many values there are: there is no need for a list. */
  readonly isSingle: boolean;
  /** Links of the same number have the same targets and transformations; -1: there is one target only, or its values may change within a phase. */
  readonly family: number;
  /** Links of the same number transform in the same way. */
  readonly chain: number;
  /** The chain as far as each of its steps, from none on; for `multiMatch`. */
  readonly prefixes: readonly { readonly number: number; readonly chain: TransformChain }[];
}

export interface PlannedTarget {
  readonly target: Target;
  /** Of its own collection. */
  readonly exclusions: readonly Target[];
  /** Targets of the same number mean the same values; -1: they may change within a phase and are selected each time. */
  readonly list: number;
}

export interface Plan {
  /** By phase, 1 to 5. */
  readonly phases: readonly (readonly PlannedRule[])[];
  readonly lists: number;
  readonly families: number;
  readonly rules: readonly PlannedRule[];
}

const PHASES = 5;
const PARANOIA_TAG = "paranoia-level/";

export function* planRules(set: RuleSet): InTurns<Plan> {
  const numbers: Numbers = { lists: new Map(), chains: new Map(), families: new Map() };
  const phases: PlannedRule[][] = Array.from({ length: PHASES + 1 }, () => []);
  const rules: PlannedRule[] = [];
  const jumps = jumpsOf(set);
  for (const entry of set.entries) {
    if (entry.kind !== "rule") continue;
    const planned = planRule(entry, rules.length, jumps.get(entry) ?? -1, numbers);
    rules.push(planned);
    phases[entry.phase]!.push(planned);
    yield;
  }
  return { phases, lists: numbers.lists.size, families: numbers.families.size, rules };
}

interface Numbers {
  readonly lists: Map<string, number>;
  readonly chains: Map<string, number>;
  readonly families: Map<string, number>;
}

function planRule(rule: Rule, index: number, jump: number, numbers: Numbers): PlannedRule {
  const links = rule.links.map((link) => planLink(link, numbers));
  const level = rule.tags.find((tag) => tag.startsWith(PARANOIA_TAG))?.slice(PARANOIA_TAG.length);
  return { rule, index, links, jump, paranoia: Number(level ?? 0) || 0, tags: rule.tags };
}

function planLink(link: RuleLink, { chains, families, lists }: Numbers): PlannedLink {
  const targets = link.targets.map((target) => planTarget(target, link.exclusions, lists));
  const chain = numberOf(link.transformations.key, chains);
  const isFamily = targets.length > 1 && !link.isMultiMatch && targets.every(({ list }) => list >= 0);
  return {
    link,
    targets,
    isVolatile: link.targets.some(({ collection }) => isVolatile(collection)),
    isSingle: targets.length === 1 && isSingle(targets[0]!),
    family: isFamily ? numberOf([chain, ...targets.map(({ list }) => list)].join(), families) : -1,
    chain,
    prefixes: link.isMultiMatch ? prefixesOf(link.transformations, chains) : [],
  };
}

function isSingle({ exclusions, target: { collection, isCount, selector } }: PlannedTarget): boolean {
  return isCount || (collection === "TX" && selector?.kind === "key" && exclusions.length === 0);
}

/** Where each rule with `skipAfter` goes on in its phase: behind the marker or rule of that name, else at the phase's end. */
function jumpsOf(set: RuleSet): Map<Rule, number> {
  const jumps = new Map<Rule, number>();
  const counts = new Array<number>(PHASES + 1).fill(0);
  const waiting = new Map<string, Rule[]>();
  for (const entry of set.entries) {
    if (entry.kind === "rule") counts[entry.phase]! += 1;
    const name = entry.kind === "marker" ? entry.name : String(entry.id);
    for (const rule of waiting.get(name) ?? []) jumps.set(rule, counts[rule.phase]!);
    waiting.delete(name);
    if (entry.kind === "rule" && entry.skipAfter !== undefined)
      waiting.set(entry.skipAfter, [...(waiting.get(entry.skipAfter) ?? []), entry]);
  }
  for (const rules of waiting.values()) for (const rule of rules) jumps.set(rule, counts[rule.phase]!);
  return jumps;
}

function planTarget(target: Target, exclusions: readonly Target[], lists: Map<string, number>): PlannedTarget {
  const own = exclusions.filter(({ collection }) => collection === target.collection);
  const text = [target, ...own].map(textOf).join(" !");
  return { target, exclusions: own, list: isVolatile(target.collection) ? -1 : numberOf(text, lists) };
}

function prefixesOf({ steps }: TransformChain, chains: Map<string, number>): PlannedLink["prefixes"] {
  return Array.from({ length: steps.length + 1 }, (_, count) => {
    const chain = transformChain(steps.slice(0, count));
    return { number: numberOf(chain.key, chains), chain };
  });
}

function numberOf(text: string, numbers: Map<string, number>): number {
  const known = numbers.get(text);
  if (known !== undefined) return known;
  numbers.set(text, numbers.size);
  return numbers.size - 1;
}

function textOf(target: Target): string {
  return `${target.isCount ? "&" : ""}${target.collection}:${selectorText(target)}`;
}

function selectorText({ selector }: Target): string {
  if (selector === undefined) return "";
  if (selector.kind === "key") return selector.key;
  return selector.kind === "xpath" ? selector.path : `/${selector.text}/`;
}

export const REQUEST_HEAD: Phase = 1;
export const REQUEST_BODY: Phase = 2;
export const REPLY_HEAD: Phase = 3;
export const REPLY_BODY: Phase = 4;
export const END: Phase = 5;
