/**
 * A deterministic automaton that is built while it runs: a state is the list of places in the program where a thread stands, a step to a
 * class of bytes is worked out once and kept in a table. Each byte costs one look into the table. The table is bounded: when it is full it
 * is thrown away and begun again; what building costs is charged, so hostile text that makes ever new states runs out of steps.
 *
 * `any` says only whether there is a match. `first` finds where the match ends that a backtracking matcher would find first; `longest`
 * runs a reversed program back from there to where it begins.
 */
import type { Bytes } from "../bytes.ts";
import type { MatchRun } from "../run.ts";
import { type ByteClasses, byteClasses, holds, Near, nearOf } from "./classes.ts";
import { Op, type Program } from "./program.ts";

export type AutomatonKind = "any" | "first" | "longest";

/** Entries of one automaton's table (4 bytes each): 256 KiB. Rules of the Core Rule Set stay far below on usual traffic. */
const TABLE_ENTRIES_MAX = 65_536;
const TABLE_ENTRIES_MIN = 512;
/** No state: nothing can match any more. */
const DEAD = 0;
const UNKNOWN = -1;

export class Automaton {
  readonly #program: Program;
  readonly #kind: AutomatonKind;
  readonly #classes: ByteClasses;
  readonly #width: number;
  /** By class and set: whether the class belongs to it. */
  readonly #member: Uint8Array;
  /** State + class → (next state × 2 + match here); states are multiples of the width. */
  #table = new Int32Array(0);
  #kernels: Uint16Array[] = [];
  #nears: number[] = [];
  #seeds: boolean[] = [];
  #numbers = new Map<string, number>();
  /** By what stands before the start. */
  readonly #starts = new Int32Array(4).fill(-1);
  readonly #list: Uint16Array;
  readonly #stamp: Uint32Array;
  readonly #stack: number[] = [];
  #round = 0;
  #built = 0;

  constructor(program: Program, kind: AutomatonKind) {
    this.#program = program;
    this.#kind = kind;
    this.#classes = byteClasses(program);
    this.#width = this.#classes.count + 1;
    const { count, sample } = this.#classes;
    this.#member = new Uint8Array(program.sets.length * count);
    for (const [at, set] of program.sets.entries())
      for (let each = 0; each < count; each += 1)
        this.#member[at * count + each] = (set[sample[each]! >>> 5]! >>> (sample[each]! & 31)) & 1;
    this.#list = new Uint16Array(program.ops.length);
    this.#stamp = new Uint32Array(program.ops.length);
    this.#clear();
  }

  /** Whether the text holds a match. */
  test(text: Bytes, run: MatchRun): boolean {
    if (!run.spend(text.length + 1)) return false;
    const classOf = this.#classes.of;
    let state = this.#start(Near.Edge);
    let table = this.#table;
    for (let at = 0; at < text.length; at += 1) {
      let entry = table[state + classOf[text.charCodeAt(at) & 255]!]!;
      if (entry < 2) {
        if (entry === UNKNOWN) {
          entry = this.#build(state, classOf[text.charCodeAt(at) & 255]!);
          table = this.#table;
          if (!this.#charge(run)) return false;
        }
        if (entry < 2) return entry === 1;
      }
      if ((entry & 1) !== 0) return true;
      state = entry >> 1;
    }
    return (this.#at(state, this.#width - 1) & 1) !== 0 && this.#charge(run);
  }

  /** Where the first match ends that begins at `from` or behind it, or -1. It costs what it reads, not what is left of the text. */
  end(text: Bytes, from: number, run: MatchRun): number {
    if (run.isExhausted) return -1;
    let state = this.#start(from === 0 ? Near.Edge : nearOf(text.charCodeAt(from - 1) & 255));
    let end = -1;
    let at = from;
    for (; at <= text.length; at += 1) {
      const entry = this.#at(
        state,
        at === text.length ? this.#width - 1 : this.#classes.of[text.charCodeAt(at) & 255]!,
      );
      if (!this.#charge(run)) return -1;
      if ((entry & 1) !== 0) end = at;
      state = entry >> 1;
      if (state === DEAD) break;
    }
    return run.spend(at - from + 1) ? end : -1;
  }

  /** Of a reversed program: the lowest place, `from` at least, where a match begins that ends at `end`. */
  begin(text: Bytes, from: number, end: number, run: MatchRun): number {
    if (!run.spend(end - from + 1)) return -1;
    let state = this.#start(end === text.length ? Near.Edge : nearOf(text.charCodeAt(end) & 255));
    let begin = -1;
    for (let at = end; at >= from; at -= 1) {
      const entry = this.#at(state, at === 0 ? this.#width - 1 : this.#classes.of[text.charCodeAt(at - 1) & 255]!);
      if (!this.#charge(run)) return -1;
      if ((entry & 1) !== 0) begin = at;
      state = entry >> 1;
      if (state === DEAD) break;
    }
    return begin;
  }

  get stateCount(): number {
    return this.#kernels.length;
  }

  #at(state: number, column: number): number {
    const entry = this.#table[state + column]!;
    return entry === UNKNOWN ? this.#build(state, column) : entry;
  }

  #charge(run: MatchRun): boolean {
    if (this.#built === 0) return true;
    const built = this.#built;
    this.#built = 0;
    return run.spend(built);
  }

  #clear(): void {
    this.#table = new Int32Array(Math.max(TABLE_ENTRIES_MIN, this.#width * 4)).fill(UNKNOWN);
    this.#table.fill(0, 0, this.#width);
    this.#kernels = [new Uint16Array(0)];
    this.#nears = [0];
    this.#seeds = [false];
    this.#numbers = new Map();
    this.#starts.fill(-1);
  }

  #start(near: number): number {
    const known = this.#starts[near]!;
    if (known >= 0) return known;
    const isSearch = this.#kind !== "longest";
    const state = this.#intern(isSearch ? [] : [this.#program.start], near, isSearch);
    this.#starts[near] = state;
    return state;
  }

