/**
 * All literals of all patterns in one automaton (Aho-Corasick): one pass over a value tells which patterns can match it, together with the
 * kinds of bytes that each pattern needs. ASCII case does not count: literals are in lower case, the value is folded while it is read. The table
 * is built once; a scan allocates only its answer, and nothing where no pattern can match.
 */
import type { InTurns } from "../../../base/turns.ts";
import type { Bytes } from "./bytes.ts";
import { kindsOf } from "./kinds.ts";
import { type LiteralAutomaton, literalAutomaton } from "./literal-automaton.ts";

/** What has to be in a value for one pattern to match. */
export interface Filterable {
  /** In lower case: one of them; undefined: nothing is known. */
  readonly required?: readonly Bytes[] | undefined;
  /** Of each of these sets one kind of byte; see kinds.ts. */
  readonly kinds?: readonly number[] | undefined;
}

/**
 * A bit in `Subject.hits(prefilter)`: without it a value cannot match. For callers that have many values and ask for all of them at once; they
 * call `prefilter.activate(bit)` before.
 */
export interface OperatorFilter {
  readonly prefilter: Prefilter;
  readonly bit: number;
  readonly word: number;
  readonly mask: number;
}

export class Prefilter {
  readonly #classOf: Uint8Array;
  readonly #width: number;
  /** State × width + class → state; below zero (`~state`) where it has patterns. */
  readonly #table: Int32Array;
  /** By state's number: first and behind last of its patterns in `#patterns`. */
  readonly #from: Int32Array;
  readonly #patterns: Int32Array;
  readonly #words: number;
  readonly #seen: Uint32Array;
  #round = 0;
  /** Patterns without literals. */
  readonly #always: Int32Array;
  /** By pattern: where its needs begin in `#needs`. */
  readonly #needsFrom: Int32Array;
  readonly #needs: Int32Array;
  readonly #found: Int32Array;
  /** Patterns that somebody asks for. */
  readonly #active: Int32Array;
  /** Another one when one more pattern is asked for: what was scanned before says nothing of it. */
  #epoch: object = {};
  /** What `scan` gives where no pattern can match: always this one. */
  readonly none: number[];

  /** Yields while it builds the automaton. Fails with `waf.rules_too_large`. */
  static *of(patterns: readonly Filterable[]): InTurns<Prefilter> {
    const literals = patterns.map(({ required }) => required ?? []);
    return new Prefilter(patterns, yield* literalAutomaton(literals));
  }

  private constructor(patterns: readonly Filterable[], automaton: LiteralAutomaton) {
    this.#words = (patterns.length + 31) >>> 5;
    this.#always = new Int32Array(this.#words);
    this.#active = new Int32Array(this.#words);
    for (const [at, { required }] of patterns.entries()) if (required === undefined) setBit(this.#always, at);
    this.#needs = Int32Array.from(patterns.flatMap(({ kinds }) => kinds ?? []));
    this.#needsFrom = new Int32Array(patterns.length + 1);
    for (const [at, { kinds }] of patterns.entries())
      this.#needsFrom[at + 1] = this.#needsFrom[at]! + (kinds?.length ?? 0);
    this.#found = new Int32Array(this.#words);
    this.none = new Array<number>(this.#words).fill(0);
    this.#classOf = automaton.classOf;
    this.#width = automaton.width;
    this.#table = automaton.table;
    this.#from = automaton.from;
    this.#patterns = automaton.patterns;
    this.#seen = new Uint32Array(automaton.stateCount);
  }

  /** Of 32 bits each, in what `scan` gives. */
  get wordCount(): number {
    return this.#words;
  }

  get stateCount(): number {
    return this.#seen.length;
  }

  get epoch(): object {
    return this.#epoch;
  }

  /** From now on a scan tells of this pattern too. Of a large set of rules many are never asked: their marks would only be in the way. */
  activate(pattern: number): void {
    if (((this.#active[pattern >>> 5]! >>> (pattern & 31)) & 1) === 1) return;
    setBit(this.#active, pattern);
    this.#epoch = {};
  }

  /** One bit for each active pattern that can match. */
  scan(value: Bytes, kinds = kindsOf(value)): number[] {
    return this.allowed(this.literals(value), kinds);
  }

  /** Patterns one of whose literals is in the value, active or not; to be copied by who keeps it. */
  literals(value: Bytes): Int32Array {
    const found = this.#found;
    found.set(this.#always);
    const classOf = this.#classOf;
    const seen = this.#seen;
    const table = this.#table;
    const width = this.#width;
    this.#round = (this.#round + 1) >>> 0;
    const round = this.#round;
    let state = 0;
    for (let at = 0; at < value.length; at += 1) {
      state = table[Math.imul(state, width) + classOf[value.charCodeAt(at) & 255]!]!;
      // Those below zero are states with patterns.
      if (state >= 0) continue;
      state = ~state;
      if (seen[state] === round) continue;
      seen[state] = round;
      this.#mark(state, found);
    }
    return found;
  }

  /** Those of the patterns found that are active and whose needs are met. */
  allowed(found: Int32Array, kinds: number): number[] {
    let hits: number[] | undefined;
    for (let word = 0; word < found.length; word += 1) {
      let rest = found[word]! & this.#active[word]!;
      while (rest !== 0) {
        const bit = rest & -rest;
        rest &= ~bit;
        if (!this.#isAllowed(word * 32 + 31 - Math.clz32(bit), kinds)) continue;
        hits ??= this.none.slice();
        hits[word]! |= bit;
      }
    }
    return hits ?? this.none;
  }

  /** The bits of both. Neither is changed; where one holds all of the other it is given back. */
  either(one: readonly number[], other: readonly number[]): readonly number[] {
    if (one === other || other === this.none) return one;
    if (one === this.none) return other.slice();
    for (let word = 0; word < one.length; word += 1) {
      if ((one[word]! | other[word]!) === one[word]!) continue;
      const both = one.slice();
      for (; word < both.length; word += 1) both[word]! |= other[word]!;
      return both;
    }
    return one;
  }

  #isAllowed(pattern: number, kinds: number): boolean {
    const to = this.#needsFrom[pattern + 1]!;
    for (let at = this.#needsFrom[pattern]!; at < to; at += 1) if ((this.#needs[at]! & kinds) === 0) return false;
    return true;
  }

  /** Where the first literal of a pattern ends; -1: none is there. */
  end(value: Bytes, pattern: number): number {
    let state = 0;
    for (let at = 0; at < value.length; at += 1) {
      state = this.#table[state * this.#width + this.#classOf[value.charCodeAt(at) & 255]!]!;
      if (state >= 0) continue;
      state = ~state;
      if (this.#has(state, pattern)) return at + 1;
    }
    return -1;
  }

  #has(state: number, pattern: number): boolean {
    const to = this.#from[state + 1]!;
    for (let at = this.#from[state]!; at < to; at += 1) if (this.#patterns[at] === pattern) return true;
    return false;
  }

  #mark(state: number, hits: Int32Array): void {
    const to = this.#from[state + 1]!;
    for (let at = this.#from[state]!; at < to; at += 1) {
      const pattern = this.#patterns[at]!;
      hits[pattern >>> 5] = hits[pattern >>> 5]! | (1 << (pattern & 31));
    }
  }
}

function setBit(bits: Int32Array, at: number): void {
  bits[at >>> 5] = bits[at >>> 5]! | (1 << (at & 31));
}
