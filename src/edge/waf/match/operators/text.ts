/** Operators that compare texts and numbers. */
import type { Bytes } from "../bytes.ts";
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

/** As C's atoi: what is no number is 0. */
export function integerOf(text: Bytes): number {
  const match = /^[\t-\r ]*([+-]?[0-9]{1,18})/.exec(text);
  return match === null ? 0 : Number(match[1]);
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
