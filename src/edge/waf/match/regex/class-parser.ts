/** Escapes and bracketed classes of PCRE patterns: what a piece of a pattern that stands for one byte means. */
import { Failure } from "../../../../base/errors.ts";
import {
  addByte,
  addRange,
  addSet,
  type CharSet,
  DIGITS,
  folded,
  HORIZONTAL,
  inverted,
  POSIX,
  SPACE,
  VERTICAL,
  WORD,
} from "./char-set.ts";

/** Where the reading stands. */
export interface Cursor {
  readonly pattern: string;
  at: number;
}

export function invalid(cursor: Cursor, problem: string): Failure {
  const near = cursor.pattern.slice(Math.max(0, cursor.at - 15), cursor.at + 10);
  return new Failure(
    "waf.regex_invalid",
    `read a regular expression: at byte ${cursor.at} (near "${near}"): ${problem}`,
  );
}

/** PCRE knows it, and it is not done here. */
export function unsupported(cursor: Cursor, problem: string): Failure {
  return new Failure("waf.regex_unsupported", invalid(cursor, problem).message);
}

const SHORT: Readonly<Record<string, CharSet>> = {
  d: DIGITS,
  D: inverted(DIGITS),
  w: WORD,
  W: inverted(WORD),
  s: SPACE,
  S: inverted(SPACE),
  h: HORIZONTAL,
  H: inverted(HORIZONTAL),
  v: VERTICAL,
  V: inverted(VERTICAL),
};

const CONTROL: Readonly<Record<string, number>> = { a: 7, e: 27, f: 12, n: 10, r: 13, t: 9 };

/** After a backslash: a set (`\d`), or undefined where the escape stands for one byte. */
export function shortSet(letter: string): CharSet | undefined {
  return Object.hasOwn(SHORT, letter) ? SHORT[letter] : undefined;
}

/** The byte that an escape stands for; the cursor is behind the backslash. */
export function escapedByte(cursor: Cursor): number {
  const letter = cursor.pattern[cursor.at];
  if (letter === undefined) throw invalid(cursor, "a backslash at the end; required: what it escapes");
  cursor.at += 1;
  if (Object.hasOwn(CONTROL, letter)) return CONTROL[letter]!;
  if (letter === "x") return hexByte(cursor);
  if (letter === "c") return controlByte(cursor);
  if (letter >= "0" && letter <= "7") return octalByte(cursor, letter);
  if (/[A-Za-z0-9]/.test(letter)) throw unsupported(cursor, `the escape \\${letter} is not known here`);
  return letter.charCodeAt(0);
}

function hexByte(cursor: Cursor): number {
  const braced = /^\{([0-9a-fA-F]{1,6})\}/.exec(cursor.pattern.slice(cursor.at, cursor.at + 8));
  const digits = braced?.[1] ?? /^[0-9a-fA-F]{0,2}/.exec(cursor.pattern.slice(cursor.at, cursor.at + 2))![0];
  const value = digits === "" ? 0 : Number.parseInt(digits, 16);
  if (value > 255) throw invalid(cursor, `\\x{${digits}} is no byte; required: at most \\x{ff}`);
  cursor.at += braced === null ? digits.length : braced[0].length;
  return value;
}

function controlByte(cursor: Cursor): number {
  const letter = cursor.pattern[cursor.at];
  if (letter === undefined) throw invalid(cursor, "\\c at the end; required: the letter of a control byte");
  cursor.at += 1;
  return letter.toUpperCase().charCodeAt(0) ^ 64;
}

function octalByte(cursor: Cursor, first: string): number {
  const more = /^[0-7]{0,2}/.exec(cursor.pattern.slice(cursor.at, cursor.at + 2))![0];
  cursor.at += more.length;
  return Number.parseInt(first + more, 8) & 255;
}

/** `[…]`; the cursor is behind the bracket. Case is folded before a `^` turns the class around. */
export function parseClass(cursor: Cursor, isCaseless: boolean): CharSet {
  const set = new Uint32Array(8);
  const isNegated = cursor.pattern[cursor.at] === "^";
  if (isNegated) cursor.at += 1;
  for (let isFirst = true; ; isFirst = false) {
    const char = cursor.pattern[cursor.at];
    if (char === undefined) throw invalid(cursor, "a class is not closed; required: ]");
    if (char === "]" && !isFirst) break;
    const low = classItem(cursor);
    if (typeof low !== "number") {
      addSet(set, low);
      continue;
    }
    const high = rangeEnd(cursor);
    if (high === undefined) addByte(set, low);
    else if (high < low) throw invalid(cursor, "a range of a class runs backwards");
    else addRange(set, low, high);
  }
  cursor.at += 1;
  const whole = isCaseless ? folded(set) : set;
  return isNegated ? inverted(whole) : whole;
}

/** The upper end where `-x` follows; a `-` before a set or the closing bracket is itself. */
function rangeEnd(cursor: Cursor): number | undefined {
  const { pattern, at } = cursor;
  if (pattern[at] !== "-" || pattern[at + 1] === "]" || pattern[at + 1] === undefined) return undefined;
  cursor.at += 1;
  const high = classItem(cursor);
  if (typeof high === "number") return high;
  cursor.at = at;
  return undefined;
}

function classItem(cursor: Cursor): number | CharSet {
  const { pattern } = cursor;
  const char = pattern[cursor.at]!;
  if (char === "[" && pattern[cursor.at + 1] === ":") {
    const named = /^\[:(\^?)([a-z]+):\]/.exec(pattern.slice(cursor.at, cursor.at + 14));
    if (named !== null) {
      const set = Object.hasOwn(POSIX, named[2]!) ? POSIX[named[2]!]! : undefined;
      if (set === undefined) throw invalid(cursor, `there is no class [:${named[2]}:]`);
      cursor.at += named[0].length;
      return named[1] === "^" ? inverted(set) : set;
    }
  }
  cursor.at += 1;
  if (char !== "\\") return char.charCodeAt(0) & 255;
  const next = pattern[cursor.at] ?? "";
  if (next === "b") {
    cursor.at += 1;
    return 8;
  }
  const short = shortSet(next);
  if (short === undefined) return escapedByte(cursor);
  cursor.at += 1;
  return short;
}
