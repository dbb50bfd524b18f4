/**
 * Where a body ends (RFC 9112, 6.3), and what a `Connection` field says. Of what two parsers could understand differently nothing is
 * accepted: that is what request smuggling lives on.
 */

import { malformed, shown, unsupported } from "./fault.ts";
import type { FieldLines } from "./field-lines.ts";
import type { HeaderList } from "./words.ts";

/** In the place of a length: chunks, or all until the connection ends. */
export const CHUNKED = -1;
export const UNTIL_CLOSE = -2;

/** 999 TB: a longer number is an attempt to make one overflow. */
const LENGTH_DIGITS_MAX = 15;

/** The body's length, `CHUNKED`, or undefined where the head does not say. */
export function framingOf(lines: FieldLines, version: "1.0" | "1.1"): number | undefined {
  if (lines.doubt !== undefined) throw malformed("doubtful_field", `the head has ${lines.doubt}`);
  const { contentLength, transferEncoding } = lines;
  if (transferEncoding === undefined) return contentLength === undefined ? undefined : lengthOf(contentLength);
  if (contentLength !== undefined)
    throw malformed("length_and_encoding", "the head has content-length and transfer-encoding, one at most is allowed");
  if (version === "1.0") throw malformed("encoding_in_1.0", "HTTP/1.0 has no transfer-encoding, and the head has one");
  if (transferEncoding.toLowerCase() !== "chunked")
    throw unsupported(
      501,
      "transfer_encoding",
      `transfer-encoding is ${shown(transferEncoding)}, only chunked is known`,
    );
  return CHUNKED;
}

function lengthOf(text: string): number {
  let length = 0;
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9 || at === LENGTH_DIGITS_MAX) throw badLength(text);
    length = length * 10 + digit;
  }
  if (text === "") throw badLength(text);
  return length;
}

function badLength(text: string): Error {
  return malformed(
    "bad_length",
    `content-length is ${shown(text)}, a number of up to ${LENGTH_DIGITS_MAX} digits is required`,
  );
}

/** What a `Connection` field asks for. */
export interface ConnectionWords {
  readonly close: boolean;
  readonly keepAlive: boolean;
  readonly upgrade: boolean;
  /** Fields that are of this hop only. */
  readonly named: readonly string[];
}

const NOTHING: ConnectionWords = { close: false, keepAlive: false, upgrade: false, named: [] };
const CLOSE: ConnectionWords = { ...NOTHING, close: true };
const KEEP_ALIVE: ConnectionWords = { ...NOTHING, keepAlive: true };

/** Whoever names these wants the next hop to see another message than this one. */
const NEVER_OF_ONE_HOP: ReadonlySet<string> = new Set(["content-length", "host", "authorization", "cookie", "expect"]);
const KNOWN: ReadonlySet<string> = new Set([
  "close",
  "keep-alive",
  "upgrade",
  "te",
  "transfer-encoding",
  "trailer",
  "",
]);

export function connectionWords(text: string | undefined): ConnectionWords {
  if (text === undefined) return NOTHING;
  if (text === "close") return CLOSE;
  if (text === "keep-alive") return KEEP_ALIVE;
  const words = text.split(",").map((word) => word.trim().toLowerCase());
  for (const word of words)
    if (NEVER_OF_ONE_HOP.has(word)) throw malformed("connection_names", `connection names the field ${shown(word)}`);
  return {
    close: words.includes("close"),
    keepAlive: words.includes("keep-alive"),
    upgrade: words.includes("upgrade"),
    named: words.filter((word) => !KNOWN.has(word)),
  };
}

/** In place: the fields that are of one hop by their names are gone. */
export function removeNamed(headers: HeaderList, named: readonly string[]): void {
  if (named.length === 0) return;
  let kept = 0;
  for (let at = 0; at < headers.length; at += 2) {
    if (named.includes(headers[at]!)) continue;
    headers[kept] = headers[at]!;
    headers[kept + 1] = headers[at + 1]!;
    kept += 2;
  }
  headers.length = kept;
}
