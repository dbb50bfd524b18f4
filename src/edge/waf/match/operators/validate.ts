/** Operators that match what is malformed, and card numbers. */
import type { Bytes } from "../bytes.ts";
import { kindsOfAny } from "../regex/needs.ts";
import { Regex } from "../regex/regex.ts";
import { hexPair } from "../transform/output.ts";
import { byValue, invalidArgument, type Matcher, type MatcherFactory } from "./words.ts";

/** Matches where a byte is outside: `32-126,9,10`. */
function validateByteRange(argument: Bytes): Matcher {
  const isAllowed = new Uint8Array(256);
  for (const piece of argument.split(",")) {
    const match = /^\s*([0-9]{1,3})(?:\s*-\s*([0-9]{1,3}))?\s*$/.exec(piece);
    const first = Number(match?.[1]);
    const last = Number(match?.[2] ?? match?.[1]);
    if (match === null || first > 255 || last > 255 || first > last)
      throw invalidArgument("validateByteRange", argument, "numbers and ranges from 0 to 255 with commas between");
    isAllowed.fill(1, first, last + 1);
  }
  const outside = isAllowed.reduce<Bytes>(
    (texts, allowed, at) => (allowed ? texts : texts + String.fromCharCode(at)),
    "",
  );
  return {
    kinds: kindsOfAny([...outside]),
    ...byValue((value) => {
      for (let at = 0; at < value.length; at += 1) if (isAllowed[value.charCodeAt(at) & 255] === 0) return true;
      return false;
    }),
  };
}

function isBadUrlEncoding(value: Bytes): boolean {
  for (let at = value.indexOf("%"); at >= 0; at = value.indexOf("%", at + 1))
    if (hexPair(value, at + 1) < 0) return true;
  return false;
}

/** Overlong forms, surrogates and what lies beyond U+10FFFF among it. */
export function isBadUtf8(value: Bytes): boolean {
  let at = 0;
  while (at < value.length) {
    const first = value.charCodeAt(at);
    const length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    if (length === 0 || at + length > value.length) return true;
    if (length > 1 && isBadTail(value, at, first, length)) return true;
    at += length;
  }
  return false;
}

function isBadTail(value: Bytes, at: number, first: number, length: number): boolean {
  const second = value.charCodeAt(at + 1);
  if (first === 0xe0 && second < 0xa0) return true;
  if (first === 0xed && second > 0x9f) return true;
  if (first === 0xf0 && second < 0x90) return true;
  if (first === 0xf4 && second > 0x8f) return true;
  for (let each = 1; each < length; each += 1) if ((value.charCodeAt(at + each) & 0xc0) !== 0x80) return true;
  return false;
}

export function passesLuhn(text: Bytes): boolean {
  const digits = text.replace(/[^0-9]/g, "");
  let sum = 0;
  for (let at = 0; at < digits.length; at += 1) {
    const digit = digits.charCodeAt(digits.length - 1 - at) - 48;
    const weighted = at % 2 === 1 ? digit * 2 : digit;
    sum += weighted > 9 ? weighted - 9 : weighted;
  }
  return digits.length > 0 && sum % 10 === 0;
}

/** Candidates that are looked at in one value: a body of digits only is no reason to search for ever. */
const CARDS_MAX = 100;

/** What the pattern finds has to pass Luhn's check. */
function verifyCard(argument: Bytes): Matcher {
  const regex = Regex.compile(argument);
  return {
    required: regex.required,
    match(subject, run) {
      let rest = subject.value;
      for (let tried = 0; tried < CARDS_MAX; tried += 1) {
        const span = regex.span(rest, run);
        if (span === undefined) return false;
        if (passesLuhn(rest.slice(...span))) return true;
        rest = rest.slice(span[0] + 1);
      }
      return false;
    },
  };
}

export const VALIDATE_OPERATORS: Readonly<Record<string, MatcherFactory>> = {
  validatebyterange: validateByteRange,
  validateurlencoding: () => byValue(isBadUrlEncoding),
  validateutf8encoding: () => byValue(isBadUtf8),
  verifycc: verifyCard,
};
