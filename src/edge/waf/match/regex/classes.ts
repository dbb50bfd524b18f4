/** Bytes that a program cannot tell apart share one class: tables get a column for each class, not for each byte. */
import { type CharSet, hasByte, NOT_NEWLINE, WORD } from "./char-set.ts";
import type { Program } from "./program.ts";

/** What an assertion sees of the place before or behind. */
export const Near = { Edge: 0, Newline: 1, Word: 2, Other: 3 } as const;

export interface ByteClasses {
  /** By byte. */
  readonly of: Uint8Array;
  readonly count: number;
  /** By class; one more for the edge of the text. */
  readonly near: Uint8Array;
  /** By class: a byte of it. */
  readonly sample: Uint8Array;
}

export function nearOf(byte: number): number {
  return byte === 10 ? Near.Newline : hasByte(WORD, byte) ? Near.Word : Near.Other;
}

export function byteClasses(program: Program): ByteClasses {
  const sets = program.hasAssertions ? [...program.sets, WORD, NOT_NEWLINE] : program.sets;
  const of = new Uint8Array(256);
  let count = 1;
  for (const set of sets) count = refine(of, count, set);
  const sample = new Uint8Array(count);
  for (let byte = 255; byte >= 0; byte -= 1) sample[of[byte]!] = byte;
  return { of, count, near: Uint8Array.from([...Array.from(sample, nearOf), Near.Edge]), sample };
}

/** Cuts each class that a set holds a part of; how many there are then. */
function refine(of: Uint8Array, count: number, set: CharSet): number {
  const inside = new Int16Array(count).fill(-1);
  const outside = new Int16Array(count).fill(-1);
  let next = 0;
  for (let byte = 0; byte < 256; byte += 1) {
    const side = hasByte(set, byte) ? inside : outside;
    const old = of[byte]!;
    if (side[old] === -1) {
      side[old] = next;
      next += 1;
    }
    of[byte] = side[old]!;
  }
  return next;
}

/** Whether an assertion (by its number) holds between two places. */
export function holds(assertion: number, before: number, behind: number): boolean {
  switch (assertion) {
    case 0:
      return before === Near.Edge || (before === Near.Newline && behind !== Near.Edge);
    case 1:
      return behind === Near.Edge || behind === Near.Newline;
    case 2:
      return before === Near.Edge;
    case 3:
      return behind === Near.Edge;
    case 5:
      return (before === Near.Word) !== (behind === Near.Word);
    case 6:
      return (before === Near.Word) === (behind === Near.Word);
    default:
      return false;
  }
}
