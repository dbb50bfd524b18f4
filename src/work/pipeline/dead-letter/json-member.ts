/**
 * Finds the bytes of one member of a JSON object. Only for text that JSON.parse has accepted: it looks for ends, it does
 * not check. Where a key stands twice the last one counts, as with JSON.parse.
 */
import { assert } from "../../../base/errors.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;

const decoder = new TextDecoder();

/** A view of the value's bytes, from its first to its last character. */
export function memberBytes(object: Uint8Array, name: string): Uint8Array {
  let found: Uint8Array | undefined;
  let at = skipBlanks(object, skipBlanks(object, 0) + 1);
  while (object[at] === QUOTE) {
    const keyEnd = skipString(object, at);
    const key: unknown = JSON.parse(decoder.decode(object.subarray(at, keyEnd)));
    const start = skipBlanks(object, skipBlanks(object, keyEnd) + 1);
    const end = skipValue(object, start);
    if (key === name) found = object.subarray(start, end);
    at = skipBlanks(object, end);
    if (object[at] === COMMA) at = skipBlanks(object, at + 1);
  }
  assert(found !== undefined, `the object has a member ${name}`);
  return found;
}

/** Blanks are the only characters up to 0x20 that JSON allows outside of strings. */
function skipBlanks(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && bytes[at]! <= 0x20) at++;
  return at;
}

/** The place behind the closing quote of the string that begins at `from`. */
function skipString(bytes: Uint8Array, from: number): number {
  let at = from + 1;
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at + 1;
}

function skipValue(bytes: Uint8Array, from: number): number {
  if (bytes[from] === QUOTE) return skipString(bytes, from);
  let depth = 0;
  let at = from;
  while (at < bytes.length) {
    const byte = bytes[at]!;
    if (byte === QUOTE) {
      at = skipString(bytes, at);
      continue;
    }
    const closes = byte === CLOSE_BRACE || byte === CLOSE_BRACKET;
    if (depth === 0 && (closes || byte === COMMA || byte <= 0x20)) return at;
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
    else if (closes && --depth === 0) return at + 1;
    at++;
  }
  return at;
}
