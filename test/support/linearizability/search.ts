/**
 * Looks for an order: Wing and Gong's search with Lowe's memory of configurations, made small by five rules that lose nothing.
 * - An operation that only looks is placed as soon as it fits.
 * - Of twins the one with the nearest deadline goes first.
 * - A blind write hides the open blind writes before it: they need no place of their own any more, and may still take one in
 *   their time. (One that does is later than some that were hidden: those that were called after its return owe again.)
 *   So a blind write that nobody has looked at yet is not followed by another that was open then.
 * - A value is not left while somebody still needs it and nobody can bring it back.
 * - A configuration is given up when one was seen that has the same state, has left nothing open that this one has done, and has spent no
 *   operation of choice (blind or unknown) that this one still has.
 * It goes depth first with an explicit stack, so that a long history needs no deep recursion.
 */
import { type Memory, makeMemory } from "./memory.ts";
import { NEVER, type Problem } from "./problem.ts";

export interface Found {
  readonly outcome: "found" | "none" | "stopped";
  /** The whole order, or the longest beginning of one. */
  readonly order: readonly number[];
  /** The operations that were open where the longest order ended. */
  readonly open: readonly number[];
  readonly configurations: number;
}

interface Frame {
  readonly candidates: readonly number[];
  next: number;
  /** Length of the undo log, and what the log does not hold. */
  readonly mark: number;
  readonly state: number;
  readonly unseen: number;
  readonly latest: number;
}

/** What the undo log holds: an operation and what happened to it. */
const [PLACED, HIDDEN, OWED, DROPPED] = [0, 1, 2, 3];

/** No value, and not the mark of an operation without one. */
const NOBODY = -2;

/** In which order candidates are tried. It decides how soon an order is found, never whether there is one. */
export interface Tactic {
  /** Operations that only look go before everything, even where that takes the place of a hidden write. */
  readonly looksFirst: boolean;
  /** Whoever brings the value that the nearest deadline needs goes before the others. */
  readonly servesNext: boolean;
  /** Replaces those of the problem. */
  readonly priority?: Float64Array;
}

export const PLAIN: Tactic = { looksFirst: false, servesNext: false };

export function search(problem: Problem, configurationsMax: number, tactic: Tactic = PLAIN): Found {
  return new Search(problem, configurationsMax, tactic).run();
}

class Search {
  readonly #problem: Problem;
  readonly #memory: Memory;
  readonly #configurationsMax: number;
  readonly #tactic: Tactic;
  readonly #priority: Float64Array;
  /** The operations without a place, by call, as a doubly linked ring through `size`. */
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** Placed, or too late for a place. */
  readonly #used: Uint8Array;
  /** Placed, hidden, or never obliged. */
  readonly #done: Uint8Array;
  #obliged: number;
  /** How many predecessors of each have no place yet. */
  readonly #waits: Int32Array;
  /** For each value: operations without a place that bring it, obliged ones that need it, and those of them that replace it. */
  readonly #supply: Int32Array;
  readonly #demand: Int32Array;
  /** The same, with those that are not obliged. */
  readonly #wanted: Int32Array;
  readonly #leavers: Int32Array;
  readonly #stack: Frame[] = [];
  /** `index * 4 + kind`, in order. */
  readonly #log: number[] = [];
  #state: number;
  /** The front when the last blind write was placed, while nobody has looked at it; otherwise -1. */
  #unseen = -1;
  /** The latest call of a placed operation: what returned before it is too late. */
  #latest = -1;
  /** The latest front ever: nothing that was called after it has been touched. */
  #furthest = -1;
  #longest: { obliged: number; order: number[]; open: number[] } = { obliged: Infinity, order: [], open: [] };

