/**
 * Paths in normal form before anything looks at them (RFC 3986, 6.2.2), so that gateway and upstream see the same path. What could be
 * read in two ways is refused: an encoded slash or backslash, control characters, broken escapes, what is no UTF-8, dots or nothing
 * before a `;`. The README has the table. It refuses to guess: nothing is decoded twice.
 */
import { isUtf8 } from "node:buffer";

/** What is wrong with the path, for people. */
export interface PathFault {
  readonly fault: string;
}

export function isPathFault(result: string | PathFault): result is PathFault {
  return typeof result !== "string";
}

/** Classes of raw characters in a path. */
const PLAIN = 0;
const PERCENT = 1;
const ENCODED = 2; // allowed only percent-encoded: written so
const REFUSED = 3;
const UNRESERVED = /[A-Za-z0-9._~-]/;
const CLASSES = classes();
const IS_UNRESERVED = Uint8Array.from({ length: 256 }, (_, code) =>
  code < 0x80 && UNRESERVED.test(String.fromCharCode(code)) ? 1 : 0,
);

function classes(): Uint8Array {
  const table = new Uint8Array(256).fill(ENCODED);
  for (let code = 0; code < 0x80; code++) {
    if (/[A-Za-z0-9._~!$&'()*+,;=:@/-]/.test(String.fromCharCode(code))) table[code] = PLAIN;
    if (code <= 0x20 || code === 0x7f) table[code] = REFUSED;
  }
  for (const refused of "\\#?") table[refused.charCodeAt(0)] = REFUSED;
  table[0x25] = PERCENT;
  return table;
}

const SLASH = 0x2f;
const BACKSLASH = 0x5c;
const DOT = 0x2e;
const SEMICOLON = 0x3b;
const DELETE = 0x7f;
const BLANK = 0x20;

/** `path` begins with a slash and has no query; each character stands for one byte. */
export function normalizePath(path: string): string | PathFault {
  if (path.charCodeAt(0) !== SLASH) return { fault: "the path does not begin with /" };
  return isNormal(path) ? path : normalizeSlowly(path);
}

/** True for the paths of nearly all requests: nothing is encoded, no empty piece, no piece that begins with a dot. */
function isNormal(path: string): boolean {
  let before = 0;
  for (let at = 0; at < path.length; at++) {
    const code = path.charCodeAt(at);
    if (code > 0xff || CLASSES[code] !== PLAIN) return false;
    if (before === SLASH && (code === SLASH || code === DOT || code === SEMICOLON)) return false;
    before = code;
  }
  return true;
}

function normalizeSlowly(path: string): string | PathFault {
  const decoded = normalizeEscapes(path);
  return typeof decoded === "string" ? resolveDots(decoded) : decoded;
}

function normalizeEscapes(path: string): string | PathFault {
  const bytes: number[] = []; // beyond ASCII, each run behind a blank
  let text = "";
  for (let at = 0; at < path.length; at++) {
    const code = path.charCodeAt(at);
    const kind = code > 0xff ? REFUSED : CLASSES[code]!;
    if (kind === REFUSED) return { fault: rawFault(code) };
    if (kind === PLAIN) {
      text += path[at];
      bytes.push(BLANK);
      continue;
    }
    const byte = kind === PERCENT ? escapedByte(path, at) : code;
    if (byte < 0) return { fault: "a % in the path is not followed by two hexadecimal digits" };
    if (kind === PERCENT) at += 2;
    const fault = byteFault(byte);
    if (fault !== undefined) return { fault };
    bytes.push(byte < 0x80 ? BLANK : byte);
    text += IS_UNRESERVED[byte] === 1 ? String.fromCharCode(byte) : percent(byte);
  }
  return isUtf8(Uint8Array.from(bytes)) ? text : { fault: "the path is not UTF-8" };
}

function rawFault(code: number): string {
  if (code === BACKSLASH) return "the path has a backslash";
  return `the path has the character 0x${code.toString(16).padStart(2, "0")}`;
}

function byteFault(byte: number): string | undefined {
  if (byte === SLASH || byte === BACKSLASH) return "the path has an encoded slash or backslash";
  return byte < BLANK || byte === DELETE ? "the path has an encoded control character" : undefined;
}

function escapedByte(path: string, at: number): number {
  const [high, low] = [hexDigit(path.charCodeAt(at + 1)), hexDigit(path.charCodeAt(at + 2))];
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

export function percent(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}

/** Dot segments resolved, empty pieces left out; a path that would leave its root is refused. */
function resolveDots(path: string): string | PathFault {
  const pieces = path.split("/").slice(1);
  const kept: string[] = [];
  let endsOpen = false; // with a slash
  for (const [index, piece] of pieces.entries()) {
    endsOpen = piece === "" || piece === "." || piece === "..";
    // Servers that take what is behind a ; for parameters would read dots, or nothing.
    if (/^\.\.?(;|%3B)/.test(piece)) return { fault: "the path has dots before a ;" };
    if (/^(;|%3B)/.test(piece)) return { fault: "the path has a piece that begins with a ;" };
    if (piece === ".." && kept.pop() === undefined) return { fault: "the path leads above its root" };
    if (!endsOpen) kept.push(piece);
    else if (index === pieces.length - 1) kept.push("");
  }
  return `/${kept.join("/")}`;
}

/** Of a normal path: there is a `;` in it, encoded or not. */
export function hasParameters(path: string): boolean {
  return path.includes(";") || path.includes("%3B");
}

/** The text that an encoded piece stands for; it comes from a normal path, so it decodes. */
export function decodePiece(piece: string): string {
  return piece.includes("%") ? decodeURIComponent(piece) : piece;
}
