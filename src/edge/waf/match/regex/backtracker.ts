/**
 * Runs a program as PCRE would, one way after the other, for what automata cannot say: groups, look-around, references. It is asked only
 * where an automaton found that a match can be there. Two bounds: of a regular program every (place, position) is tried once, so the time is
 * linear in their product; of others the steps are counted and charged.
 */
import type { Bytes } from "../bytes.ts";
import type { MatchRun } from "../run.ts";
import { hasByte } from "./char-set.ts";
import { holds, Near, nearOf } from "./classes.ts";
import { Op, type Program } from "./program.ts";

/** Marks of tried pairs, in bits: 4 MiB. What needs more is matched without groups. */
const TRIED_BITS_MAX = 1 << 25;
/** Steps that are charged together. */
const CHARGE_EVERY = 256;
/** Ways still to try. A regular pattern needs at most one for each byte and place. */
const STACK_MAX = 1 << 22;

/** A larger stack is given back after a search. */
const STACK_BEGIN = 768;
const STACK_KEPT = 1 << 16;

/** Kinds of entries on the stack, three numbers each. */
const TRY = 0;
const SLOT = 1;
const REGISTER = 2;

export class Backtracker {
  readonly #program: Program;
  readonly #slots: Int32Array;
  readonly #registers: Int32Array;
  #stack = new Int32Array(STACK_BEGIN);
  #top = 0;
  #text: Bytes = "";
  #tried: Uint32Array | undefined;
  #triedFrom = 0;
  #triedWidth = 0;
  #steps = 0;
  #isSpent = false;

  constructor(program: Program) {
    this.#program = program;
    this.#slots = new Int32Array((program.groups + 1) * 2);
    this.#registers = new Int32Array(program.registers);
  }

  /** Slots of the last match: begin and end of the whole and of each group, -1 where it took no part. */
  get slots(): Int32Array {
    return this.#slots;
  }

