/**
 * Which kinds of bytes a value holds, as 32 bits. Most values are plain words and numbers; most transformations undo what is not there and
 * most patterns ask for a mark that is not there: one comparison of bits says so. Digits and `_` are of no kind.
 */
import type { Bytes } from "./bytes.ts";

/** Each character (and where it says so a group of them) is a kind of its own, in this order. */
const MARKS: readonly string[] = [
  '"',
  "#",
  "$",
  "%",
  "&",
  "'",
  "(",
  ")",
  "*",
  "+",
  ",",
  "-",
  ".",
  "/",
  ":",
  ";",
  "<",
  "=",
  ">",
  "?",
  "@",
  "[]",
  "\\",
  "`",
  "{}",
  "|",
  "!^~",
  "abcdefghijklmnopqrstuvwxyz",
  "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
  " ",
];
const CONTROL = 1 << 30;
/** 0x80 and above. */
const HIGH = 1 << 31;

const KINDS = kindTable();

function kindTable(): Int32Array {
  const table = new Int32Array(256);
  table.fill(CONTROL, 0, 0x20);
  table[0x7f] = CONTROL;
  table.fill(HIGH, 0x80);
  for (const [bit, marks] of MARKS.entries()) for (const mark of marks) table[mark.charCodeAt(0)] = 1 << bit;
  return table;
}

export function kindsOf(value: Bytes): number {
  let kinds = 0;
  for (let at = 0; at < value.length; at += 1) kinds |= KINDS[value.charCodeAt(at) & 255]!;
  return kinds;
}

/** 0: a byte of no kind. */
export function kindOf(byte: number): number {
  return KINDS[byte]!;
}

export function countOf(kinds: number): number {
  let count = 0;
  for (let rest = kinds; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}
