/**
 * What characters a text holds, as one number: most texts are words and numbers, and the marks that a pattern cannot do without are not in
 * them. One look at each character rules out all patterns together. A prefilter: it never rules out what is there.
 */
import type { InTurns } from "../../../base/turns.ts";
import { PACE } from "./pace.ts";

export const DIGIT = 1;
export const AT = 2;
/** One of them is in everything that counts as a token: `eyJ….`, `Bearer `, `sk_`, `enc:`, `-----BEGIN`, `AKIA`. */
export const TOKEN = 4;
/** What a text of JSON does not hold as it is: its end, escapes, control characters. */
export const STOP = 8;
const BITS = 4;
const ALL = 2 ** BITS - 1;

/** By character; those beyond ASCII have none. */
export const MARKS = markTable();

function markTable(): Uint8Array {
  const table = new Uint8Array(128);
  table.fill(STOP, 0, 0x20);
  const marked = (characters: string, mark: number): void => {
    for (const character of characters) table[character.charCodeAt(0)]! |= mark;
  };
  marked("0123456789", DIGIT);
  marked("@", AT);
  marked(" \t_-.:A", TOKEN);
  marked('"\\', STOP);
  return table;
}

/** Bits of marks, and above them how many digits there are. */
export type Marks = number;

export function marksWith(bits: number, digits: number): Marks {
  return digits * 2 ** BITS + bits;
}

export interface Needs {
  readonly lengthMin: number;
  readonly digitsMin: number;
  /** All of them. */
  readonly bits: number;
}

export function mayHold({ bits, digitsMin, lengthMin }: Needs, marks: Marks, length: number): boolean {
  return length >= lengthMin && (marks & bits) === bits && marks >= digitsMin * 2 ** BITS;
}

export function marksOf(text: string, from = 0, until = text.length): Marks {
  let [bits, digits] = [0, 0];
  for (let at = from; at < until; at++) {
    const code = text.charCodeAt(at);
    if (code >= 128) continue;
    const mark = MARKS[code]!;
    bits |= mark;
    digits += mark & DIGIT;
  }
  return marksWith(bits, digits);
}

export function* marksInTurns(text: string): InTurns<Marks> {
  let [bits, digits] = [0, 0];
  for (let from = 0; from < text.length; from += PACE) {
    const marks = marksOf(text, from, Math.min(text.length, from + PACE));
    bits |= marks & ALL;
    digits += Math.floor(marks / 2 ** BITS);
    yield;
  }
  return marksWith(bits, digits);
}
