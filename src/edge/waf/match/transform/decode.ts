/** Transformations that undo an encoding. Each returns its argument where nothing is encoded. */
import type { Bytes } from "../bytes.ts";
import { HEX_DIGITS, hexDigit, hexPair, isSpace, Output, wideByte } from "./output.ts";

export function urlDecode(value: Bytes): Bytes {
  return decodeUrl(value, false);
}

/** With `%uXXXX`. */
export function urlDecodeUni(value: Bytes): Bytes {
  return decodeUrl(value, true);
}

function decodeUrl(value: Bytes, isUnicode: boolean): Bytes {
  if (!value.includes("%") && !value.includes("+")) return value;
  const out = new Output(value.length);
  let from = 0;
  for (let at = 0; at < value.length; at += 1) {
    const code = value.charCodeAt(at);
    if (code !== 43 && code !== 37) continue;
    const isWide = code === 37 && isUnicode && (value.charCodeAt(at + 1) | 32) === 117;
    const byte = code === 43 ? 32 : isWide ? wideByte(value, at + 2) : hexPair(value, at + 1);
    if (byte < 0) continue;
    out.copy(value, from, at);
    out.put(byte);
    if (code === 37) at += isWide ? 5 : 2;
    from = at + 1;
  }
  out.copy(value, from, value.length);
  return out.take();
}

/** Decodes what stands behind each mark: `decode` gets the place behind it, writes, and gives the place to go on or -1 for "leave it". */
function decodeMarks(value: Bytes, mark: string, decode: (value: Bytes, at: number, out: Output) => number): Bytes {
  let next = value.indexOf(mark);
  if (next < 0) return value;
  const out = new Output(value.length);
  let from = 0;
  while (next >= 0) {
    out.copy(value, from, next);
    const end = decode(value, next + 1, out);
    if (end < 0) out.put(value.charCodeAt(next));
    from = end < 0 ? next + 1 : end;
    next = value.indexOf(mark, from);
  }
  out.copy(value, from, value.length);
  return out.take();
}

const ENTITIES: ReadonlyMap<string, number> = new Map([
  ["quot", 34],
  ["amp", 38],
  ["lt", 60],
  ["gt", 62],
  ["nbsp", 160],
]);

/** `&#60;`, `&#x3c;`, `&lt;`, with or without the semicolon. */
export function htmlEntityDecode(value: Bytes): Bytes {
  return decodeMarks(value, "&", (text, at, out) => {
    const end = entity(text, at, out);
    return end >= 0 && text.charCodeAt(end) === 59 ? end + 1 : end;
  });
}

/** Writes what an entity stands for; where it ends, or -1. */
function entity(value: Bytes, from: number, out: Output): number {
  if (value.charCodeAt(from) !== 35) return namedEntity(value, from, out);
  const isHex = (value.charCodeAt(from + 1) | 32) === 120;
  const begin = from + (isHex ? 2 : 1);
  let end = begin;
  let number = 0;
  for (; end < value.length; end += 1) {
    const digit = hexDigit(value.charCodeAt(end));
    if (digit < 0 || (!isHex && digit > 9)) break;
    number = Math.min(number * (isHex ? 16 : 10) + digit, 0x7fff_ffff);
  }
  if (end === begin) return -1;
  out.put(number & 255);
  return end;
}

/** Longer words are no entity that is known. */
const ENTITY_LENGTH_MAX = 4;

function namedEntity(value: Bytes, from: number, out: Output): number {
  let end = from;
  while (end < value.length && end - from <= ENTITY_LENGTH_MAX && isAlphanumeric(value.charCodeAt(end))) end += 1;
  const byte = ENTITIES.get(value.slice(from, end).toLowerCase());
  if (byte === undefined) return -1;
  out.put(byte);
  return end;
}

function isAlphanumeric(code: number): boolean {
  const letter = code | 32;
  return (code >= 48 && code <= 57) || (letter >= 97 && letter <= 122);
}

