/**
 * Reads a pattern as PCRE writes it, byte by byte (no UTF mode), into a tree. Line mode and dot-matches-all are on from the start, as
 * libmodsecurity compiles its rules. What it refuses: recursion, conditionals, branch reset, \K, \G, Unicode properties, callouts.
 */
import { type Assertion, alt, cat, EMPTY, type Node, type RepeatMode } from "./ast.ts";
import { ANY, type CharSet, folded, NOT_NEWLINE, SPACE, setOf } from "./char-set.ts";
import { type Cursor, escapedByte, invalid, parseClass, shortSet, unsupported } from "./class-parser.ts";

/** Deeper nesting is no pattern of a person; PCRE stops at 250 as well. */
const NESTING_MAX = 250;
/** PCRE's own bound for `{n}`. */
const REPEAT_MAX = 65_535;

export interface Parsed {
  readonly root: Node;
  readonly groups: number;
}

interface Flags {
  readonly i: boolean;
  readonly s: boolean;
  readonly m: boolean;
  readonly x: boolean;
}

export function parsePattern(pattern: string, isCaseless = false): Parsed {
  const parser = new Parser(pattern);
  const root = parser.alternatives({ i: isCaseless, s: true, m: true, x: false }, 0);
  parser.finish();
  return { root, groups: parser.groups };
}

const ASSERTIONS: Readonly<Record<string, Assertion>> = {
  A: "text_start",
  z: "text_end",
  Z: "text_end_newline",
  b: "word_edge",
  B: "no_word_edge",
};

class Parser implements Cursor {
  readonly pattern: string;
  at = 0;
  groups = 0;
  readonly #names = new Map<string, number>();

  constructor(pattern: string) {
    this.pattern = pattern;
  }

  finish(): void {
    if (this.at < this.pattern.length) throw invalid(this, "a closing parenthesis without an opening one");
  }

  /** Up to a closing parenthesis or the end. Flags set inside (`(?i)`) hold to the end of the group. */
  alternatives(flags: Flags, depth: number): Node {
    if (depth > NESTING_MAX) throw unsupported(this, `groups nest more than ${NESTING_MAX} deep`);
    const branches: Node[] = [];
    let items: Node[] = [];
    let now = flags;
    for (;;) {
      const char = this.pattern[this.at];
      if (char === undefined || char === ")") break;
      if (char === "|") {
        this.at += 1;
        branches.push(cat(items));
        items = [];
        continue;
      }
      const set = this.#flagsHere(now);
      if (set !== undefined) now = set;
      else this.#append(items, now, depth);
    }
    branches.push(cat(items));
    return alt(branches);
  }

  #append(items: Node[], flags: Flags, depth: number): void {
    if (this.pattern.startsWith("\\Q", this.at)) {
      items.push(...this.#quoted(flags));
      return;
    }
    if (flags.x && this.#skipSpace()) return;
    const atom = this.#atom(flags, depth);
    items.push(this.#repeated(atom, flags));
  }

  /** `\Q…\E`; a quantifier behind it holds for its last byte. */
  #quoted(flags: Flags): Node[] {
    const end = this.pattern.indexOf("\\E", this.at);
    const text = this.pattern.slice(this.at + 2, end < 0 ? undefined : end);
    this.at = end < 0 ? this.pattern.length : end + 2;
    const nodes = [...text].map((char) => this.#set(setOf(char), flags));
    const last = nodes.pop();
    return last === undefined ? [] : [...nodes, this.#repeated(last, flags)];
  }

  #skipSpace(): boolean {
    const code = this.pattern.charCodeAt(this.at);
    if (this.pattern[this.at] === "#") {
      const end = this.pattern.indexOf("\n", this.at);
      this.at = end < 0 ? this.pattern.length : end + 1;
      return true;
    }
    if (code > 255 || (SPACE[code >>> 5]! & (1 << (code & 31))) === 0) return false;
    this.at += 1;
    return true;
  }

  /** `(?i)`, `(?-m)`, `(?#…)`: nothing but new flags. */
  #flagsHere(flags: Flags): Flags | undefined {
    if (this.pattern[this.at] !== "(" || this.pattern[this.at + 1] !== "?") return undefined;
    if (this.pattern[this.at + 2] === "#") {
      const end = this.pattern.indexOf(")", this.at);
      if (end < 0) throw invalid(this, "a comment is not closed");
      this.at = end + 1;
      return flags;
    }
    const match = /^\(\?([imsx]*)(?:-([imsx]+))?\)/.exec(this.pattern.slice(this.at, this.at + 16));
    if (match === null) return undefined;
    this.at += match[0].length;
    return changed(flags, match[1]!, match[2] ?? "");
  }

  #atom(flags: Flags, depth: number): Node {
    const char = this.pattern[this.at]!;
    this.at += 1;
    if (char === "(") return this.#group(flags, depth);
    if (char === "[") return { kind: "set", set: parseClass(this, flags.i) };
    if (char === ".") return { kind: "set", set: flags.s ? ANY : NOT_NEWLINE };
    if (char === "^") return { kind: "assert", what: flags.m ? "line_start" : "text_start" };
    if (char === "$") return { kind: "assert", what: flags.m ? "line_end" : "text_end_newline" };
    if (char === "\\") return this.#escape(flags);
    if (char === "*" || char === "+" || char === "?") throw invalid(this, `${char} has nothing to repeat`);
    return this.#set(setOf(String.fromCharCode(char.charCodeAt(0) & 255)), flags);
  }

