/** One number of JSON can be written in many ways: its digits are the same. */

/** Numbers of cards and the like are shorter. */
const DIGITS_MAX = 40;
const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,3}))?$/;

/** Of a whole number that is written with a sign, a point or an exponent; undefined: it is none, is too long, or its digits are as it stands. */
export function digitsOf(number: string): string | undefined {
  const [, sign, whole = "", fraction = "", exponent] = NUMBER.exec(number) ?? [];
  if (sign === undefined || (sign === "" && fraction === "" && exponent === undefined)) return undefined;
  const point = whole.length + Number(exponent ?? 0);
  if (point <= 0 || point > DIGITS_MAX) return undefined;
  const all = whole + fraction;
  if (/[^0]/.test(all.slice(point))) return undefined;
  return all
    .slice(0, point)
    .padEnd(point, "0")
    .replace(/^0+(?=.)/, "");
}
