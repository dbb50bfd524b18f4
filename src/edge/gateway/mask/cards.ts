/**
 * Numbers of payment cards: 13 to 19 digits, also in groups with blanks or dashes between them, with an issuer's beginning and
 * length and a right check digit (Luhn). A number that is none by these has a chance of some percent to be taken for one at most.
 */
import type { Found, SpanFinder } from "./span-finder.ts";

const DIGITS_MIN = 13;
const DIGITS_MAX = 19;

/** ISO/IEC 7812 ranges of the large issuers, by the first four digits: from, to, and the lengths of their numbers. */
const ISSUERS: readonly (readonly [from: number, to: number, lengths: readonly number[]])[] = [
  [4000, 4999, [13, 16, 19]], // Visa
  [5100, 5599, [16]], // Mastercard
  [2221, 2720, [16]],
  [3400, 3499, [15]], // American Express
  [3700, 3799, [15]],
  [3000, 3059, [14, 16, 17, 18, 19]], // Diners Club
  [3095, 3095, [14, 16, 17, 18, 19]],
  [3600, 3699, [14, 15, 16, 17, 18, 19]],
  [3800, 3999, [14, 16, 17, 18, 19]],
  [3528, 3589, [16, 17, 18, 19]], // JCB
  [6011, 6011, [16, 17, 18, 19]], // Discover
  [6440, 6599, [16, 17, 18, 19]],
  [6200, 6299, [16, 17, 18, 19]], // UnionPay
  [2200, 2204, [16, 17, 18, 19]], // Mir
  [5018, 5018, [13, 14, 15, 16, 17, 18, 19]], // Maestro
  [5020, 5020, [13, 14, 15, 16, 17, 18, 19]],
  [5038, 5038, [13, 14, 15, 16, 17, 18, 19]],
  [5600, 5899, [13, 14, 15, 16, 17, 18, 19]],
  [6304, 6304, [13, 14, 15, 16, 17, 18, 19]],
  [6759, 6763, [13, 14, 15, 16, 17, 18, 19]],
  [6000, 6099, [16]], // RuPay
  [8100, 8299, [16]],
  [5080, 5089, [16]],
];
const ISSUER_DIGITS = 4;
const NO_LENGTHS: readonly number[] = [];

export const findCards: SpanFinder = (text, from, until, found) => {
  let at = from;
  while (at < until) {
    if (!isDigit(text, at)) at++;
    else if (isFraction(text, at)) at = runEnd(text, at);
    else at = cardEnd(text, at, found);
  }
  return at;
};

/** A number that begins with this group: behind it, when it is a card, else behind the group. */
function cardEnd(text: string, from: number, found: Found[]): number {
  const places: number[] = [];
  let at = from;
  let groupEnd = -1;
  while (places.length <= DIGITS_MAX) {
    places.push(at++);
    if (isDigit(text, at)) continue;
    if (groupEnd < 0) groupEnd = at;
    if (!isBetween(text, at)) break;
    at++;
  }
  const last = places.length < DIGITS_MIN ? -1 : lastOf(text, places);
  if (last >= 0) {
    const end = places[last]! + 1;
    found.push({ start: from, end });
    return end;
  }
  while (groupEnd < 0)
    if (!isDigit(text, at)) groupEnd = at;
    else at++;
  return groupEnd;
}

/** A blank or a dash between two digits. */
function isBetween(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return (code === 0x20 || code === 0x2d) && isDigit(text, at + 1);
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 0x30 && code <= 0x39;
}

/** `0.4111111111111111` is no card, whatever stands behind it. */
function isFraction(text: string, at: number): boolean {
  return text.charCodeAt(at - 1) === 0x2e && isDigit(text, at - 2);
}

function runEnd(text: string, from: number): number {
  let at = from + 1;
  while (isDigit(text, at) || isBetween(text, at)) at++;
  return at;
}

/** The longest that ends where a group does. */
function lastOf(text: string, places: readonly number[]): number {
  const lengths = lengthsOf(text, places);
  for (let index = lengths.length - 1; index >= 0; index--) {
    const last = lengths[index]! - 1;
    if (last < places.length && !isDigit(text, places[last]! + 1) && isLuhn(text, places, last)) return last;
  }
  return -1;
}

/** How long a number with this beginning may be, in rising order. */
function lengthsOf(text: string, places: readonly number[]): readonly number[] {
  let beginning = 0;
  for (let index = 0; index < ISSUER_DIGITS; index++) beginning = beginning * 10 + digitAt(text, places[index]!);
  for (let index = 0; index < ISSUERS.length; index++) {
    const [from, to, lengths] = ISSUERS[index]!;
    if (beginning >= from && beginning <= to) return lengths;
  }
  return NO_LENGTHS;
}

function digitAt(text: string, at: number): number {
  return text.charCodeAt(at) - 0x30;
}

function isLuhn(text: string, places: readonly number[], last: number): boolean {
  let sum = 0;
  for (let index = last; index >= 0; index--) {
    const digit = digitAt(text, places[index]!);
    const doubled = (last - index) % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}
