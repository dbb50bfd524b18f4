/**
 * `a=1&b=2` as ModSecurity v3 reads it: leniently, because what matters is what an application could make of it. An invalid escape stays
 * as it is and is told; empty pieces are arguments without a name.
 */
import type { InTurns } from "../../../../base/turns.ts";
import type { Bytes } from "../../match/index.ts";
import { ARGUMENTS_BETWEEN_LOOKS } from "../limits.ts";
import type { ArgumentSink } from "./sink.ts";

const PERCENT = 0x25;
const PLUS = 0x2b;

/** Whether all escapes were valid. */
export function* readUrlencoded(
  text: Bytes,
  from: "GET" | "POST",
  separator: string,
  sink: ArgumentSink,
): InTurns<boolean> {
  let isValid = true;
  let start = 0;
  // Kept from one piece to the next: a search of its own for each would be quadratic where there is none.
  let equals = text.indexOf("=");
  while (start < text.length) {
    const found = text.indexOf(separator, start);
    const end = found < 0 ? text.length : found;
    if (equals >= 0 && equals < start) equals = text.indexOf("=", start);
    const nameEnd = equals < 0 || equals > end ? end : equals;
    const name = decodePart(text.slice(start, nameEnd));
    const value = nameEnd === end ? { text: "", isValid: true } : decodePart(text.slice(nameEnd + 1, end));
    isValid &&= name.isValid && value.isValid;
    if (!sink.add(from, name.text, value.text)) return isValid;
    start = end + 1;
    if (sink.count % ARGUMENTS_BETWEEN_LOOKS === 0) yield;
  }
  return isValid;
}

interface Decoded {
  readonly text: Bytes;
  readonly isValid: boolean;
}

function decodePart(part: Bytes): Decoded {
  if (part.indexOf("%") < 0) return { text: part.indexOf("+") < 0 ? part : part.replaceAll("+", " "), isValid: true };
  const bytes = Buffer.allocUnsafe(part.length);
  let length = 0;
  let isValid = true;
  for (let at = 0; at < part.length; at += 1) {
    const code = part.charCodeAt(at);
    if (code === PERCENT) {
      const value = hexByte(part, at + 1);
      if (value >= 0) {
        bytes[length++] = value;
        at += 2;
        continue;
      }
      isValid = false;
    }
    bytes[length++] = code === PLUS ? 0x20 : code;
  }
  return { text: bytes.toString("latin1", 0, length), isValid };
}

/** `%XX` only, `+` stays: as paths are decoded. */
export function decodePath(path: Bytes): Bytes {
  if (path.indexOf("%") < 0) return path;
  const bytes = Buffer.allocUnsafe(path.length);
  let length = 0;
  for (let at = 0; at < path.length; at += 1) {
    const code = path.charCodeAt(at);
    const value = code === PERCENT ? hexByte(path, at + 1) : -1;
    if (value < 0) bytes[length++] = code;
    else {
      bytes[length++] = value;
      at += 2;
    }
  }
  return bytes.toString("latin1", 0, length);
}

/** -1: no two hexadecimal digits there. */
export function hexByte(text: Bytes, at: number): number {
  const high = hexDigit(text.charCodeAt(at));
  const low = hexDigit(text.charCodeAt(at + 1));
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
