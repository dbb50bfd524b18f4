/** Operators that search: regular expressions, and lists of words. */
import type { Bytes } from "../bytes.ts";
import { kindsOfAny } from "../regex/needs.ts";
import { Regex } from "../regex/regex.ts";
import type { MatchRun } from "../run.ts";
import type { Subject } from "../subject.ts";
import { lowercase } from "../transform/reduce.ts";
import { invalidArgument, type Locator, type Matcher, type MatcherFactory } from "./words.ts";

function rx(argument: Bytes): Matcher {
  const regex = Regex.compile(argument);
  // Single marks are no literals worth a place in the common automaton: it would stop at each of them.
  const isOfMarks = regex.required?.every((text) => text.length === 1) ?? false;
  return {
    required: isOfMarks ? undefined : regex.required,
    kinds: isOfMarks ? [...regex.kinds, ...kindsOfAny(regex.required!)] : regex.kinds,
    match(subject, run) {
      return run.wantsCaptures ? regex.find(subject.value, run) : regex.test(subject.value, run);
    },
  };
}

/** Without regard to case. The common filter has read the value already; it tells where the first word ends as well. */
class WordMatcher implements Matcher {
  readonly required: readonly Bytes[];
  #locator: Locator | undefined;
  #pattern = 0;

  constructor(words: readonly Bytes[]) {
    this.required = [...new Set(words.map(lowercase))];
  }

  attach(locator: Locator, pattern: number): void {
    this.#locator = locator;
    this.#pattern = pattern;
  }

  match(subject: Subject, run: MatchRun): boolean {
    const { value } = subject;
    if (!run.spend(value.length)) return false;
    const end = this.#locator?.end(value, this.#pattern);
    const word = end === undefined ? firstOf(this.required, lowercase(value)) : this.#endingAt(value, end);
    if (word === undefined) return false;
    note(word, run);
    return true;
  }

  #endingAt(value: Bytes, end: number): Bytes | undefined {
    if (end < 0) return undefined;
    const before = lowercase(value.slice(Math.max(0, end - WORD_BYTES_SHOWN), end));
    return this.required.find((word) => before.endsWith(word)) ?? before;
  }
}

/** Longer phrases are shown by their end. */
const WORD_BYTES_SHOWN = 256;

function note(word: Bytes, run: MatchRun): void {
  run.captureCount = 0;
  if (run.wantsCaptures) run.capture(0, word);
  run.note = word;
}

/** The word that stands first. Once one is found, the others are looked for only before it. */
function firstOf(words: readonly Bytes[], value: Bytes): Bytes | undefined {
  let found: Bytes | undefined;
  let text = value;
  for (const word of words) {
    const at = text.indexOf(word);
    if (at < 0) continue;
    found = word;
    text = text.slice(0, at + word.length - 1);
  }
  return found;
}

/** Words with space between; `|41 42|` are bytes in hexadecimal. */
function pm(argument: Bytes): Matcher {
  const text = argument.replace(/\|((?:[0-9a-fA-F]{2}[ \t]*)+)\|/g, (_, hex: string) =>
    Buffer.from(hex.replace(/\s+/g, ""), "hex").toString("latin1"),
  );
  const words = text.split(/[\t-\r ]+/).filter((word) => word !== "");
  if (words.length === 0) throw invalidArgument("pm", argument, "one word or more");
  return new WordMatcher(words);
}

/** One phrase a line; lines that begin with `#` are comments. */
function pmFromFile(argument: Bytes, data: Bytes | undefined): Matcher {
  if (data === undefined) throw invalidArgument("pmFromFile", argument, "a file that can be read");
  const lines = data.split("\n").map((line) => line.replace(/\r$/, ""));
  const phrases = lines.filter((line) => line.trim() !== "" && !line.startsWith("#"));
  return phrases.length === 0 ? NEVER : new WordMatcher(phrases);
}

const NEVER: Matcher = { match: () => false };

export const PATTERN_OPERATORS: Readonly<Record<string, MatcherFactory>> = {
  rx,
  rxglobal: rx,
  pm,
  pmfromfile: pmFromFile,
  pmf: pmFromFile,
};