  #intern(kernel: readonly number[] | Uint16Array, near: number, seeds: boolean): number {
    if (kernel.length === 0 && !seeds) return DEAD;
    const context = this.#program.hasAssertions ? near : 0;
    const key = String.fromCharCode(context * 2 + (seeds ? 1 : 0), ...kernel);
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const state = this.#kernels.length * this.#width;
    this.#room(state + this.#width);
    this.#kernels.push(Uint16Array.from(kernel));
    this.#nears.push(context);
    this.#seeds.push(seeds);
    this.#numbers.set(key, state);
    return state;
  }

  #room(size: number): void {
    if (size <= this.#table.length) return;
    const table = new Int32Array(Math.max(size, this.#table.length * 2)).fill(UNKNOWN);
    table.set(this.#table);
    this.#table = table;
  }

  /** Works one entry out. When the table is full it is begun anew; the entry then is right but not kept. */
  #build(state: number, column: number): number {
    const index = state / this.#width;
    const before = this.#nears[index]!;
    const size = this.#close(this.#kernels[index]!, this.#seeds[index]!, before, this.#classes.near[column]!);
    const isMatch = this.#isMatched;
    const isEdge = column === this.#classes.count;
    // Once something matched, what is found later is worse; in `any` mode nothing more is asked.
    const seeds = this.#seeds[index]! && !isMatch && !isEdge;
    const kernel = isEdge || (isMatch && this.#kind === "any") ? [] : this.#step(size, column);
    this.#built += size + kernel.length + 4;
    let kept = true;
    if (this.#kernels.length * this.#width + this.#width > TABLE_ENTRIES_MAX) {
      this.#clear();
      kept = false;
    }
    const next = this.#intern(kernel, this.#classes.near[column]!, seeds);
    const entry = next * 2 + (isMatch ? 1 : 0);
    if (kept) this.#table[state + column] = entry;
    return entry;
  }

  #isMatched = false;

  /** All places that threads of a state reach without a byte, in order of preference; how many they are. */
  #close(kernel: Uint16Array, seeds: boolean, before: number, behind: number): number {
    this.#round += 1;
    this.#isMatched = false;
    let size = 0;
    for (const pc of kernel) {
      size = this.#follow(pc, size, before, behind);
      if (this.#isMatched && this.#kind !== "longest") return size;
    }
    return seeds ? this.#follow(this.#program.start, size, before, behind) : size;
  }

  #follow(from: number, count: number, before: number, behind: number): number {
    const { ops, x, y } = this.#program;
    const stack = this.#stack;
    const stamp = this.#stamp;
    const list = this.#list;
    const round = this.#round;
    const isReversed = this.#kind === "longest";
    let size = count;
    stack.length = 0;
    stack.push(from);
    while (stack.length > 0) {
      const pc = stack.pop()!;
      if (stamp[pc] === round) continue;
      stamp[pc] = round;
      const op = ops[pc]!;
      if (op === Op.Set) {
        list[size] = pc;
        size += 1;
      } else if (op === Op.Match) {
        this.#isMatched = true;
        if (!isReversed) return size;
      } else if (op === Op.Split) stack.push(y[pc]!, x[pc]!);
      else if (op !== Op.Assert) stack.push(x[pc]!);
      else if (isReversed ? holds(y[pc]!, behind, before) : holds(y[pc]!, before, behind)) stack.push(x[pc]!);
    }
    return size;
  }

  /** Where threads stand after a byte of the class. Sorted where order does not matter: fewer states. */
  #step(size: number, column: number): number[] {
    const { x, y } = this.#program;
    const next: number[] = [];
    this.#round += 1;
    for (let at = 0; at < size; at += 1) {
      const pc = this.#list[at]!;
      if (this.#member[y[pc]! * this.#classes.count + column] === 0) continue;
      const target = x[pc]!;
      if (this.#stamp[target] === this.#round) continue;
      this.#stamp[target] = this.#round;
      next.push(target);
    }
    return this.#kind === "first" ? next : next.sort((a, b) => a - b);
  }
}
