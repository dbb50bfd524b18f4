/** Transformations that take away what an attacker puts in to be overlooked: case, spaces, comments, detours of a path. */
import type { Bytes } from "../bytes.ts";
import { isSpace, Output } from "./output.ts";

const HIGH = /[\x80-\xff]/;

/** ASCII only, as C's tolower. */
export function lowercase(value: Bytes): Bytes {
  if (!HIGH.test(value)) return value.toLowerCase();
  return value.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

export function uppercase(value: Bytes): Bytes {
  if (!HIGH.test(value)) return value.toUpperCase();
  return value.replace(/[a-z]+/g, (letters) => letters.toUpperCase());
}

export function removeNulls(value: Bytes): Bytes {
  return value.includes("\0") ? value.replaceAll("\0", "") : value;
}

export function replaceNulls(value: Bytes): Bytes {
  return value.includes("\0") ? value.replaceAll("\0", " ") : value;
}

export function removeWhitespace(value: Bytes): Bytes {
  return value.replace(/[\t-\r \xa0]+/g, "");
}

/** Each run of space becomes one blank. */
export function compressWhitespace(value: Bytes): Bytes {
  return /[\t-\r\xa0]| {2}/.test(value) ? value.replace(/[\t-\r \xa0]+/g, " ") : value;
}

export function trimLeft(value: Bytes): Bytes {
  let from = 0;
  while (from < value.length && isSpace(value.charCodeAt(from))) from += 1;
  return value.slice(from);
}

export function trimRight(value: Bytes): Bytes {
  let to = value.length;
  while (to > 0 && isSpace(value.charCodeAt(to - 1))) to -= 1;
  return value.slice(0, to);
}

export function trim(value: Bytes): Bytes {
  return trimLeft(trimRight(value));
}

/** A C comment becomes one blank; one that is not closed swallows the rest. */
export function replaceComments(value: Bytes): Bytes {
  let begin = value.indexOf("/*");
  if (begin < 0) return value;
  const pieces: Bytes[] = [];
  let from = 0;
  while (begin >= 0) {
    pieces.push(value.slice(from, begin), " ");
    const end = value.indexOf("*/", begin + 2);
    from = end < 0 ? value.length : end + 2;
    begin = value.indexOf("/*", from);
  }
  pieces.push(value.slice(from));
  return pieces.join("");
}

/** Comments of C, HTML and SQL go; `--` and `#` swallow the rest. */
export function removeComments(value: Bytes): Bytes {
  const out = new Output(value.length + 1);
  let at = 0;
  while (at < value.length) {
    if (value.startsWith("/*", at)) at = behind(value, "*/", at + 2, out);
    else if (value.startsWith("<!--", at)) at = behind(value, "-->", at + 4, out);
    else if (value.startsWith("--", at) || value.charCodeAt(at) === 35) {
      out.put(32);
      at = value.length;
    } else {
      out.put(value.charCodeAt(at));
      at += 1;
    }
  }
  return out.take();
}

function behind(value: Bytes, mark: Bytes, from: number, out: Output): number {
  const end = value.indexOf(mark, from);
  if (end >= 0) return end + mark.length;
  out.put(32);
  return value.length;
}

/** Only the marks of comments go. */
export function removeCommentsChar(value: Bytes): Bytes {
  return value.replace(/\/\*|\*\/|<!--|-->|--|#/g, "");
}

/** A command line as a shell would see through it: quotes and carets go, separators become one blank, none before `/` and `(`. */
export function cmdLine(value: Bytes): Bytes {
  const out = new Output(value.length);
  let isBlank = false;
  for (let at = 0; at < value.length; at += 1) {
    const code = value.charCodeAt(at) & 255;
    const kind = COMMAND_BYTES[code];
    if (kind === DROPPED || (kind === BLANK && isBlank)) continue;
    if (kind === CLINGING && isBlank) out.drop(1);
    isBlank = kind === BLANK;
    out.put(isBlank ? 32 : code >= 65 && code <= 90 ? code + 32 : code);
  }
  return out.take();
}

const DROPPED = 1;
const BLANK = 2;
/** No blank stands before it. */
const CLINGING = 3;
const COMMAND_BYTES = commandBytes();

function commandBytes(): Uint8Array {
  const kinds = new Uint8Array(256);
  for (const char of "\"'\\^") kinds[char.charCodeAt(0)] = DROPPED;
  for (const char of " ,;\t\r\n") kinds[char.charCodeAt(0)] = BLANK;
  for (const char of "/(") kinds[char.charCodeAt(0)] = CLINGING;
  return kinds;
}

/** Without `//`, `/./` and `/../`. */
export function normalizePath(value: Bytes): Bytes {
  if (!value.includes("/")) return value === "." ? "" : value;
  if (!/\/\/|(?:^|\/)\.\.?(?:\/|$)/.test(value)) return value;
  const isAbsolute = value.startsWith("/");
  const kept: Bytes[] = [];
  const pieces = value.split("/");
  for (const piece of pieces) {
    if (piece === "" || piece === ".") continue;
    if (piece !== "..") kept.push(piece);
    else if (kept.length > 0 && kept.at(-1) !== "..") kept.pop();
    else if (!isAbsolute) kept.push("..");
  }
  const path = (isAbsolute ? "/" : "") + kept.join("/");
  return value.endsWith("/") && kept.length > 0 ? `${path}/` : path;
}

/** With backslashes as slashes. */
export function normalizePathWin(value: Bytes): Bytes {
  return normalizePath(value.includes("\\") ? value.replaceAll("\\", "/") : value);
}
