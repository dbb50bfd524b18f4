/** What the files of operators share. */
import { Failure } from "../../../../base/errors.ts";
import type { Bytes } from "../bytes.ts";
import type { MatchRun } from "../run.ts";
import type { Subject } from "../subject.ts";

/** An operator with its argument in it. */
export interface Matcher {
  match(subject: Subject, run: MatchRun): boolean;
  /** In lower case: one of them is in every value that matches; undefined: nothing is known. */
  readonly required?: readonly Bytes[] | undefined;
  /** Of each of these sets one kind of byte is in every value that matches; see kinds.ts. */
  readonly kinds?: readonly number[] | undefined;
  /** Told once where its literals can be asked for. */
  attach?(locator: Locator, pattern: number): void;
}

/** Finds where the first of one matcher's literals ends. */
export interface Locator {
  /** -1: none is there. */
  end(value: Bytes, pattern: number): number;
}

/** `data`: what the file holds that the argument names. */
export type MatcherFactory = (argument: Bytes, data: Bytes | undefined) => Matcher;

export function invalidArgument(name: string, argument: Bytes, required: string): Failure {
  const shown = argument.length > 80 ? `${argument.slice(0, 80)}…` : argument;
  return new Failure("waf.operator_invalid", `compiled @${name} "${shown}"; required: ${required}`);
}

/** The whole value is what a log shows and `TX:0` holds. */
export function byValue(test: (value: Bytes) => boolean): Matcher {
  return {
    match(subject, run) {
      if (!test(subject.value)) return false;
      run.captureCount = 0;
      if (run.wantsCaptures) run.capture(0, subject.value);
      run.note = subject.value;
      return true;
    },
  };
}
