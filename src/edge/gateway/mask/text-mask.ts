/** Patterns in texts that are no JSON: log fields, headers, forms, any text. */
import { finishAtOnce, type InTurns } from "../../../base/turns.ts";
import type { HeaderList } from "../../../wire/http/index.ts";
import { MaskBudget } from "./budget.ts";
import { type Marks, marksInTurns, marksOf, mayHold } from "./marks.ts";
import { HIT_PACE, PACE } from "./pace.ts";
import { type MaskRules, type PatternRule, replacement } from "./rules.ts";
import { type Found, findSpans, findSpansInTurns } from "./span-finder.ts";

export interface MaskedText {
  readonly text: string;
  /** How many values were hidden. */
  readonly count: number;
}

/** The same text when there is nothing to hide. Rules work one after the other, each on what the one before left. */
export function maskText(text: string, rules: MaskRules, budget = new MaskBudget()): MaskedText {
  return finishAtOnce(textInTurns(text, rules, budget));
}

export function textInTurns(text: string, rules: MaskRules, budget: MaskBudget): InTurns<MaskedText> {
  budget.grant(Buffer.byteLength(text));
  return hideInTurns(text, rules.patterns, budget);
}

/** A short text of a message: the message's budget is granted already. `ofText`: what is in it, where that is known. */
export function hideIn(text: string, patterns: readonly PatternRule[], budget: MaskBudget, ofText?: Marks): MaskedText {
  let [masked, count] = [text, 0];
  let marks = ofText ?? marksOf(text);
  for (let at = 0; at < patterns.length && masked !== ""; at++) {
    const pattern = patterns[at]!;
    if (!mayHold(pattern.needs, marks, masked.length)) continue;
    const found = findSpans(pattern.finders, masked, budget);
    if (found.length === 0) continue;
    masked = finishAtOnce(replaced(masked, found, pattern));
    count += found.length;
    marks = marksOf(masked);
  }
  return { text: masked, count };
}

/** The same for one of any length. */
export function* hideInTurns(text: string, patterns: readonly PatternRule[], budget: MaskBudget): InTurns<MaskedText> {
  if (text.length <= PACE) return hideIn(text, patterns, budget);
  let [masked, count] = [text, 0];
  for (const pattern of patterns) {
    if (!mayHold(pattern.needs, yield* marksInTurns(masked), masked.length)) continue;
    const found = yield* findSpansInTurns(pattern.finders, masked, budget);
    masked = yield* replaced(masked, found, pattern);
    count += found.length;
  }
  return { text: masked, count };
}

function* replaced(text: string, found: readonly Found[], rule: PatternRule): InTurns<string> {
  let [masked, from, work] = ["", 0, 0];
  for (const { end, start } of found) {
    work += HIT_PACE;
    if (work % PACE === 0) yield;
    const value = text.slice(start, end);
    masked += text.slice(from, start) + (replacement(rule, rule.field, value) ?? "");
    from = end;
  }
  return masked + text.slice(from);
}

/** By character: what stands between two parts. */
const IN_FORMS = tableOf("&=");
const IN_PLACES = tableOf("/?&=;");
/** Places stand in fields beside other words: `<https://a.example/b?c=d>; rel="next"`. */
const IN_HEADERS = tableOf("/?&=;,#<>\"' ");

function tableOf(characters: string): Uint8Array {
  const table = new Uint8Array(128); // what is beyond it is undefined, and so no 1
  for (const character of characters) table[character.charCodeAt(0)] = 1;
  return table;
}

/** Fields of a form or query, each decoded, and encoded again where something was hidden. Names and values are texts of their own. */
export function maskForm(text: string, rules: MaskRules, budget = new MaskBudget()): MaskedText {
  budget.grant(Buffer.byteLength(text));
  return finishAtOnce(fieldsInTurns(text, rules.patterns, budget));
}

