/** Sets of bytes as 256 bits: what a class of a pattern holds. Immutable once handed out. */
export type CharSet = Uint32Array;

export function setOf(text: string): CharSet {
  const set = new Uint32Array(8);
  for (let at = 0; at < text.length; at += 1) addByte(set, text.charCodeAt(at));
  return set;
}

export function rangeSet(...bounds: readonly (readonly [number, number])[]): CharSet {
  const set = new Uint32Array(8);
  for (const [first, last] of bounds) addRange(set, first, last);
  return set;
}

export function addByte(set: CharSet, byte: number): void {
  set[byte >>> 5] = set[byte >>> 5]! | (1 << (byte & 31));
}

export function addRange(set: CharSet, first: number, last: number): void {
  for (let byte = first; byte <= last; byte += 1) addByte(set, byte);
}

export function addSet(set: CharSet, other: CharSet): void {
  for (let at = 0; at < 8; at += 1) set[at] = set[at]! | other[at]!;
}

export function inverted(set: CharSet): CharSet {
  return set.map((word) => ~word >>> 0);
}

export function hasByte(set: CharSet, byte: number): boolean {
  return ((set[byte >>> 5]! >>> (byte & 31)) & 1) === 1;
}

/** With the other case of each ASCII letter in it. */
export function folded(set: CharSet): CharSet {
  const out = set.slice();
  for (let upper = 65; upper <= 90; upper += 1) {
    if (hasByte(set, upper)) addByte(out, upper + 32);
    if (hasByte(set, upper + 32)) addByte(out, upper);
  }
  return out;
}

export function bytesIn(set: CharSet): number[] {
  const bytes: number[] = [];
  for (let byte = 0; byte < 256; byte += 1) if (hasByte(set, byte)) bytes.push(byte);
  return bytes;
}

export function isDisjoint(one: CharSet, other: CharSet): boolean {
  for (let at = 0; at < 8; at += 1) if ((one[at]! & other[at]!) !== 0) return false;
  return true;
}

const LETTERS: readonly (readonly [number, number])[] = [
  [65, 90],
  [97, 122],
];

export const ANY = rangeSet([0, 255]);
export const NOT_NEWLINE = inverted(setOf("\n"));
export const DIGITS = rangeSet([48, 57]);
export const WORD = rangeSet([48, 57], ...LETTERS, [95, 95]);
export const SPACE = setOf("\t\n\v\f\r ");
export const HORIZONTAL = setOf("\t \xa0");
export const VERTICAL = setOf("\n\v\f\r\x85");

/** `[:name:]` */
export const POSIX: Readonly<Record<string, CharSet>> = {
  alpha: rangeSet(...LETTERS),
  digit: DIGITS,
  alnum: rangeSet([48, 57], ...LETTERS),
  upper: rangeSet([65, 90]),
  lower: rangeSet([97, 122]),
  space: SPACE,
  blank: setOf("\t "),
  punct: rangeSet([33, 47], [58, 64], [91, 96], [123, 126]),
  print: rangeSet([32, 126]),
  graph: rangeSet([33, 126]),
  cntrl: rangeSet([0, 31], [127, 127]),
  xdigit: rangeSet([48, 57], [65, 70], [97, 102]),
  word: WORD,
  ascii: rangeSet([0, 127]),
};
