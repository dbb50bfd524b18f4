/**
 * Literals made into one automaton (Aho-Corasick), whose table is the whole of it. Building it takes long where word lists are: it is done in
 * turns.
 */
import { Failure } from "../../../base/errors.ts";
import type { InTurns } from "../../../base/turns.ts";
import type { Bytes } from "./bytes.ts";

/** Of the trie. A table entry each for every class of bytes: 60,000 nodes with 60 classes take 15 MB. */
const NODES_MAX = 120_000;
/** Some tenths of a millisecond, and as many literals. */
const NODES_A_PIECE = 256;

export interface LiteralAutomaton {
  /** By byte. */
  readonly classOf: Uint8Array;
  /** Classes. */
  readonly width: number;
  /** State × width + class → state; below zero (`~state`) where it has patterns. */
  readonly table: Int32Array;
  readonly stateCount: number;
  /** By state: first and behind last of its patterns in `patterns`, those one of whose literals ends there. */
  readonly from: Int32Array;
  readonly patterns: Int32Array;
}

/** Of each pattern its literals, in lower case. Fails with `waf.rules_too_large`. */
export function* literalAutomaton(literals: readonly (readonly Bytes[])[]): InTurns<LiteralAutomaton> {
  const classOf = classesOf(literals);
  const width = Math.max(...classOf) + 1;
  const trie = new Trie(classOf, width);
  let count = 0;
  for (const [pattern, texts] of literals.entries())
    for (const text of texts) {
      trie.add(text, pattern);
      count += 1;
      if (count % NODES_A_PIECE === 0) yield;
    }
  return { classOf, width, ...(yield* trie.finish()) };
}

/** Class 0 is every byte that stands in no literal. */
function classesOf(literals: readonly (readonly Bytes[])[]): Uint8Array {
  const classOf = new Uint8Array(256);
  let count = 0;
  for (const texts of literals)
    for (const text of texts)
      for (let at = 0; at < text.length; at += 1) {
        const byte = text.charCodeAt(at) & 255;
        if (classOf[byte] !== 0 || count === 255) continue;
        count += 1;
        classOf[byte] = count;
      }
  for (let upper = 65; upper <= 90; upper += 1) classOf[upper] = classOf[upper + 32]!;
  return classOf;
}

class Trie {
  readonly #classOf: Uint8Array;
  readonly #width: number;
  #next: Int32Array;
  #count = 1;
  readonly #own: number[][] = [[]];

  constructor(classOf: Uint8Array, width: number) {
    this.#classOf = classOf;
    this.#width = width;
    this.#next = new Int32Array(width * 1024);
  }

  add(text: Bytes, pattern: number): void {
    let node = 0;
    for (let at = 0; at < text.length; at += 1) {
      const slot = node * this.#width + this.#classOf[text.charCodeAt(at) & 255]!;
      if (this.#next[slot] === 0) {
        if (this.#count >= NODES_MAX)
          throw new Failure(
            "waf.rules_too_large",
            `built the filter of all patterns: their literals take more than ${NODES_MAX} nodes; required: fewer or shorter word lists`,
          );
        this.#room();
        this.#next[slot] = this.#count;
        this.#own.push([]);
        this.#count += 1;
      }
      node = this.#next[slot]!;
    }
    this.#own[node]!.push(pattern);
  }

  #room(): void {
    if ((this.#count + 1) * this.#width <= this.#next.length) return;
    const next = new Int32Array(this.#next.length * 2);
    next.set(this.#next);
    this.#next = next;
  }

  /**
   * Fills in where to go when a literal breaks off, and numbers states by their depth: nearly all of a text is read in shallow ones, whose rows then
   * lie together. Gives the patterns of each state, those of its suffixes among them.
   */
  *finish(): InTurns<Omit<LiteralAutomaton, "classOf" | "width">> {
    const [next, width] = [this.#next, this.#width];
    const fail = new Int32Array(this.#count);
    const queue = new Int32Array(this.#count);
    let size = 1;
    for (let head = 0; head < size; head += 1) {
      if (head % NODES_A_PIECE === 0) yield;
      const node = queue[head]!;
      for (let each = 0; each < width; each += 1) {
        const slot = node * width + each;
        const child = next[slot]!;
        const other = node === 0 ? 0 : next[fail[node]! * width + each]!;
        if (child === 0) next[slot] = other;
        else {
          fail[child] = other;
          const inherited = this.#own[other]!;
          if (inherited.length > 0) this.#own[child] = [...new Set([...this.#own[child]!, ...inherited])];
          queue[size] = child;
          size += 1;
        }
      }
    }
    return { table: yield* this.#table(queue), stateCount: this.#count, ...(yield* this.#outputs(queue)) };
  }

  *#table(queue: Int32Array): InTurns<Int32Array> {
    const width = this.#width;
    const state = new Int32Array(this.#count);
    for (let rank = 0; rank < queue.length; rank += 1)
      state[queue[rank]!] = this.#own[queue[rank]!]!.length > 0 ? ~rank : rank;
    const table = new Int32Array(this.#count * width);
    for (let rank = 0; rank < queue.length; rank += 1) {
      if (rank % NODES_A_PIECE === 0) yield;
      const node = queue[rank]!;
      for (let each = 0; each < width; each += 1) table[rank * width + each] = state[this.#next[node * width + each]!]!;
    }
    return table;
  }

  *#outputs(queue: Int32Array): InTurns<Pick<LiteralAutomaton, "from" | "patterns">> {
    const from = new Int32Array(queue.length + 1);
    for (let rank = 0; rank < queue.length; rank += 1) from[rank + 1] = from[rank]! + this.#own[queue[rank]!]!.length;
    const patterns = new Int32Array(from[queue.length]!);
    for (let rank = 0; rank < queue.length; rank += 1) {
      if (rank % NODES_A_PIECE === 0) yield;
      patterns.set(this.#own[queue[rank]!]!, from[rank]!);
    }
    return { from, patterns };
  }
}