/** Of a message whose budget is granted already. */
export function fieldsInTurns(text: string, patterns: readonly PatternRule[], budget: MaskBudget): InTurns<MaskedText> {
  return partsInTurns(text, IN_FORMS, patterns, budget);
}

/** A path with its query, for people: each piece decoded, and encoded again where something was hidden. */
export function maskPlace(text: string, rules: MaskRules): MaskedText {
  const budget = new MaskBudget();
  budget.grant(Buffer.byteLength(text));
  return finishAtOnce(partsInTurns(text, IN_PLACES, rules.patterns, budget));
}

/** Empty parts hold nothing. */
function* partsInTurns(
  text: string,
  between: Uint8Array,
  patterns: readonly PatternRule[],
  budget: MaskBudget,
): InTurns<MaskedText> {
  let [masked, count, copied, start, pause] = ["", 0, 0, 0, PACE];
  for (let at = 0; at <= text.length; at++) {
    if (at + count * HIT_PACE >= pause) {
      yield;
      pause = at + count * HIT_PACE + PACE;
    }
    if (at < text.length && between[text.charCodeAt(at)] !== 1) continue;
    if (at > start) {
      const { isBytes, text: field } = decodeField(text.slice(start, at));
      const isShort = field.length <= PACE;
      const part = isShort ? hideIn(field, patterns, budget) : yield* hideInTurns(field, patterns, budget);
      if (part.count > 0) {
        masked += text.slice(copied, start) + encodeField(part.text, isBytes);
        copied = at;
        count += part.count;
      }
    }
    start = at + 1;
  }
  return count === 0 ? { text, count } : { text: masked + text.slice(copied), count };
}

interface Field {
  readonly text: string;
  /** Its escapes are no UTF-8: each stands for a character of its own. */
  readonly isBytes: boolean;
}

function decodeField(part: string): Field {
  const plain = part.replaceAll("+", " ");
  if (!plain.includes("%")) return { text: plain, isBytes: false };
  try {
    return { text: decodeURIComponent(plain), isBytes: false };
  } catch {
    return { text: plain.replaceAll(ESCAPE, (_escape, hex: string) => byteOf(hex)), isBytes: true };
  }
}

/** What is broken stays as it stands. */
const ESCAPE = /%([\da-f]{2})/gi;

function byteOf(hex: string): string {
  return String.fromCharCode(Number.parseInt(hex, 16));
}

function encodeField(text: string, isBytes: boolean): string {
  if (!isBytes) return encodeURIComponent(text);
  return text.replaceAll(/[\u0080-\u00ff]|[^\u0080-\u00ff]+/g, (piece) =>
    HIGH_BYTE.test(piece) ? `%${piece.charCodeAt(0).toString(16).toUpperCase()}` : encodeURIComponent(piece),
  );
}

const HIGH_BYTE = /^[\u0080-\u00ff]$/;

/** The same list when there is nothing to hide. Values, not names. */
export function maskHeaders(headers: HeaderList, rules: MaskRules): HeaderList {
  let changed: HeaderList | undefined;
  const budget = new MaskBudget();
  budget.grant(headers.reduce((bytes, text) => bytes + text.length, 0));
  for (let at = 1; at < headers.length; at += 2) {
    const masked = inHeader(headers[at]!, rules, budget);
    if (masked.count === 0) continue;
    changed ??= headers.slice();
    changed[at] = masked.text;
  }
  return changed ?? headers;
}

/** As it stands; and what has escapes (addresses of pages do) decoded piece by piece. */
function inHeader(value: string, rules: MaskRules, budget: MaskBudget): MaskedText {
  const masked = hideIn(value, rules.patterns, budget);
  if (!masked.text.includes("%")) return masked;
  budget.grant(Buffer.byteLength(masked.text));
  const { count, text } = finishAtOnce(partsInTurns(masked.text, IN_HEADERS, rules.patterns, budget));
  return { text, count: count + masked.count };
}
