/** Operators that compare texts and numbers. */
import type { Bytes } from "../bytes.ts";
import { isSpace } from "../transform/output.ts";
import { lowercase } from "../transform/reduce.ts";
import { byValue, type Matcher, type MatcherFactory } from "./words.ts";

/** Shorter literals are no filter. */
const FILTER_BYTES_MIN = 2;

function contains(argument: Bytes): Matcher {
  const required = argument.length >= FILTER_BYTES_MIN ? [lowercase(argument)] : undefined;
  return {
    ...byPiece(argument, (value) => value.includes(argument)),
    required,
  };
}

/** What matched is the argument. */
function byPiece(argument: Bytes, test: (value: Bytes) => boolean): Matcher {
  return {
    match(subject, run) {
      if (!test(subject.value)) return false;
      run.captureCount = 0;
      if (run.wantsCaptures) run.capture(0, argument);
      run.note = argument;
      return true;
    },
  };
}

function isLetter(code: number): boolean {
  const lower = code | 32;
  return lower >= 97 && lower <= 122;
}

/** No letter before and none behind it. */
function containsWord(argument: Bytes): Matcher {
  if (argument === "") return byValue(() => true);
  return byPiece(argument, (value) => {
    for (let at = value.indexOf(argument); at >= 0; at = value.indexOf(argument, at + 1)) {
      const end = at + argument.length;
      const isFree =
        (at === 0 || !isLetter(value.charCodeAt(at - 1))) && (end === value.length || !isLetter(value.charCodeAt(end)));
      if (isFree) return true;
    }
    return false;
  });
}

/** More digits than that are not read: no rule compares with such numbers. */
const DIGITS_MAX = 18;

/** As C's atoi: what is no number is 0. */
export function integerOf(text: Bytes): number {
  let at = 0;
  while (isSpace(text.charCodeAt(at))) at += 1;
  const isNegative = text.charCodeAt(at) === 45;
  if (isNegative || text.charCodeAt(at) === 43) at += 1;
  const end = at + DIGITS_MAX;
  let number = 0;
  for (; at < end; at += 1) {
    const digit = text.charCodeAt(at) - 48;
    if (!(digit >= 0 && digit <= 9)) break; // nor behind the end
    number = number * 10 + digit;
  }
  return isNegative ? 0 - number : number;
}

function numeric(holds: (value: number, argument: number) => boolean): MatcherFactory {
  return (argument) => {
    const wanted = integerOf(argument);
    return byValue((value) => holds(integerOf(value), wanted));
  };
}

export const TEXT_OPERATORS: Readonly<Record<string, MatcherFactory>> = {
  contains,
  containsword: containsWord,
  strmatch: contains,
  beginswith: (argument) => byPiece(argument, (value) => value.startsWith(argument)),
  endswith: (argument) => byPiece(argument, (value) => value.endsWith(argument)),
  streq: (argument) => byValue((value) => value === argument),
  within: (argument) => byValue((value) => argument.includes(value)),
  eq: numeric((value, wanted) => value === wanted),
  ge: numeric((value, wanted) => value >= wanted),
  gt: numeric((value, wanted) => value > wanted),
  le: numeric((value, wanted) => value <= wanted),
  lt: numeric((value, wanted) => value < wanted),
  nomatch: () => byValue(() => false),
  unconditionalmatch: () => byValue(() => true),
};
