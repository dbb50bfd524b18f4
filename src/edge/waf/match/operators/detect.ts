/** Operators that ask the detectors. */
import type { Bytes } from "../bytes.ts";
import { detectSqli } from "../detect/sqli.ts";
import { detectXss } from "../detect/xss.ts";
import { kindsOf } from "../kinds.ts";
import type { MatchRun } from "../run.ts";
import type { Matcher, MatcherFactory } from "./words.ts";

/** Both detectors look at a value a few times. */
const PASSES = 4;

/** A value of word characters and dots only is one token in every context, and none of that is an attack: something else has to be there. */
const SQL_KINDS: readonly number[] = [~kindsOf("Aa.")];
/** Nothing acts without an element or an attribute's sign. */
const HTML_KINDS: readonly number[] = [kindsOf("<=")];

function byDetector(detect: (value: Bytes) => Bytes | undefined, kinds: readonly number[]): Matcher {
  return {
    kinds,
    match(subject, run: MatchRun) {
      if (!run.spend(subject.value.length * PASSES)) return false;
      const found = detect(subject.value);
      if (found === undefined) return false;
      run.captureCount = 0;
      if (run.wantsCaptures) run.capture(0, found);
      run.note = found;
      return true;
    },
  };
}

export const DETECT_OPERATORS: Readonly<Record<string, MatcherFactory>> = {
  detectsqli: () => byDetector(detectSqli, SQL_KINDS),
  detectxss: () => byDetector(detectXss, HTML_KINDS),
};
