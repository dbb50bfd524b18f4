/** Masks made ready: for one route and one place, which fields and which patterns, and what becomes of them. */
import { assert } from "../../../base/errors.ts";
import type { MaskPlan } from "../words/index.ts";
import { findCards } from "./cards.ts";
import { findEmails } from "./emails.ts";
import { findIbans } from "./ibans.ts";
import { isJsonPathFault, type JsonPath, parseJsonPath } from "./json-path.ts";
import { AT, DIGIT, type Needs, TOKEN } from "./marks.ts";
import { regexFinder } from "./regexes.ts";
import { encryptValue, hashValue, type MaskKeys } from "./secrets.ts";
import type { SpanFinder } from "./span-finder.ts";
import { findJwts, findKeys, findPrivateKeys } from "./tokens.ts";

export interface MaskRule {
  readonly plan: MaskPlan;
  readonly keys: MaskKeys | undefined;
}

export interface PathRule extends MaskRule {
  readonly path: JsonPath;
}

export interface PatternRule extends MaskRule {
  readonly finders: readonly SpanFinder[];
  /** A text without them holds none. */
  readonly needs: Needs;
  /** What hashes and encryption authenticate as the field. */
  readonly field: string;
  readonly mayBeNumber: boolean;
  /** How much of a text a match may reach over: `near`: no line end, quote, bracket, comma; `keys`: these only within private keys. */
  readonly reach: "near" | "keys" | "all";
}

export interface MaskRules {
  readonly paths: readonly PathRule[];
  readonly patterns: readonly PatternRule[];
}

export type MaskPlace = MaskPlan["where"][number];

/** `keysOf` reads the key that a plan names. */
export function compileMasks(plans: readonly MaskPlan[], keysOf: (path: string) => MaskKeys): MaskSet {
  const keys = new Map<string, MaskKeys>();
  for (const { keyFile } of plans) if (keyFile !== undefined && !keys.has(keyFile)) keys.set(keyFile, keysOf(keyFile));
  return new MaskSet(
    plans.map((plan) => ({ plan, keys: plan.keyFile === undefined ? undefined : keys.get(plan.keyFile) })),
  );
}

export class MaskSet {
  readonly #rules: readonly MaskRule[];

  constructor(rules: readonly MaskRule[]) {
    this.#rules = rules;
  }

  /** Undefined: there is nothing to mask. To be asked once for each route, not for each request. Of no route: those of all of them. */
  rulesFor(route: string | undefined, place: MaskPlace): MaskRules | undefined {
    const own = this.#rules.filter(
      ({ plan: { routes, where } }) =>
        where.includes(place) && (route === undefined || routes.length === 0 || routes.includes(route)),
    );
    if (own.length === 0) return undefined;
    return { paths: own.flatMap(pathRule), patterns: own.flatMap(patternRule) };
  }
}

function pathRule(rule: MaskRule): PathRule[] {
  if (rule.plan.what.kind !== "path") return [];
  const path = parseJsonPath(rule.plan.what.text);
  assert(!isJsonPathFault(path), () => `the JSON path of ${rule.plan.id} was not checked`);
  return [{ ...rule, path }];
}

const FINDERS: Readonly<Record<"card" | "email" | "token" | "iban", Pick<PatternRule, "finders" | "needs" | "reach">>> =
  {
    card: { finders: [findCards], needs: { lengthMin: 13, digitsMin: 13, bits: DIGIT }, reach: "near" },
    email: { finders: [findEmails], needs: { lengthMin: 5, digitsMin: 0, bits: AT }, reach: "near" }, // a@b.c
    token: {
      finders: [findJwts, findPrivateKeys, findKeys],
      needs: { lengthMin: 7, digitsMin: 0, bits: TOKEN },
      reach: "keys",
    }, // eyJx.y.
    iban: { finders: [findIbans], needs: { lengthMin: 15, digitsMin: 2, bits: DIGIT }, reach: "near" }, // Norway
  };
const ANY: Needs = { lengthMin: 0, digitsMin: 0, bits: 0 };

function patternRule(rule: MaskRule): PatternRule[] {
  const { what } = rule.plan;
  if (what.kind === "path") return [];
  if (what.kind === "pattern")
    return [{ ...rule, ...FINDERS[what.name], field: what.name, mayBeNumber: what.name === "card" }];
  const regex = { finders: [regexFinder(what.text)], needs: ANY, reach: "all" as const };
  return [{ ...rule, ...regex, field: rule.plan.id, mayBeNumber: true }];
}

/** What stands for a value; undefined: it is left out. `text` is how people read it, `json` its JSON text where it is no text. */
export function replacement(
  { keys, plan }: MaskRule,
  field: string,
  text: string,
  ofText?: string,
): string | undefined {
  if (plan.action === "remove") return undefined;
  if (plan.action === "mask") return masked(text, plan.keepLast);
  assert(keys !== undefined, () => `mask ${plan.id} has no key`);
  const json = ofText ?? JSON.stringify(text);
  return plan.action === "hash" ? hashValue(keys, field, json) : encryptValue(keys, field, json);
}

/** Whole characters; at most half of a text is shown: short ones are secrets too. */
export function masked(text: string, keepLast: number): string {
  let length = text.length;
  for (let at = 0; at < text.length; at++) if (isPair(text, at)) length--;
  const shown = Math.min(keepLast, Math.floor(length / 2));
  let from = text.length;
  for (let left = shown; left > 0; left--) from -= isPair(text, from - 2) ? 2 : 1;
  return "*".repeat(length - shown) + text.slice(from);
}

/** Two halves of one character. */
function isPair(text: string, at: number): boolean {
  return (text.charCodeAt(at) & 0xfc00) === 0xd800 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00;
}