const C_ESCAPES: ReadonlyMap<number, number> = new Map([
  [97, 7],
  [98, 8],
  [102, 12],
  [110, 10],
  [114, 13],
  [116, 9],
  [118, 11],
]);

/** JavaScript's escapes; a backslash before anything else goes. */
export function jsDecode(value: Bytes): Bytes {
  return decodeMarks(value, "\\", (text, at, out) => (at === text.length ? -1 : jsEscape(text, at, out)));
}

function jsEscape(value: Bytes, at: number, out: Output): number {
  const next = value.charCodeAt(at);
  if (next === 117) {
    const byte = wideByte(value, at + 1);
    if (byte >= 0) return put(out, byte, at + 5);
  }
  if (next === 120) {
    const byte = hexPair(value, at + 1);
    if (byte >= 0) return put(out, byte, at + 3);
  }
  if (isOctal(next)) return octal(value, at, out);
  return put(out, C_ESCAPES.get(next) ?? next, at + 1);
}

function put(out: Output, byte: number, end: number): number {
  out.put(byte);
  return end;
}

function isOctal(code: number): boolean {
  return code >= 48 && code <= 55;
}

/** Up to three digits, at most 255. */
function octal(value: Bytes, from: number, out: Output): number {
  let end = from;
  let number = 0;
  while (end < value.length && end - from < 3 && isOctal(value.charCodeAt(end))) {
    const next = number * 8 + value.charCodeAt(end) - 48;
    if (next > 255) break;
    number = next;
    end += 1;
  }
  return put(out, number, end);
}

/** C's escapes; of what is none the backslash goes, as in ModSecurity. */
export function escapeSeqDecode(value: Bytes): Bytes {
  return decodeMarks(value, "\\", (text, at, out) => (at === text.length ? -1 : cEscape(text, at, out)));
}

function cEscape(value: Bytes, at: number, out: Output): number {
  const next = value.charCodeAt(at);
  const control = C_ESCAPES.get(next);
  if (control !== undefined) return put(out, control, at + 1);
  // Backslash, question mark, apostrophe, quotation mark.
  if (next === 92 || next === 63 || next === 39 || next === 34) return put(out, next, at + 1);
  if ((next | 32) === 120) {
    const byte = hexPair(value, at + 1);
    if (byte >= 0) return put(out, byte, at + 3);
  }
  if (isOctal(next)) return octal(value, at, out);
  return put(out, next, at + 1);
}

/** CSS: up to six digits and one space; a backslash before a newline goes with it. */
export function cssDecode(value: Bytes): Bytes {
  return decodeMarks(value, "\\", (text, at, out) => (at === text.length ? at : cssEscape(text, at, out)));
}

function cssEscape(value: Bytes, at: number, out: Output): number {
  let digits = 0;
  while (digits < 6 && at + digits < value.length && hexDigit(value.charCodeAt(at + digits)) >= 0) digits += 1;
  if (digits === 0) {
    const next = value.charCodeAt(at);
    if (next !== 10) out.put(next);
    return at + 1;
  }
  const number = Number.parseInt(value.slice(at, at + digits), 16);
  const low = number & 255;
  const isWide = digits >= 4 && number >> 8 === 0xff && low > 0 && low < 0x5f;
  out.put(isWide ? low + 0x20 : low);
  const end = at + digits;
  return end < value.length && isSpace(value.charCodeAt(end)) ? end + 1 : end;
}

/** Pairs of digits; what is no digit counts as C's arithmetic has it. An odd last one goes. */
export function hexDecode(value: Bytes): Bytes {
  const out = new Output(value.length >> 1);
  for (let at = 0; at + 1 < value.length; at += 2)
    out.put((looseDigit(value.charCodeAt(at)) * 16 + looseDigit(value.charCodeAt(at + 1))) & 255);
  return out.take();
}

function looseDigit(code: number): number {
  return code >= 65 ? (code & 0xdf) - 55 : code - 48;
}

