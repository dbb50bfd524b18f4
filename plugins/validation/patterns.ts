/**
 * Patterns: a string must match a regular expression (JavaScript's, Unicode mode). Such expressions backtrack, so a pattern with
 * a repeat inside a repeat can take exponential time on a nasty text. Three guards: texts are bounded in length, a pattern of
 * that shape is warned about when the stage starts, and the stage's `timeout_ms` kills what still runs away.
 */
import type { Batch } from "distributed-system";
import { type Faults, messageOf } from "../common/faults.ts";
import { compileItems, show } from "../common/items.ts";
import type { Reasons } from "./reasons.ts";
import type { Rule } from "./rules.ts";

/** Longest text that is matched, in UTF-16 units: quadratic patterns stay in milliseconds; longer texts are invalid. */
export const PATTERN_TEXT_MAX = 4096;

/** `patterns=email:^[^@]+@[^@]+$`: a string value must match; not anchored unless the pattern is. */
export function patternRules(text: string, faults: Faults, warn: (message: string) => void): Rule[] {
  return compileItems("patterns", text, faults, ({ name, rest }) => {
    const pattern = compile(name, rest);
    if (nestsRepeats(rest)) {
      warn(
        `pattern of field ${name} repeats a group that repeats something itself: hostile text can make it very slow`,
      );
    }
    return { check: (batch, reasons) => checkPattern(batch, name, pattern, reasons) };
  });
}

function compile(field: string, source: string): RegExp {
  try {
    return new RegExp(source, "u");
  } catch (error) {
    throw new Error(`"${source}" of field ${field} is no regular expression: ${messageOf(error)}`);
  }
}

function checkPattern(batch: Batch, field: string, pattern: RegExp, reasons: Reasons): void {
  const column = batch.column(field);
  if (column === undefined) return;
  for (let row = 0; row < batch.length; row++) {
    const text = column.string(row);
    if (text === undefined || !batch.isLive(row)) continue;
    if (text.length > PATTERN_TEXT_MAX) {
      reasons.add(
        row,
        `${field}: a text of ${text.length} units is too long to be matched; at most ${PATTERN_TEXT_MAX} are allowed`,
      );
    } else if (!pattern.test(text)) {
      reasons.add(row, `${field}: ${show(text)} does not match; ${pattern.source} is required`);
    }
  }
}

/** True when an unbounded repeat stands on a group that has an unbounded repeat in it, as in (a+)+. */
export function nestsRepeats(source: string): boolean {
  const plain = source.replace(/\\./gsu, "x").replace(/\[[^\]]*\]/gsu, "x"); // escapes and classes count as one letter
  const groups: boolean[] = [];
  let repeatsInside = false;
  for (let at = 0; at < plain.length; at++) {
    const char = plain[at]!;
    if (char === "(") {
      groups.push(repeatsInside);
      repeatsInside = false;
    } else if (char === ")") {
      if (repeatsInside && isRepeat(plain, at + 1)) return true;
      repeatsInside = (groups.pop() ?? false) || repeatsInside;
    } else if (isRepeat(plain, at)) repeatsInside = true;
  }
  return false;
}

function isRepeat(text: string, at: number): boolean {
  return text[at] === "*" || text[at] === "+" || /^\{\d*,\}/u.test(text.slice(at, at + 12));
}