  #set(set: CharSet, flags: Flags): Node {
    return { kind: "set", set: flags.i ? folded(set) : set };
  }

  #escape(flags: Flags): Node {
    const letter = this.pattern[this.at] ?? "";
    if (Object.hasOwn(ASSERTIONS, letter)) return this.#take({ kind: "assert", what: ASSERTIONS[letter]! });
    if (letter === "N") return this.#take({ kind: "set", set: NOT_NEWLINE });
    if (letter === "R") return this.#take(LINE_BREAK);
    const short = shortSet(letter);
    if (short !== undefined) return this.#take({ kind: "set", set: short });
    return this.#reference(flags) ?? this.#set(byteSet(escapedByte(this)), flags);
  }

  #take(node: Node): Node {
    this.at += 1;
    return node;
  }

  /** `\1`, `\g1`, `\g{-1}`, `\k<name>`; numbers above 9 are octal unless so many groups were opened. */
  #reference(flags: Flags): Node | undefined {
    const rest = this.pattern.slice(this.at, this.at + 40);
    const number = /^([1-9][0-9]?)|^g\{?(-?[0-9]{1,2})\}?/.exec(rest);
    const named = /^k(?:<(\w+)>|\{(\w+)\}|'(\w+)')/.exec(rest);
    const match = number ?? named;
    if (match === null) return undefined;
    const name = named?.[1] ?? named?.[2] ?? named?.[3];
    let index = name === undefined ? Number(match[1] ?? match[2]) : (this.#names.get(name) ?? 0);
    if (match[1] !== undefined && index > 9 && index > this.groups) return undefined;
    if (index < 0) index += this.groups + 1;
    if (index < 1) throw invalid(this, `the reference \\${match[0]} names no group`);
    this.at += match[0].length;
    return { kind: "backreference", index, isCaseless: flags.i };
  }

  #group(flags: Flags, depth: number): Node {
    if (this.pattern[this.at] !== "?") return this.#capture(flags, depth);
    const rest = this.pattern.slice(this.at, this.at + 40);
    const named = /^\?(?:P?<([A-Za-z_]\w*)>|'([A-Za-z_]\w*)')/.exec(rest);
    if (named !== null) {
      this.at += named[0].length;
      this.#names.set((named[1] ?? named[2])!, this.groups + 1);
      return this.#capture(flags, depth);
    }
    const look = /^\?(<?)([=!])/.exec(rest);
    if (look !== null) {
      this.at += look[0].length;
      const item = this.#inner(flags, depth);
      return { kind: "look", isAhead: look[1] === "", isNegative: look[2] === "!", item };
    }
    if (rest.startsWith("?>")) {
      this.at += 2;
      return { kind: "atomic", item: this.#inner(flags, depth) };
    }
    const plain = /^\?([imsx]*)(?:-([imsx]+))?:/.exec(rest);
    if (plain === null) throw unsupported(this, `groups of the kind (${rest.slice(0, 3)} are not supported`);
    this.at += plain[0].length;
    return this.#inner(changed(flags, plain[1]!, plain[2] ?? ""), depth);
  }

  #capture(flags: Flags, depth: number): Node {
    this.groups += 1;
    const index = this.groups;
    return { kind: "group", item: this.#inner(flags, depth), index };
  }

  #inner(flags: Flags, depth: number): Node {
    const node = this.alternatives(flags, depth + 1);
    if (this.pattern[this.at] !== ")") throw invalid(this, "a group is not closed; required: )");
    this.at += 1;
    return node;
  }

  #repeated(atom: Node, flags: Flags): Node {
    let node = atom;
    for (;;) {
      if (flags.x) while (this.#skipSpace());
      const bounds = this.#bounds();
      if (bounds === undefined) return node;
      const mark = this.pattern[this.at];
      const mode: RepeatMode = mark === "?" ? "lazy" : mark === "+" ? "possessive" : "greedy";
      if (mode !== "greedy") this.at += 1;
      const [min, max] = bounds;
      node = max === 0 ? EMPTY : { kind: "repeat", item: node, min, max, mode };
    }
  }

  #bounds(): readonly [number, number] | undefined {
    const char = this.pattern[this.at];
    if (char !== "*" && char !== "+" && char !== "?" && char !== "{") return undefined;
    if (char !== "{") {
      this.at += 1;
      return char === "*" ? [0, Number.POSITIVE_INFINITY] : char === "+" ? [1, Number.POSITIVE_INFINITY] : [0, 1];
    }
    const match = /^\{([0-9]{1,6})(,([0-9]{0,6}))?\}/.exec(this.pattern.slice(this.at, this.at + 16));
    if (match === null) return undefined;
    this.at += match[0].length;
    const min = Number(match[1]);
    const max = match[2] === undefined ? min : match[3] === "" ? Number.POSITIVE_INFINITY : Number(match[3]);
    if (max < min) throw invalid(this, `${match[0]} is no repetition; required: the lower number first`);
    if (min > REPEAT_MAX || (max !== Number.POSITIVE_INFINITY && max > REPEAT_MAX))
      throw unsupported(this, `${match[0]} repeats too often; required: at most ${REPEAT_MAX} times`);
    return [min, max];
  }
}

const LINE_BREAK: Node = {
  kind: "atomic",
  item: alt([
    cat([
      { kind: "set", set: setOf("\r") },
      { kind: "set", set: setOf("\n") },
    ]),
    { kind: "set", set: setOf("\n\v\f\r\x85") },
  ]),
};

function byteSet(byte: number): CharSet {
  return setOf(String.fromCharCode(byte));
}

function changed(flags: Flags, on: string, off: string): Flags {
  const value = (name: keyof Flags): boolean => (off.includes(name) ? false : on.includes(name) ? true : flags[name]);
  return { i: value("i"), s: value("s"), m: value("m"), x: value("x") };
}
