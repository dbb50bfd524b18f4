/**
 * JSON text under construction: the converters (CSV, log and plain lines) append bytes here, and the batch parser reads
 * them like any other NDJSON. Room is asked for once per record in the worst case, so that the inner loops only store.
 */
import { Failure } from "../../base/errors.ts";

/**
 * Most bytes that one raw batch may become. Escapes make six bytes of one and each CSV field repeats its name; 256 MiB is
 * far above any sensible batch and far below what would endanger the host.
 */
export const JSON_TEXT_BYTES_MAX = 256 * 1024 * 1024;

/** A control character becomes `\u00XX`. */
const ESCAPED_BYTES_MAX = 6;

const HEX = Buffer.from("0123456789abcdef", "latin1");
/** The letter of the short escape, or 0 where there is none. */
const SHORT_ESCAPES = new Uint8Array(128);
for (const [char, letter] of ['""', "\\\\", "\bb", "\ff", "\nn", "\rr", "\tt"]) {
  SHORT_ESCAPES[char!.charCodeAt(0)] = letter!.charCodeAt(0);
}

export class JsonText {
  bytes: Uint8Array;
  length = 0;

  constructor(sizeBytes: number) {
    this.bytes = new Uint8Array(Math.max(256, sizeBytes));
  }

  written(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  /** Makes room for a record: `plain` bytes as they are and `escaped` bytes that may all need an escape. */
  reserve(plain: number, escaped: number): void {
    const needed = this.length + plain + escaped * ESCAPED_BYTES_MAX;
    if (needed <= this.bytes.length) return;
    if (needed > JSON_TEXT_BYTES_MAX) {
      throw new Failure(
        "format.too_large",
        `cannot convert a raw batch: its JSON text may take ${needed} bytes; at most ${JSON_TEXT_BYTES_MAX} are allowed, lower batch_rows`,
      );
    }
    const grown = new Uint8Array(Math.min(JSON_TEXT_BYTES_MAX, Math.max(needed, this.bytes.length * 2)));
    grown.set(this.written());
    this.bytes = grown;
  }

  byte(value: number): void {
    this.bytes[this.length++] = value;
  }

  /** Copies bytes unchanged: a number, a literal, a prepared key. */
  raw(source: Uint8Array, from: number, to: number): void {
    const target = this.bytes;
    let at = this.length;
    for (let i = from; i < to; i++) target[at++] = source[i]!;
    this.length = at;
  }

  /** A JSON string with its quotes, from valid UTF-8. */
  string(source: Uint8Array, from: number, to: number): void {
    this.byte(34);
    this.escaped(source, from, to);
    this.byte(34);
  }

  /** The inside of a JSON string. */
  escaped(source: Uint8Array, from: number, to: number): void {
    const target = this.bytes;
    let at = this.length;
    for (let i = from; i < to; i++) {
      const byte = source[i]!;
      if (byte >= 32 && byte !== 34 && byte !== 92) target[at++] = byte;
      else at = escapeInto(target, at, byte);
    }
    this.length = at;
  }
}

function escapeInto(target: Uint8Array, at: number, byte: number): number {
  const letter = SHORT_ESCAPES[byte]!;
  target[at++] = 92;
  if (letter !== 0) {
    target[at++] = letter;
    return at;
  }
  target[at++] = 117;
  target[at++] = 48;
  target[at++] = 48;
  target[at++] = HEX[byte >> 4]!;
  target[at++] = HEX[byte & 15]!;
  return at;
}

/** The JSON text of a key with its colon, ready to be copied in front of a value. */
export function keyBytes(name: string, before: "{" | ","): Uint8Array {
  return Buffer.from(`${before}${JSON.stringify(name.toWellFormed())}:`);
}

/** Whether the bytes are exactly one JSON number: no leading zeros, plus sign, spaces or bare dot. */
export function isJsonNumber(bytes: Uint8Array, from: number, to: number): boolean {
  let at = bytes[from] === 45 ? from + 1 : from;
  const first = at;
  at = skipDigits(bytes, at, to);
  if (at === first || (bytes[first] === 48 && at > first + 1)) return false;
  if (at < to && bytes[at] === 46) {
    const fraction = at + 1;
    at = skipDigits(bytes, fraction, to);
    if (at === fraction) return false;
  }
  if (at < to && (bytes[at]! | 32) === 101) {
    const sign = bytes[at + 1];
    const exponent = sign === 43 || sign === 45 ? at + 2 : at + 1;
    at = skipDigits(bytes, exponent, to);
    if (at === exponent) return false;
  }
  return at === to;
}

function skipDigits(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && bytes[at]! >= 48 && bytes[at]! <= 57) at++;
  return at;
}
