/**
 * A tree compiled to a program of numbers: Thompson's automaton with a few further operations for what is not regular. Built from the end:
 * each node knows where to go on. Three ways to compile: as it is (for the backtracking matcher), as a superset in which look-around and
 * references say yes (for automata), and that superset reversed (to find where a match begins).
 */
import { Failure } from "../../../../base/errors.ts";
import { type Assertion, type Node, widthOf } from "./ast.ts";
import { ANY, type CharSet, isDisjoint } from "./char-set.ts";

export const Op = {
  Match: 0,
  /** x: where on, y: number of the set. */
  Set: 1,
  /** x before y. */
  Split: 2,
  Assert: 3,
  /** y: number of the slot. */
  Save: 4,
  /** y: group × 2, plus 1 when caseless. */
  Back: 5,
  /** y: number of the look-around. */
  Look: 6,
  /** y: where the atomic piece begins; it ends in a Match of its own. */
  Atomic: 7,
  /** y: register that keeps where a round of a loop began. */
  Mark: 8,
  /** Fails a round that took nothing. */
  Check: 9,
} as const;

export const ASSERTIONS: readonly Assertion[] = [
  "line_start",
  "line_end",
  "text_start",
  "text_end",
  "text_end_newline",
  "word_edge",
  "no_word_edge",
];

/** Counted repetitions are written out: this bounds what `(a{100}){100}` makes. The largest pattern of the Core Rule Set takes a tenth. */
export const PROGRAM_SIZE_MAX = 30_000;

export interface LookAround {
  readonly isAhead: boolean;
  readonly isNegative: boolean;
  /** Look-behind: one entry for each length that is possible; look-ahead: one, length 0. */
  readonly entries: readonly { readonly pc: number; readonly length: number }[];
}

export interface Program {
  readonly ops: Uint8Array;
  readonly x: Uint16Array;
  readonly y: Uint16Array;
  readonly sets: readonly CharSet[];
  readonly looks: readonly LookAround[];
  readonly start: number;
  readonly registers: number;
  readonly groups: number;
  /** Holds look-around, references, atomic pieces or `\Z`: an automaton alone does not decide it. */
  readonly isIrregular: boolean;
  readonly hasAssertions: boolean;
}

export interface CompileOptions {
  readonly isSuperset?: boolean;
  readonly isReversed?: boolean;
}

export function compileProgram(root: Node, groups: number, options: CompileOptions = {}): Program {
  const compiler = new Compiler(options.isSuperset === true, options.isReversed === true);
  return compiler.program(root, groups);
}

class Compiler {
  readonly #isSuperset: boolean;
  readonly #isReversed: boolean;
  readonly #ops: number[] = [];
  readonly #x: number[] = [];
  readonly #y: number[] = [];
  readonly #sets: CharSet[] = [];
  readonly #setNumbers = new Map<string, number>();
  readonly #looks: LookAround[] = [];
  #registers = 0;
  #isIrregular = false;
  #hasAssertions = false;

  constructor(isSuperset: boolean, isReversed: boolean) {
    this.#isSuperset = isSuperset;
    this.#isReversed = isReversed;
  }