/** `0x414243` as MySQL reads it. */
export function sqlHexDecode(value: Bytes): Bytes {
  if (!value.includes("0x") && !value.includes("0X")) return value;
  const out = new Output(value.length);
  let at = 0;
  while (at < value.length) {
    const isPrefix =
      value.charCodeAt(at) === 48 && (value.charCodeAt(at + 1) | 32) === 120 && hexPair(value, at + 2) >= 0;
    if (!isPrefix) {
      out.put(value.charCodeAt(at));
      at += 1;
      continue;
    }
    at += 2;
    for (let byte = hexPair(value, at); byte >= 0; byte = hexPair(value, at)) {
      out.put(byte);
      at += 2;
    }
  }
  return out.take();
}

/** Shorter texts are decoded here: a native call costs more. */
const BASE64_NATIVE_MIN = 32;
const SIXES = base64Digits();

function base64Digits(): Int8Array {
  const digits = new Int8Array(256).fill(-1);
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (let at = 0; at < letters.length; at += 1) digits[letters.charCodeAt(at)] = at;
  return digits;
}

/** Up to the first byte that is none of base64's. */
export function base64Decode(value: Bytes): Bytes {
  let bits = 0;
  let size = 0;
  let decoded: Output | undefined;
  for (let end = 0; end < value.length; end += 1) {
    if (end === BASE64_NATIVE_MIN) return base64Whole(value, decoded);
    const code = value.charCodeAt(end);
    const six = SIXES[code & 255]!;
    if (six < 0 && code !== 10 && code !== 13) break;
    if (six < 0) continue;
    bits = (bits << 6) | six;
    size += 6;
    if (size < 8) continue;
    size -= 8;
    decoded ??= new Output(BASE64_NATIVE_MIN);
    decoded.put((bits >> size) & 255);
  }
  return decoded?.take() ?? "";
}

function base64Whole(value: Bytes, begun: Output | undefined): Bytes {
  begun?.take();
  const end = value.search(/[^A-Za-z0-9+/\r\n]/);
  return fromBase64(end < 0 ? value : value.slice(0, end));
}

/** Bytes that are none of base64's are passed over. */
export function base64DecodeExt(value: Bytes): Bytes {
  return fromBase64(value.replace(/[^A-Za-z0-9+/]/g, ""));
}

function fromBase64(text: Bytes): Bytes {
  return Buffer.from(text, "base64").toString("latin1");
}

/** UTF-8 sequences beyond ASCII as `%uXXXX`; bytes that are no UTF-8 stay. */
export function utf8toUnicode(value: Bytes): Bytes {
  let at = firstHigh(value);
  if (at < 0) return value;
  const out = new Output(value.length * 2);
  out.copy(value, 0, at);
  while (at < value.length) {
    const length = utf8Length(value, at);
    if (length < 2) out.put(value.charCodeAt(at));
    else putUnicode(out, codePoint(value, at, length));
    at += length;
  }
  return out.take();
}

/** `%u` and at least four digits. */
function putUnicode(out: Output, point: number): void {
  out.put(37);
  out.put(117);
  const top = point > 0xfffff ? 20 : point > 0xffff ? 16 : 12;
  for (let shift = top; shift >= 0; shift -= 4) out.put(HEX_DIGITS.charCodeAt((point >> shift) & 15));
}

function firstHigh(value: Bytes): number {
  for (let at = 0; at < value.length; at += 1) if (value.charCodeAt(at) > 127) return at;
  return -1;
}

/** How long the UTF-8 sequence at a place is; 1 for ASCII and for a byte that begins none. */
function utf8Length(value: Bytes, at: number): number {
  const first = value.charCodeAt(at);
  const length =
    first >= 0xf0 && first < 0xf5 ? 4 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xc2 && first < 0xe0 ? 2 : 1;
  if (at + length > value.length) return 1;
  for (let each = 1; each < length; each += 1) if ((value.charCodeAt(at + each) & 0xc0) !== 0x80) return 1;
  return length;
}

function codePoint(value: Bytes, at: number, length: number): number {
  let point = value.charCodeAt(at) & (0xff >> (length + 1));
  for (let each = 1; each < length; each += 1) point = point * 64 + (value.charCodeAt(at + each) & 0x3f);
  return point;
}
