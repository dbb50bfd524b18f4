/**
 * The configurations that a search has seen. Two are one when they have the same state and have placed the same operations of those that must
 * be placed in person; among such, a configuration is worthless when one was seen that owes no more and has spent no more. Whole keys are
 * compared, never hashes alone.
 */
import type { Problem } from "./problem.ts";

export interface Memory {
  readonly size: number;
  /** False when it holds something at least as good. */
  add(state: number, used: Uint8Array, done: Uint8Array): boolean;
}

/** Of the operations of choice, as bits. */
interface Choices {
  readonly spent: Uint32Array;
  readonly owed: Uint32Array;
}

export function makeMemory({ optional, blind, size }: Problem): Memory {
  const all = Array.from({ length: size }, (_, index) => index);
  const chosen = Int32Array.from(all.filter((index) => optional[index] || blind[index]));
  const strict = Int32Array.from(all.filter((index) => !optional[index] && !blind[index]));
  return new ConfigurationMemory(strict, chosen);
}

class ConfigurationMemory implements Memory {
  readonly #strict: Int32Array;
  readonly #chosen: Int32Array;
  readonly #seen = new Map<string, Choices[]>();
  #size = 0;

  constructor(strict: Int32Array, chosen: Int32Array) {
    this.#strict = strict;
    this.#chosen = chosen;
  }

  get size(): number {
    return this.#size;
  }

  add(state: number, used: Uint8Array, done: Uint8Array): boolean {
    const key = `${state} ${prefixKey(this.#strict, used)}`;
    const choices = {
      spent: bits(this.#chosen, (index) => used[index] !== 0),
      owed: bits(this.#chosen, (index) => done[index] === 0),
    };
    const known = this.#seen.get(key) ?? [];
    if (known.some((each) => isWithin(each.owed, choices.owed) && isWithin(each.spent, choices.spent))) return false;
    const kept = known.filter((each) => !isWithin(choices.owed, each.owed) || !isWithin(choices.spent, each.spent));
    this.#size += 1 + kept.length - known.length;
    this.#seen.set(key, [...kept, choices]);
    return true;
  }
}

/** How many at the beginning are all placed, then the rest in bits up to the last one placed: as exact as the whole set. */
function prefixKey(members: Int32Array, used: Uint8Array): string {
  let start = 0;
  while (start < members.length && used[members[start]!]) start++;
  let text = `${start}:`;
  let last = 0;
  for (let at = start; at < members.length; at += 16) {
    let word = 0;
    for (let bit = 0; bit < 16 && at + bit < members.length; bit++) {
      if (used[members[at + bit]!]) word |= 1 << bit;
    }
    if (word !== 0) {
      text += `${at - start - last}~${word.toString(36)},`;
      last = at - start;
    }
  }
  return text;
}

function bits(members: Int32Array, isSet: (index: number) => boolean): Uint32Array {
  const words = new Uint32Array((members.length + 31) >>> 5);
  for (let at = 0; at < members.length; at++) {
    if (isSet(members[at]!)) words[at >>> 5]! |= 1 << (at & 31);
  }
  return words;
}

function isWithin(inner: Uint32Array, outer: Uint32Array): boolean {
  for (let at = 0; at < inner.length; at++) {
    if ((inner[at]! & ~outer[at]!) !== 0) return false;
  }
  return true;
}