  program(root: Node, groups: number): Program {
    const end = this.#push(Op.Match, 0, 0);
    const first = this.#saves() ? this.#push(Op.Save, end, 1) : end;
    const body = this.#emit(root, first);
    const start = this.#saves() ? this.#push(Op.Save, body, 0) : body;
    return {
      ops: Uint8Array.from(this.#ops),
      x: Uint16Array.from(this.#x),
      y: Uint16Array.from(this.#y),
      sets: this.#sets,
      looks: this.#looks,
      start,
      registers: this.#registers,
      groups,
      isIrregular: this.#isIrregular,
      hasAssertions: this.#hasAssertions,
    };
  }

  #saves(): boolean {
    return !this.#isSuperset;
  }

  #push(op: number, x: number, y: number): number {
    if (this.#ops.length >= PROGRAM_SIZE_MAX)
      throw new Failure(
        "waf.regex_too_large",
        `compiled a regular expression: it takes more than ${PROGRAM_SIZE_MAX} steps once its repetitions are written out; required: fewer`,
      );
    this.#ops.push(op);
    this.#x.push(x);
    this.#y.push(y);
    return this.#ops.length - 1;
  }

  /** Where a node begins that goes on at `next`. */
  #emit(node: Node, next: number): number {
    switch (node.kind) {
      case "empty":
        return next;
      case "set":
        return this.#push(Op.Set, next, this.#setNumber(node.set));
      case "cat":
        return this.#cat(node.items, next);
      case "alt":
        return node.items
          .map((item) => this.#emit(item, next))
          .reduceRight((rest, entry) => this.#push(Op.Split, entry, rest));
      case "repeat":
        return this.#repeat(node, next);
      case "group":
        return this.#group(node, next);
      case "assert":
        return this.#assert(node.what, next);
      default:
        return this.#special(node, next);
    }
  }

  #cat(items: readonly Node[], next: number): number {
    let entry = next;
    if (this.#isReversed) for (let at = 0; at < items.length; at += 1) entry = this.#emit(items[at]!, entry);
    else for (let at = items.length - 1; at >= 0; at -= 1) entry = this.#emit(this.#relaxed(items, at), entry);
    return entry;
  }

  /** `a*+b` is `a*b` where what follows cannot begin with what is repeated: then it stays regular. */
  #relaxed(items: readonly Node[], at: number): Node {
    const node = items[at]!;
    if (
      node.kind !== "repeat" ||
      node.mode !== "possessive" ||
      node.item.kind !== "set" ||
      node.max !== Number.POSITIVE_INFINITY
    )
      return node;
    const follower = items[at + 1];
    const first = follower === undefined ? undefined : firstOf(follower);
    return first !== undefined && isDisjoint(first, node.item.set) ? { ...node, mode: "greedy" } : node;
  }

  #group(node: Extract<Node, { kind: "group" }>, next: number): number {
    if (!this.#saves()) return this.#emit(node.item, next);
    const close = this.#push(Op.Save, next, node.index * 2 + 1);
    return this.#push(Op.Save, this.#emit(node.item, close), node.index * 2);
  }

  #assert(what: Assertion, next: number): number {
    this.#hasAssertions = true;
    if (what === "text_end_newline") {
      this.#isIrregular = true;
      // For automata: the end of any line. A superset.
      if (this.#isSuperset) return this.#push(Op.Assert, next, ASSERTIONS.indexOf("line_end"));
    }
    return this.#push(Op.Assert, next, ASSERTIONS.indexOf(what));
  }

  #repeat(node: Extract<Node, { kind: "repeat" }>, next: number): number {
    if (node.mode === "possessive") {
      const greedy: Node = { ...node, mode: "greedy" };
      return this.#emit(this.#isSuperset ? greedy : { kind: "atomic", item: greedy }, next);
    }
    const isLazy = node.mode === "lazy";
    let entry = next;
    if (node.max === Number.POSITIVE_INFINITY) entry = this.#star(node.item, isLazy, next);
    else
      for (let at = node.min; at < node.max; at += 1) entry = this.#choice(this.#emit(node.item, entry), next, isLazy);
    for (let at = 0; at < node.min; at += 1) entry = this.#emit(node.item, entry);
    return entry;
  }

  #choice(body: number, next: number, isLazy: boolean): number {
    return isLazy ? this.#push(Op.Split, next, body) : this.#push(Op.Split, body, next);
  }

  #star(item: Node, isLazy: boolean, next: number): number {
    const split = this.#push(Op.Split, next, next);
    const isNullable = this.#saves() && widthOf(item)[0] === 0;
    let body: number;
    if (isNullable) {
      const register = this.#registers;
      this.#registers += 1;
      const check = this.#push(Op.Check, split, register);
      body = this.#push(Op.Mark, this.#emit(item, check), register);
    } else body = this.#emit(item, split);
    if (isLazy) this.#y[split] = body;
    else this.#x[split] = body;
    return split;
  }

  #special(node: Extract<Node, { kind: "look" | "atomic" | "backreference" }>, next: number): number {
    this.#isIrregular = true;
    if (node.kind === "backreference") {
      if (this.#isSuperset) return this.#star({ kind: "set", set: ANY }, false, next);
      return this.#push(Op.Back, next, node.index * 2 + (node.isCaseless ? 1 : 0));
    }
    if (node.kind === "atomic") {
      if (this.#isSuperset) return this.#emit(node.item, next);
      return this.#push(Op.Atomic, next, this.#emit(node.item, this.#push(Op.Match, 0, 0)));
    }
    if (this.#isSuperset) return next;
    this.#looks.push({ isAhead: node.isAhead, isNegative: node.isNegative, entries: this.#entries(node) });
    return this.#push(Op.Look, next, this.#looks.length - 1);
  }

  #entries(node: Extract<Node, { kind: "look" }>): { pc: number; length: number }[] {
    const branches = node.item.kind === "alt" && !node.isAhead ? node.item.items : [node.item];
    return branches.map((branch) => {
      const [min, max] = widthOf(branch);
      if (!node.isAhead && min !== max)
        throw new Failure(
          "waf.regex_invalid",
          `compiled a look-behind whose branch takes ${min} to ${max} bytes; required: one length for each branch`,
        );
      return { pc: this.#emit(branch, this.#push(Op.Match, 0, 0)), length: node.isAhead ? 0 : min };
    });
  }

  #setNumber(set: CharSet): number {
    const key = set.join();
    let number = this.#setNumbers.get(key);
    if (number === undefined) {
      number = this.#sets.length;
      this.#sets.push(set);
      this.#setNumbers.set(key, number);
    }
    return number;
  }
}

/** The bytes that a node begins with; undefined where it may take nothing or that is not simple. */
function firstOf(node: Node): CharSet | undefined {
  if (node.kind === "set") return node.set;
  if (node.kind === "group" || node.kind === "atomic") return firstOf(node.item);
  if (node.kind === "repeat") return node.min > 0 ? firstOf(node.item) : undefined;
  if (node.kind === "cat") return firstOf(node.items[0]!);
  if (node.kind !== "alt") return undefined;
  const sets = node.items.map(firstOf);
  if (sets.some((set) => set === undefined)) return undefined;
  return sets.reduce<CharSet>((all, set) => all.map((word, at) => (word | set![at]!) >>> 0), new Uint32Array(8));
}
