/**
 * Single JSON values to and from bytes: numbers parsed exactly without making a string, numbers and strings written
 * without an encoder, and whole values with integers beyond 2^53 kept as bigint. Text that comes in here is valid JSON.
 */
import { Failure } from "../../base/errors.ts";
import type { Value } from "../../sdk/index.ts";
import type { Bytes, ByteWriter } from "./bytes.ts";
import { INTEGER, MAX_DEPTH } from "./limits.ts";

/** Powers of ten that a double holds exactly. */
const EXACT_POWERS = Float64Array.from({ length: 23 }, (_, power) => Number(`1e${power}`));
/** Integers of this many digits are exact in a double. */
const EXACT_DIGITS = 15;
const INT32_MIN = -(2 ** 31);
const INT32_LIMIT = 2 ** 31;
/** Sign, ten digits, point and two decimals fit. */
const NUMBER_BYTES = 16;

const ESCAPE = new Uint8Array(256);
for (let code = 0; code < 32; code++) ESCAPE[code] = 117; // \u00XX
for (const [char, letter] of ['""', "\\\\", "\bb", "\ff", "\nn", "\rr", "\tt"]) {
  ESCAPE[char!.charCodeAt(0)] = letter!.charCodeAt(0);
}
const HEX = "0123456789abcdef";

/** The nearest double to the JSON number at [start, end). */
export function parseNumber(text: Bytes, start: number, end: number, kind: number): number {
  const negative = text[start] === 45;
  let at = negative ? start + 1 : start;
  let value = 0;
  if (kind === INTEGER) {
    while (at < end) value = value * 10 + (text[at++]! - 48);
    return negative ? -value : value;
  }
  let digits = 0;
  let decimals = -1;
  for (; at < end; at++) {
    const code = text[at]!;
    if (code === 46) {
      decimals = digits;
      continue;
    }
    if (code > 57) return Number(text.latin1Slice(start, end)); // an exponent
    value = value * 10 + (code - 48);
    digits++;
  }
  if (digits > EXACT_DIGITS || decimals < 0) return Number(text.latin1Slice(start, end));
  value /= EXACT_POWERS[digits - decimals]!; // both sides exact, so one rounding: the nearest double
  return negative ? -value : value;
}

/** The number as a value: an integer beyond 2^53 is a bigint. */
export function parseExact(text: Bytes, start: number, end: number, kind: number): number | bigint {
  const value = parseNumber(text, start, end, kind);
  if (kind === INTEGER || Number.isSafeInteger(value)) return value;
  return exactNumber(value, text.latin1Slice(start, end));
}

function exactNumber(value: number, source: string): number | bigint {
  if (Number.isSafeInteger(value) || !/^-?\d+$/.test(source)) return value;
  return BigInt(source);
}

const LONG_DIGITS = /\d{16}/;

/** A JSON text as a value. Only a text with a long run of digits pays for the careful way. */
export function parseJson(text: string): Value {
  try {
    if (!LONG_DIGITS.test(text)) return JSON.parse(text) as Value;
    return JSON.parse(text, (_key: string, value: unknown, context?: { source: string }) =>
      typeof value === "number" && context ? exactNumber(value, context.source) : value,
    ) as Value;
  } catch (cause) {
    // Every text was checked when it was parsed: this one comes from a frame that lies.
    throw new Failure("batch.bad_value", `reading a value: ${text.slice(0, 100)} is not JSON`, { cause });
  }
}

/** JSON text of any value: bigint as digits, bytes as base64, NaN and infinities as null. */
export function jsonText(value: Value | undefined, depth = 0): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "number":
      return numberText(value);
    case "bigint":
    case "boolean":
      return String(value);
    case "object":
      return value === null ? "null" : nestedText(value, depth);
    case "undefined":
      return "null";
    default:
      throw new Failure("batch.value.unsupported", `cannot write a ${typeof value} as JSON; use plain values`);
  }
}

