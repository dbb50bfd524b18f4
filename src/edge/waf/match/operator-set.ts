/**
 * The operators of one set of rules. What they search for goes into one filter: a value is read once, and an operator whose literals are not
 * in it says no without looking.
 */
import { Failure } from "../../../base/errors.ts";
import type { InTurns } from "../../../base/turns.ts";
import type { Bytes } from "./bytes.ts";
import type { Operator, OperatorSpec } from "./operator.ts";
import { ADDRESS_OPERATORS } from "./operators/address.ts";
import { DETECT_OPERATORS } from "./operators/detect.ts";
import { PATTERN_OPERATORS } from "./operators/pattern.ts";
import { TEXT_OPERATORS } from "./operators/text.ts";
import { VALIDATE_OPERATORS } from "./operators/validate.ts";
import type { Matcher, MatcherFactory } from "./operators/words.ts";
import { type OperatorFilter, Prefilter } from "./prefilter.ts";
import type { MatchRun } from "./run.ts";
import type { Subject } from "./subject.ts";

/** Arguments with macros in them: expanded ones that are kept compiled. They rarely change from request to request. */
const EXPANDED_MAX = 64;

const FACTORIES: Readonly<Record<string, MatcherFactory>> = {
  ...TEXT_OPERATORS,
  ...VALIDATE_OPERATORS,
  ...ADDRESS_OPERATORS,
  ...PATTERN_OPERATORS,
  ...DETECT_OPERATORS,
};

/** Known names, and why they are not done. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  rbl: "it asks the DNS in the middle of a request",
  geolookup: "there is no database of places",
  gsblookup: "there is no database of sites",
  fuzzyhash: "there is no database of hashes",
  inspectfile: "it would run a program",
  validatedtd: "XML is read without DTDs",
  validateschema: "XML is read without schemas",
  verifycpf: "numbers of this kind are not checked",
  verifyssn: "numbers of this kind are not checked",
  verifysvnr: "numbers of this kind are not checked",
  rsub: "requests are not rewritten by rules",
};

export class OperatorSet {
  readonly #fixed: FixedOperator[] = [];
  readonly #known = new Map<string, FixedOperator>();
  #prefilter: Prefilter | undefined;

  /** Throws `waf.operator_unknown`, `waf.operator_unsupported`, `waf.operator_invalid`, `waf.regex_invalid`, `waf.regex_unsupported`, `waf.regex_too_large`. */
  compile(spec: OperatorSpec): Operator {
    const name = spec.name.toLowerCase();
    const factory = factoryOf(name, spec.name);
    if (spec.isDynamic) return new DynamicOperator(name, factory);
    const key = `${name} ${spec.argument}`;
    const known = spec.data === undefined ? this.#known.get(key) : undefined;
    if (known !== undefined) return known;
    const operator = new FixedOperator(name, factory(spec.argument, spec.data));
    if (this.#prefilter === undefined && isFilterable(operator.matcher)) this.#fixed.push(operator);
    this.#known.set(key, operator);
    return operator;
  }

  /** Builds the filter, in turns; to be called once, after the last rule. Operators that are compiled later work without it. */
  *seal(): InTurns<void> {
    if (this.#prefilter !== undefined || this.#fixed.length === 0) return;
    const prefilter = yield* Prefilter.of(this.#fixed.map(({ matcher }) => matcher));
    this.#prefilter = prefilter;
    for (const [bit, operator] of this.#fixed.entries()) {
      operator.filter = { prefilter, bit, word: bit >>> 5, mask: 1 << (bit & 31) };
      operator.matcher.attach?.(prefilter, bit);
    }
  }

  /** For people who ask how rules were compiled. */
  counts(): { readonly filtered: number; readonly unfiltered: number; readonly filterStates: number } {
    const all = this.#known.size;
    return {
      filtered: this.#fixed.length,
      unfiltered: all - this.#fixed.length,
      filterStates: this.#prefilter?.stateCount ?? 0,
    };
  }
}

/** What says nothing of its values is still worth a bit: it remembers which of them did not match. */
function isFilterable({ required, kinds }: Matcher): boolean {
  return required !== undefined || kinds !== undefined;
}

function factoryOf(name: string, written: string): MatcherFactory {
  if (Object.hasOwn(FACTORIES, name)) return FACTORIES[name]!;
  const reason = Object.hasOwn(UNSUPPORTED, name) ? UNSUPPORTED[name] : undefined;
  if (reason !== undefined) throw new Failure("waf.operator_unsupported", `compiled @${written}: ${reason}`);
  throw new Failure("waf.operator_unknown", `compiled @${written}: there is no operator of this name`);
}

class FixedOperator implements Operator {
  readonly name: string;
  readonly matcher: Matcher;
  filter: OperatorFilter | undefined;

  constructor(name: string, matcher: Matcher) {
    this.name = name;
    this.matcher = matcher;
  }

  match(subject: Subject, run: MatchRun): boolean {
    const { filter } = this;
    if (filter === undefined) return !run.isExhausted && this.matcher.match(subject, run);
    filter.prefilter.activate(filter.bit);
    const hits = subject.hits(filter.prefilter, run);
    if ((hits[filter.word]! & filter.mask) === 0 || run.isExhausted) return false;
    const isMatch = this.matcher.match(subject, run);
    // Known from now on: rules that ask again, and requests that share the subject, need not look.
    if (!isMatch && !run.isExhausted) subject.excludes(filter);
    return isMatch;
  }
}

class DynamicOperator implements Operator {
  readonly name: string;
  readonly #factory: MatcherFactory;
  readonly #expanded = new Map<Bytes, Matcher>();

  constructor(name: string, factory: MatcherFactory) {
    this.name = name;
    this.#factory = factory;
  }

  /** Throws as `OperatorSet.compile` does where the expanded argument makes no sense. */
  match(subject: Subject, run: MatchRun, argument: Bytes = ""): boolean {
    let matcher = this.#expanded.get(argument);
    if (matcher === undefined) {
      matcher = this.#factory(argument, undefined);
      if (this.#expanded.size >= EXPANDED_MAX) this.#expanded.clear();
      this.#expanded.set(argument, matcher);
    }
    return !run.isExhausted && matcher.match(subject, run);
  }
}