  constructor(problem: Problem, configurationsMax: number, tactic: Tactic) {
    const { size, values, optional } = problem;
    this.#problem = problem;
    this.#memory = makeMemory(problem);
    this.#configurationsMax = configurationsMax;
    this.#tactic = tactic;
    this.#priority = tactic.priority ?? problem.priority;
    this.#next = Int32Array.from({ length: size + 1 }, (_, index) => (index === size ? 0 : index + 1));
    this.#previous = Int32Array.from({ length: size + 1 }, (_, index) => (index === 0 ? size : index - 1));
    this.#used = new Uint8Array(size);
    this.#done = optional.slice();
    this.#obliged = optional.reduce((count, each) => count + 1 - each, 0);
    this.#waits = new Int32Array(size);
    for (const list of problem.successors) for (const index of list) this.#waits[index]!++;
    this.#supply = new Int32Array(values);
    this.#demand = new Int32Array(values);
    this.#wanted = new Int32Array(values);
    this.#leavers = new Int32Array(values);
    for (let index = 0; index < size; index++) this.#account(index, 1);
    this.#state = problem.initial;
  }

  run(): Found {
    if (!this.#canLeave(-1)) return this.#report("none");
    this.#enter();
    for (;;) {
      if (this.#obliged === 0) return this.#report("found");
      if (this.#memory.size > this.#configurationsMax) return this.#report("stopped");
      const frame = this.#stack.at(-1);
      if (!frame) return this.#report("none");
      this.#undo(frame);
      const candidate = frame.candidates[frame.next++];
      if (candidate === undefined) this.#stack.pop();
      else if (this.#place(candidate)) this.#enter();
    }
  }

  /** Goes on from here, unless that was tried before. */
  #enter(): void {
    let front = this.#front();
    while (this.#look(front)) front = this.#front();
    this.#remark(front);
    if (this.#obliged > 0 && !this.#memory.add(this.#state, this.#used, this.#done)) return;
    const candidates = this.#obliged === 0 ? [] : this.#candidates(front);
    const [state, unseen, latest] = [this.#state, this.#unseen, this.#latest];
    this.#stack.push({ candidates, next: 0, mark: this.#log.length, state, unseen, latest });
  }

  /**
   * Places what only looks and fits. What was called after a hidden write has returned takes the write's own place from it: that is a
   * choice, and left to the candidates.
   */
  #look(front: number): boolean {
    const { readOnly, eager, call, step } = this.#problem;
    const limit = this.#dropLate(front);
    let placed = false;
    for (let index = this.#first(); this.#isCalled(index, limit); index = this.#next[index]!) {
      if ((!readOnly[index] && !eager[index]) || call[index]! >= limit || !this.#fits(index, front)) continue;
      this.#use(index, step(this.#state, index));
      placed = true;
    }
    return placed;
  }

  #first(): number {
    return this.#next[this.#problem.size]!;
  }

  /** The earliest deadline: what was called after it cannot be next. */
  #front(): number {
    const { size, ret, called } = this.#problem;
    let front = NEVER;
    for (let index = this.#first(); index !== size && called[index]! < front; index = this.#next[index]!) {
      if (!this.#done[index] && ret[index]! < front) front = ret[index]!;
    }
    this.#furthest = Math.max(this.#furthest, front);
    return front;
  }

  #isCalled(index: number, front: number): boolean {
    return index !== this.#problem.size && this.#problem.called[index]! < front;
  }

  #fits(index: number, front: number): boolean {
    const { call, step } = this.#problem;
    return call[index]! < front && this.#waits[index] === 0 && step(this.#state, index) >= 0;
  }

  #candidates(front: number): number[] {
    const { blind, call, makes, optional, readOnly, ret, twin } = this.#problem;
    const unseen = this.#opensLater(front) ? -1 : this.#unseen;
    const limit = this.#dropLate(front);
    const found: number[] = [];
    const twins = new Map<number, number>();
    for (let index = this.#first(); this.#isCalled(index, front); index = this.#next[index]!) {
      if (!this.#fits(index, front)) continue;
      if (blind[index] && unseen > call[index]!) continue;
      const isHidden = this.#isHidden(index);
      if (isHidden && this.#isUseless(index)) continue;
      const hasTwins = twin[index] !== -1 && !isHidden && call[index]! < limit;
      const rival = hasTwins ? twins.get(twin[index]!) : undefined;
      if (rival === undefined) {
        if (hasTwins) twins.set(twin[index]!, found.length);
        found.push(index);
      } else if (ret[index]! < ret[found[rival]!]!) found[rival] = index;
    }
    const wanted = this.#tactic.servesNext ? this.#urgent(front) : NOBODY;
    const harmless = this.#harmless(front);
    const class_ = (index: number): number => {
      if (readOnly[index] && (this.#tactic.looksFirst || call[index]! < harmless)) return 0;
      return makes[index] === wanted ? 1 : 2;
    };
    return found.sort(
      (a, b) =>
        class_(a) - class_(b) ||
        optional[a]! - optional[b]! ||
        this.#priority[a]! - this.#priority[b]! ||
        ret[a]! - ret[b]!,
    );
  }

  /** The value that the operation with the nearest deadline needs and has not, or `NOBODY`. */
  #urgent(front: number): number {
    const { needs, ret } = this.#problem;
    for (let index = this.#first(); this.#isCalled(index, front); index = this.#next[index]!) {
      if (this.#done[index] || ret[index] !== front) continue;
      const need = needs[index]!;
      return need >= 0 && need !== this.#state ? need : NOBODY;
    }
    return NOBODY;
  }

  /** Whether a blind write placed now would hide one that could not be hidden when the last one was placed. */
  #opensLater(front: number): boolean {
    const { blind, call } = this.#problem;
    for (let index = this.#first(); this.#isCalled(index, front); index = this.#next[index]!) {
      if (blind[index] && !this.#done[index] && call[index]! >= this.#unseen) return true;
    }
    return false;
  }

  /** What was called before can be placed and takes no place from a hidden write that somebody has to see. */
  #harmless(front: number): number {
    const { makes, ret } = this.#problem;
    let limit = front;
    for (let index = this.#first(); this.#isCalled(index, front); index = this.#next[index]!) {
      if (this.#isHidden(index) && this.#wanted[makes[index]!]! > 0) limit = Math.min(limit, ret[index]!);
    }
    return limit;
  }

  #isHidden(index: number): boolean {
    return this.#done[index] === 1 && this.#used[index] === 0 && this.#problem.optional[index] === 0;
  }

  #place(index: number): boolean {
    const { step, blind } = this.#problem;
    const from = this.#state;
    const state = step(from, index);
    if (blind[index]) {
      const front = this.#front();
      this.#rearrange(index, front);
      this.#use(index, state);
      this.#unseen = front;
    } else this.#use(index, state);
    return from === this.#state || this.#canLeave(from);
  }

  /** Before a blind write is placed: hides what was called by now, and lets owe again what can no longer be hidden before it. */
  #rearrange(index: number, front: number): void {
    const { blind, ret, call, called } = this.#problem;
    const limit = Math.min(front, ret[index]!);
    for (let other = this.#first(); this.#isCalled(other, this.#furthest); other = this.#next[other]!) {
      if (other === index || !blind[other]) continue;
      if (this.#isHidden(other) && called[other]! > ret[index]!) this.#setOwed(other, OWED);
      else if (!this.#done[other] && call[other]! < limit && ret[other]! < NEVER) this.#setOwed(other, HIDDEN);
    }
  }

  #setOwed(index: number, kind: number): void {
    this.#done[index] = kind === HIDDEN ? 1 : 0;
    this.#obliged += kind === HIDDEN ? -1 : 1;
    this.#log.push(index * 4 + kind);
  }

  /** Forgets hidden writes that can have no place of their own any more; the earliest return of those that may want one, or the front. */
  #dropLate(front: number): number {
    const { ret } = this.#problem;
    let limit = front;
    for (let index = this.#first(); this.#isCalled(index, this.#furthest); index = this.#next[index]!) {
      if (!this.#isHidden(index)) continue;
      if (ret[index]! <= this.#latest) this.#drop(index);
      else if (!this.#isUseless(index)) limit = Math.min(limit, ret[index]!);
    }
    return limit;
  }

  /** A hidden write that nobody has to see. */
  #isUseless(index: number): boolean {
    const { makes, mayAvoid } = this.#problem;
    return !mayAvoid && this.#wanted[makes[index]!] === 0;
  }

  #drop(index: number): void {
    this.#account(index, -1);
    this.#used[index] = 1;
    this.#unlink(index);
    this.#log.push(index * 4 + DROPPED);
  }

  /** Whether what still needs this value (or, at the start, any) can have it. */
  #canLeave(value: number): boolean {
    const { values } = this.#problem;
    if (value >= values) return true;
    const suffices = (each: number): boolean => {
      const left = this.#supply[each]! + (this.#state === each ? 1 : 0);
      return this.#leavers[each]! <= left && (this.#demand[each] === 0 || left > 0);
    };
    return value >= 0 ? suffices(value) : [...this.#supply.keys()].every(suffices);
  }

  #use(index: number, state: number): void {
    this.#account(index, -1);
    this.#used[index] = this.#done[index] ? 2 : 1;
    if (!this.#done[index]) {
      this.#done[index] = 1;
      this.#obliged--;
    }
    this.#unlink(index);
    for (const follower of this.#problem.successors[index]!) this.#waits[follower]!--;
    this.#log.push(index * 4 + PLACED);
    this.#state = state;
    this.#unseen = -1;
    this.#latest = Math.max(this.#latest, this.#problem.call[index]!);
  }

  #unlink(index: number): void {
    const [before, after] = [this.#previous[index]!, this.#next[index]!];
    this.#next[before] = after;
    this.#previous[after] = before;
  }

  /** Adds an operation without a place to the supply and demand of values, or takes it away. */
  #account(index: number, sign: 1 | -1): void {
    const { needs, makes, optional } = this.#problem;
    const [need, make] = [needs[index]!, makes[index]!];
    if (make >= 0 && make !== need) this.#supply[make]! += sign;
    if (need >= 0) this.#wanted[need]! += sign;
    if (need < 0 || optional[index]) return;
    this.#demand[need]! += sign;
    if (make >= 0 && make !== need) this.#leavers[need]! += sign;
  }

  #undo({ mark, state, unseen, latest }: Frame): void {
    while (this.#log.length > mark) {
      const entry = this.#log.pop()!;
      const [index, kind] = [entry >> 2, entry & 3];
      if (kind === HIDDEN || kind === OWED) {
        this.#done[index] = kind === HIDDEN ? 0 : 1;
        this.#obliged += kind === HIDDEN ? 1 : -1;
      } else this.#release(index, kind);
    }
    this.#state = state;
    this.#unseen = unseen;
    this.#latest = latest;
  }

  #release(index: number, kind: number): void {
    if (kind === PLACED && this.#used[index] === 1) {
      this.#done[index] = 0;
      this.#obliged++;
    }
    this.#used[index] = 0;
    this.#account(index, 1);
    this.#next[this.#previous[index]!] = index;
    this.#previous[this.#next[index]!] = index;
    if (kind === DROPPED) return;
    for (const follower of this.#problem.successors[index]!) this.#waits[follower]!++;
  }

  #remark(front: number): void {
    if (this.#obliged >= this.#longest.obliged) return;
    const open: number[] = [];
    for (let index = this.#first(); this.#isCalled(index, front); index = this.#next[index]!) {
      if (!this.#done[index]) open.push(index);
    }
    this.#longest = { obliged: this.#obliged, order: [...this.#log], open };
  }

  #report(outcome: Found["outcome"]): Found {
    const { order, open } = this.#longest;
    return { outcome, order: placesOf(order), open, configurations: this.#memory.size };
  }
}

/** Hidden writes stand right before the last write that hid them, unless they got a place of their own later. */
function placesOf(log: readonly number[]): number[] {
  const settled = new Set<number>();
  const order: number[] = [];
  for (const entry of log.toReversed()) {
    const [index, kind] = [entry >> 2, entry & 3];
    if (kind === DROPPED || settled.has(index)) continue;
    settled.add(index);
    if (kind !== OWED) order.push(index);
  }
  return order.reverse();
}