function nestedText(value: object, depth: number): string {
  if (depth >= MAX_DEPTH) {
    throw new Failure("batch.value.too_deep", `a value is nested deeper than ${MAX_DEPTH} levels, or contains itself`);
  }
  if (value instanceof Uint8Array) return `"${Buffer.from(value).toString("base64")}"`;
  if (value instanceof Date) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item: Value) => jsonText(item, depth + 1)).join(",")}]`;
  let members = "";
  for (const [key, member] of Object.entries(value as Record<string, Value | undefined>)) {
    if (member === undefined) continue;
    members += `${members === "" ? "" : ","}${JSON.stringify(key)}:${jsonText(member, depth + 1)}`;
  }
  return `{${members}}`;
}

/** Appends the shortest JSON number that reads back as `value`. */
export function appendNumber(writer: ByteWriter, value: number): void {
  const small = value | 0;
  if (small === value && small !== INT32_MIN) {
    appendInt32(writer, small, value < 0);
    return;
  }
  const cents = Math.round(value * 100);
  // Few digits that divide back to the same double are its shortest text.
  if (cents / 100 === value && cents < INT32_LIMIT && cents > -INT32_LIMIT)
    appendCents(writer, Math.abs(cents) | 0, cents < 0);
  else writer.ascii(numberText(value));
}

/** The shortest text that reads back as this number. Beyond 2^53 digits alone would read back as a bigint. */
function numberText(value: number): string {
  if (!Number.isFinite(value)) return "null";
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? value.toExponential() : String(value);
}

function appendInt32(writer: ByteWriter, value: number, negative: boolean): void {
  writer.reserve(NUMBER_BYTES);
  const bytes = writer.buffer;
  let at = writer.length;
  if (negative) bytes[at++] = 45;
  const magnitude = negative ? -value : value;
  at += digitCount(magnitude);
  writer.length = at;
  putDigits(bytes, at, magnitude);
}

/** A number of cents that are not whole units. */
function appendCents(writer: ByteWriter, cents: number, negative: boolean): void {
  writer.reserve(NUMBER_BYTES);
  const bytes = writer.buffer;
  let at = writer.length;
  if (negative) bytes[at++] = 45;
  const whole = (cents * 0.01) | 0;
  const rest = cents - whole * 100;
  at += digitCount(whole);
  putDigits(bytes, at, whole);
  bytes[at++] = 46;
  const tens = (rest * 0.1) | 0;
  bytes[at++] = 48 + tens;
  if (rest !== tens * 10) bytes[at++] = 48 + rest - tens * 10;
  writer.length = at;
}

function digitCount(value: number): number {
  if (value < 1000) return value < 10 ? 1 : value < 100 ? 2 : 3;
  if (value < 1e6) return value < 1e4 ? 4 : value < 1e5 ? 5 : 6;
  if (value < 1e8) return value < 1e7 ? 7 : 8;
  return value < 1e9 ? 9 : 10;
}

/** Writes the digits of 0 <= value < 2^31 so that they end before `end`. */
function putDigits(bytes: Uint8Array, end: number, value: number): void {
  let at = end;
  let rest = value | 0;
  do {
    const shorter = (rest * 0.1) | 0; // right for every 31-bit integer, and cheaper than a division
    bytes[--at] = 48 + (rest - shorter * 10);
    rest = shorter;
  } while (rest !== 0);
}

/** Appends the UTF-8 bytes at [from, to) as a JSON string, quotes included. For converters that make JSON text. */
export function appendJsonBytes(writer: ByteWriter, source: Uint8Array, from: number, to: number): void {
  writer.reserve((to - from) * 6 + 2);
  const bytes = writer.buffer;
  let at = writer.length;
  bytes[at++] = 34;
  for (let index = from; index < to; index++) {
    const code = source[index]!;
    const letter = ESCAPE[code]!;
    if (letter === 0) {
      bytes[at++] = code;
      continue;
    }
    bytes[at++] = 92;
    bytes[at++] = letter;
    if (letter === 117) {
      bytes[at++] = 48;
      bytes[at++] = 48;
      bytes[at++] = HEX.charCodeAt(code >> 4);
      bytes[at++] = HEX.charCodeAt(code & 15);
    }
  }
  bytes[at++] = 34;
  writer.length = at;
}

/** Appends a text as a JSON string, quotes included. A lone surrogate is written as an escape. */
export function appendJsonString(writer: ByteWriter, text: string): void {
  writer.reserve(text.length + 2);
  const bytes = writer.buffer;
  let at = writer.length;
  bytes[at++] = 34;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code > 126 || ESCAPE[code] !== 0) {
      writer.text(JSON.stringify(text));
      return;
    }
    bytes[at++] = code;
  }
  bytes[at++] = 34;
  writer.length = at;
}