  /** The first match that begins from `from` to `last`, or false; `limit`: it looks no further than there. */
  search(text: Bytes, from: number, last: number, limit: number, run: MatchRun): boolean {
    this.#text = text;
    this.#steps = 0;
    this.#isSpent = false;
    this.#prepare(from, limit);
    const isFound = this.#searchFrom(from, last, run);
    this.#tried = undefined;
    this.#text = "";
    if (this.#stack.length > STACK_KEPT) this.#stack = new Int32Array(STACK_BEGIN);
    return isFound;
  }

  #searchFrom(from: number, last: number, run: MatchRun): boolean {
    for (let at = from; at <= last; at += 1) {
      this.#slots.fill(-1);
      this.#top = 0;
      const end = this.#match(this.#program.start, at, run);
      if (end >= 0) return run.spend(this.#steps);
      if (this.#isSpent) return false;
    }
    run.spend(this.#steps);
    return false;
  }

  #prepare(from: number, limit: number): void {
    this.#tried = undefined;
    if (this.#program.isIrregular) return;
    const width = limit - from + 1;
    const bits = width * this.#program.ops.length;
    if (bits > TRIED_BITS_MAX) return;
    this.#tried = new Uint32Array((bits >>> 5) + 1);
    this.#triedFrom = from;
    this.#triedWidth = width;
  }

  #isNew(pc: number, at: number): boolean {
    if (this.#tried === undefined || at - this.#triedFrom >= this.#triedWidth) return true;
    const bit = pc * this.#triedWidth + (at - this.#triedFrom);
    const word = this.#tried[bit >>> 5]!;
    if (((word >>> (bit & 31)) & 1) !== 0) return false;
    this.#tried[bit >>> 5] = word | (1 << (bit & 31));
    return true;
  }

  #push(kind: number, what: number, value: number): void {
    if (this.#top + 3 > this.#stack.length) {
      const stack = new Int32Array(this.#stack.length * 2);
      stack.set(this.#stack);
      this.#stack = stack;
    }
    this.#stack[this.#top] = kind;
    this.#stack[this.#top + 1] = what;
    this.#stack[this.#top + 2] = value;
    this.#top += 3;
  }

  #charge(run: MatchRun): boolean {
    this.#steps += 1;
    if (this.#steps < CHARGE_EVERY) return true;
    const isLeft = run.spend(this.#steps) && this.#top < STACK_MAX;
    this.#steps = 0;
    if (!isLeft) {
      run.isExhausted = true;
      this.#isSpent = true;
    }
    return isLeft;
  }

  /** Where the match that begins at `start` ends, or -1. What lies below on the stack is not touched. */
  #match(start: number, begin: number, run: MatchRun): number {
    const floor = this.#top;
    this.#push(TRY, start, begin);
    while (this.#top > floor) {
      this.#top -= 3;
      const kind = this.#stack[this.#top]!;
      const what = this.#stack[this.#top + 1]!;
      const value = this.#stack[this.#top + 2]!;
      if (kind === SLOT) this.#slots[what] = value;
      else if (kind === REGISTER) this.#registers[what] = value;
      else {
        const end = this.#follow(what, value, run);
        if (end >= 0) {
          this.#top = floor;
          return end;
        }
        if (this.#isSpent) return -1;
      }
    }
    return -1;
  }

  /** One way until it fails (-1) or ends. */
  #follow(from: number, begin: number, run: MatchRun): number {
    const { ops, x, y } = this.#program;
    const text = this.#text;
    let [pc, at] = [from, begin];
    for (;;) {
      if (!this.#charge(run)) return -1;
      const op = ops[pc]!;
      if (op === Op.Set) {
        if (at >= text.length || !hasByte(this.#program.sets[y[pc]!]!, text.charCodeAt(at) & 255)) return -1;
        at += 1;
      } else if (op === Op.Split) {
        if (!this.#isNew(pc, at)) return -1;
        this.#push(TRY, y[pc]!, at);
      } else if (op === Op.Match) return at;
      else {
        at = this.#special(op, pc, at, run);
        if (at < 0) return -1;
      }
      pc = x[pc]!;
    }
  }

  /** The position after an operation, or -1 when it fails. */
  #special(op: number, pc: number, at: number, run: MatchRun): number {
    const argument = this.#program.y[pc]!;
    switch (op) {
      case Op.Assert:
        return this.#holds(argument, at) ? at : -1;
      case Op.Save:
        this.#push(SLOT, argument, this.#slots[argument]!);
        this.#slots[argument] = at;
        return at;
      case Op.Mark:
        this.#push(REGISTER, argument, this.#registers[argument]!);
        this.#registers[argument] = at;
        return at;
      case Op.Check:
        return this.#registers[argument] === at ? this.#leave(pc, at) : at;
      case Op.Back:
        return this.#reference(argument >> 1, (argument & 1) === 1, at);
      case Op.Atomic:
        return this.#match(argument, at, run);
      default:
        return this.#look(argument, at, run) ? at : -1;
    }
  }

  /** A round of a loop that took nothing: the loop ends there. The way out was made before the loop's split, its body after it. */
  #leave(pc: number, at: number): number {
    const split = this.#program.x[pc]!;
    this.#push(TRY, Math.min(this.#program.x[split]!, this.#program.y[split]!), at);
    return -1;
  }

  #near(at: number): number {
    return at < 0 || at >= this.#text.length ? Near.Edge : nearOf(this.#text.charCodeAt(at) & 255);
  }

  #holds(assertion: number, at: number): boolean {
    // `\Z`
    if (assertion === 4)
      return at === this.#text.length || (at === this.#text.length - 1 && this.#text.charCodeAt(at) === 10);
    return holds(assertion, this.#near(at - 1), this.#near(at));
  }

  #reference(group: number, isCaseless: boolean, at: number): number {
    const [begin, end] = [this.#slots[group * 2] ?? -1, this.#slots[group * 2 + 1] ?? -1];
    if (begin < 0 || end < 0) return -1;
    const length = end - begin;
    if (at + length > this.#text.length) return -1;
    this.#steps += length;
    const [wanted, found] = [this.#text.slice(begin, end), this.#text.slice(at, at + length)];
    const isSame = wanted === found || (isCaseless && lower(wanted) === lower(found));
    return isSame ? at + length : -1;
  }

  #look(number: number, at: number, run: MatchRun): boolean {
    const look = this.#program.looks[number]!;
    const kept = this.#slots.slice();
    let found = false;
    for (const { pc, length } of look.entries) {
      if (at - length < 0) continue;
      found = this.#match(pc, at - length, run) >= 0;
      if (found) break;
    }
    if (this.#isSpent) return false;
    if (!found || look.isNegative) this.#slots.set(kept);
    else this.#keepSlots(kept);
    return found !== look.isNegative;
  }

  /** Groups that a look-ahead found stay, and are undone with the way that led here. */
  #keepSlots(kept: Int32Array): void {
    for (let slot = 0; slot < kept.length; slot += 1)
      if (kept[slot] !== this.#slots[slot]) this.#push(SLOT, slot, kept[slot]!);
  }
}

function lower(text: Bytes): Bytes {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
