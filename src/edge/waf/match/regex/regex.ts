/**
 * One pattern, ready to be matched: an automaton says whether it can match, and only where it can does anything else run. All parts are made
 * when they are first needed.
 */
import type { Bytes } from "../bytes.ts";
import { CAPTURES_MAX, type MatchRun } from "../run.ts";
import type { Node } from "./ast.ts";
import { Automaton } from "./automaton.ts";
import { Backtracker } from "./backtracker.ts";
import { requiredLiterals } from "./literals.ts";
import { neededKinds } from "./needs.ts";
import { parsePattern } from "./parser.ts";
import { compileProgram, type Program } from "./program.ts";

/** Groups are looked for in matches up to this size (bytes): what a pattern with `.*` swallows is shown, not taken apart. */
const GROUP_WINDOW_MAX = 16_384;

export interface RegexOptions {
  readonly isCaseless?: boolean | undefined;
}

export class Regex {
  readonly pattern: Bytes;
  readonly isIrregular: boolean;
  /** In lower case: one of them is in every match; undefined: nothing is known. */
  readonly required: readonly Bytes[] | undefined;
  /** Of each of these sets one kind of byte is in every match; see kinds.ts. */
  readonly kinds: readonly number[];
  readonly #root: Node;
  readonly #program: Program;
  readonly #groups: number;
  #superset: Program | undefined;
  #any: Automaton | undefined;
  #first: Automaton | undefined;
  #back: Automaton | undefined;
  #backtracker: Backtracker | undefined;

  private constructor(pattern: Bytes, isCaseless: boolean) {
    const { root, groups } = parsePattern(pattern, isCaseless);
    this.pattern = pattern;
    this.#root = root;
    this.#groups = groups;
    this.#program = compileProgram(root, groups);
    this.isIrregular = this.#program.isIrregular;
    this.required = requiredLiterals(root);
    this.kinds = neededKinds(root);
  }

  /** Throws `waf.regex_invalid`, `waf.regex_unsupported` (PCRE knows it) or `waf.regex_too_large`. */
  static compile(pattern: Bytes, options: RegexOptions = {}): Regex {
    return new Regex(pattern, options.isCaseless === true);
  }

  /** Whether the text holds a match; a no is worth nothing once the run is exhausted. */
  test(text: Bytes, run: MatchRun): boolean {
    this.#any ??= new Automaton(this.#supersetProgram(), "any");
    if (!this.#any.test(text, run)) return false;
    return !this.isIrregular || this.#irregular().search(text, 0, text.length, text.length, run);
  }

  /** Like test, and writes what matched into the run's captures. */
  find(text: Bytes, run: MatchRun): boolean {
    run.captureCount = 0;
    if (!this.test(text, run)) return false;
    if (!this.isIrregular && !this.#findRegular(text, run)) return false;
    this.#capture(text, run);
    return true;
  }

  /** Begin and end of the first match. */
  span(text: Bytes, run: MatchRun): readonly [number, number] | undefined {
    if (!this.find(text, run)) return undefined;
    const { slots } = this.#irregular();
    return [slots[0]!, slots[1]!];
  }

  /**
   * Every match from left to right, each beginning where the one before ended; those that take nothing are left out. What is found is worth
   * nothing once the run is exhausted: there may be more.
   */
  spans(text: Bytes, run: MatchRun): readonly (readonly [begin: number, end: number])[] {
    const found: (readonly [number, number])[] = [];
    this.#any ??= new Automaton(this.#supersetProgram(), "any");
    if (!this.#any.test(text, run)) return found;
    for (let from = 0; from <= text.length; ) {
      const span = this.isIrregular ? this.#irregularSpan(text, from, run) : this.#regularSpan(text, from, run);
      if (span === undefined) break;
      const [begin, end] = span;
      if (end > begin) found.push(span);
      from = end > begin ? end : end + 1;
    }
    return found;
  }

  #irregularSpan(text: Bytes, from: number, run: MatchRun): readonly [number, number] | undefined {
    const backtracker = this.#irregular();
    if (!backtracker.search(text, from, text.length, text.length, run)) return undefined;
    return [backtracker.slots[0]!, backtracker.slots[1]!];
  }

  /** The end by an automaton, the begin by the reversed one. */
  #regularSpan(text: Bytes, from: number, run: MatchRun): readonly [number, number] | undefined {
    this.#first ??= new Automaton(this.#supersetProgram(), "first");
    const end = this.#first.end(text, from, run);
    if (end < 0) return undefined;
    this.#back ??= new Automaton(
      compileProgram(this.#root, this.#groups, { isSuperset: true, isReversed: true }),
      "longest",
    );
    const begin = this.#back.begin(text, from, end, run);
    return begin < 0 ? undefined : [begin, end];
  }

  #supersetProgram(): Program {
    this.#superset ??= compileProgram(this.#root, this.#groups, { isSuperset: true });
    return this.#superset;
  }

  #irregular(): Backtracker {
    this.#backtracker ??= new Backtracker(this.#program);
    return this.#backtracker;
  }

  /** Where it begins and ends, then the groups between the two. */
  #findRegular(text: Bytes, run: MatchRun): boolean {
    const span = this.#regularSpan(text, 0, run);
    if (span === undefined) return false;
    const [begin, end] = span;
    const backtracker = this.#irregular();
    const isSmall = this.#groups > 0 && end - begin <= GROUP_WINDOW_MAX;
    if (isSmall && backtracker.search(text, begin, begin, end, run)) return true;
    backtracker.slots.fill(-1);
    backtracker.slots[0] = begin;
    backtracker.slots[1] = end;
    return !run.isExhausted;
  }

  #capture(text: Bytes, run: MatchRun): void {
    const { slots } = this.#irregular();
    const count = Math.min(CAPTURES_MAX, slots.length >> 1);
    for (let group = 0; group < count; group += 1) {
      const [begin, end] = [slots[group * 2]!, slots[group * 2 + 1]!];
      run.capture(group, begin < 0 ? "" : text.slice(begin, end));
    }
    run.note = run.captures[0]!;
  }
}
