/**
 * Looks over the bytes of a JSON text before anything parses them: one pass, no objects made. What it lets through is JSON by its
 * grammar, is not nested deeper than allowed, has no more values than allowed, no half of a surrogate pair, no number that would be
 * infinite and no key `__proto__`; so whoever parses it afterwards, here or in another process, is not hurt by its form. It also tells where the
 * first members of the top-level object stand, so that a part of it can be passed on as the bytes that it is.
 */
import { isUtf8 } from "node:buffer";
import { Failure } from "../../base/errors.ts";

/** Deeper input is nobody's data; parsers and schemas that recurse stand far more. */
export const JSON_DEPTH_MAX = 64;
/** An envelope has three; the members of what has more are not noted. */
const MEMBERS_NOTED_MAX = 4;
/** The largest double has 309 digits: a shorter number without an exponent is finite. */
const FINITE_CHARS_MAX = 308;
/** `"__proto__"` with every letter as `\u0000` has 54 characters; keys beyond it need no second look. */
const SUSPECT_KEY_BYTES_MAX = 64;

export interface ScanLimits {
  readonly valuesMax: number;
  /** For messages: "the input". */
  readonly what: string;
}

/** A top-level member: where its key (without quotes) and its value stand. */
export interface Member {
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly start: number;
  readonly end: number;
}

export interface ScannedJson {
  /** Of a top-level object with few of them; undefined for anything else. */
  readonly members: readonly Member[] | undefined;
}

/** Fails with `rpc.bad_request`. */
export function scanJson(bytes: Uint8Array, limits: ScanLimits): ScannedJson {
  if (!isUtf8(bytes)) throw new Failure("rpc.bad_request", `${limits.what} is no UTF-8`);
  return new Scanner(bytes, limits).scan();
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY] = [0x7b, 0x7d, 0x5b, 0x5d];
const [MINUS, PLUS, DOT, ZERO, NINE] = [0x2d, 0x2b, 0x2e, 0x30, 0x39];
const LITERALS: ReadonlyMap<number, Uint8Array> = new Map(
  ["true", "false", "null"].map((word) => [word.charCodeAt(0), Buffer.from(word)]),
);
/** What may stand behind a backslash, `u` apart. */
const ESCAPES = new Set(Buffer.from('"\\/bfnrt'));
const LETTER_U = 0x75;

class Scanner {
  readonly #bytes: Uint8Array;
  readonly #limits: ScanLimits;
  readonly #members: Member[] = [];
  #at = 0;
  #values = 0;
  #hasMany = false;

  constructor(bytes: Uint8Array, limits: ScanLimits) {
    this.#bytes = bytes;
    this.#limits = limits;
  }

  scan(): ScannedJson {
    this.#space();
    const isObject = this.#bytes[this.#at] === OPEN_OBJECT;
    this.#value(0);
    this.#space();
    if (this.#at < this.#bytes.length) throw this.#unexpected();
    return { members: isObject && !this.#hasMany ? this.#members : undefined };
  }

  #value(depth: number): void {
    this.#values++;
    const { valuesMax, what } = this.#limits;
    if (this.#values > valuesMax) throw bad(`${what} holds more than ${valuesMax} values, the most that is taken`);
    const first = this.#bytes[this.#at];
    if (first === QUOTE) this.#string();
    else if (first === OPEN_OBJECT) this.#object(this.#deeper(depth));
    else if (first === OPEN_ARRAY) this.#array(this.#deeper(depth));
    else if (first === MINUS || isDigit(first)) this.#number();
    else this.#literal(first);
  }

  #deeper(depth: number): number {
    if (depth < JSON_DEPTH_MAX) return depth + 1;
    throw bad(`${this.#limits.what} is nested deeper than ${JSON_DEPTH_MAX} levels, the most that is taken`);
  }

  #object(depth: number): void {
    this.#at++;
    this.#space();
    if (this.#bytes[this.#at] === CLOSE_OBJECT) return this.#step();
    for (;;) {
      const from = this.#at;
      if (this.#bytes[from] !== QUOTE) throw this.#unexpected();
      const hasEscape = this.#string();
      this.#requireHarmless(from + 1, this.#at - 1, hasEscape);
      const keyEnd = this.#at - 1;
      this.#space();
      this.#expect(COLON);
      this.#space();
      const start = this.#at;
      this.#value(depth);
      if (depth === 1) this.#note(from, keyEnd, start);
      if (this.#isLast(CLOSE_OBJECT)) return;
    }
  }

  #array(depth: number): void {
    this.#at++;
    this.#space();
    if (this.#bytes[this.#at] === CLOSE_ARRAY) return this.#step();
    for (;;) {
      this.#value(depth);
      if (this.#isLast(CLOSE_ARRAY)) return;
    }
  }

  /** Whether this was the last element; stands at the next one otherwise. */
  #isLast(close: number): boolean {
    this.#space();
    if (this.#bytes[this.#at] === close) {
      this.#at++;
      return true;
    }
    this.#expect(COMMA);
    this.#space();
    return false;
  }

  /** Whether it has escapes. */
  #string(): boolean {
    const bytes = this.#bytes;
    const { length } = bytes;
    let at = this.#at + 1;
    let hasEscape = false;
    for (;;) {
      while (at < length && bytes[at] !== QUOTE && bytes[at] !== BACKSLASH && bytes[at]! >= 0x20) at++;
      this.#at = at;
      if (bytes[at] === QUOTE) break;
      if (bytes[at] !== BACKSLASH) throw this.#unexpected();
      hasEscape = true;
      at = this.#escape(at + 1);
    }
    this.#at++;
    return hasEscape;
  }

  /** `at` is behind the backslash; gives what comes next. */
  #escape(at: number): number {
    const letter = this.#bytes[at];
    if (letter !== LETTER_U) {
      if (letter !== undefined && ESCAPES.has(letter)) return at + 1;
      this.#at = at;
      throw this.#unexpected();
    }
    const unit = this.#hex(at + 1);
    if (unit < 0xd800 || unit > 0xdfff) return at + 5;
    const isPair = unit < 0xdc00 && this.#bytes[at + 5] === BACKSLASH && this.#bytes[at + 6] === LETTER_U;
    const low = isPair ? this.#hex(at + 7) : 0;
    if (low >= 0xdc00 && low <= 0xdfff) return at + 11;
    throw bad(`${this.#limits.what} has half of a surrogate pair at byte ${at}; whole characters are required`);
  }

  #hex(at: number): number {
    let unit = 0;
    for (let digit = at; digit < at + 4; digit++) {
      const value = hexValue(this.#bytes[digit] ?? 0);
      if (value < 0) {
        this.#at = digit;
        throw this.#unexpected();
      }
      unit = unit * 16 + value;
    }
    return unit;
  }

  #number(): void {
    const from = this.#at;
    if (this.#bytes[from] === MINUS) this.#at++;
    if (this.#bytes[this.#at] === ZERO) this.#at++;
    else this.#digits();
    if (this.#bytes[this.#at] === DOT) {
      this.#at++;
      this.#digits();
    }
    const hasExponent = (this.#bytes[this.#at]! | 0x20) === 0x65; // e or E
    if (hasExponent) {
      this.#at++;
      const sign = this.#bytes[this.#at];
      if (sign === MINUS || sign === PLUS) this.#at++;
      this.#digits();
    }
    if (hasExponent || this.#at - from > FINITE_CHARS_MAX) this.#requireFinite(from);
  }

  /** `1e999` is read as Infinity, which nobody could write as JSON again. */
  #requireFinite(from: number): void {
    if (Number.isFinite(Number(this.#text(from, this.#at)))) return;
    throw bad(`${this.#limits.what} has a number at byte ${from} that is larger than a double holds`);
  }

  #digits(): void {
    const bytes = this.#bytes;
    let at = this.#at;
    if (!isDigit(bytes[at])) throw this.#unexpected();
    while (isDigit(bytes[at])) at++;
    this.#at = at;
  }

  #literal(first: number | undefined): void {
    const word = LITERALS.get(first ?? 0);
    if (!word) throw this.#unexpected();
    for (const byte of word) this.#expect(byte);
  }

  /** A parser would make it an own property, and whoever copies that could change a prototype. */
  #requireHarmless(start: number, end: number, hasEscape: boolean): void {
    const length = end - start;
    if (length < "__proto__".length || length > SUSPECT_KEY_BYTES_MAX) return;
    if (!hasEscape && length !== "__proto__".length) return;
    const raw = this.#text(start - 1, end + 1);
    if (JSON.parse(raw) === "__proto__") throw bad(`${this.#limits.what} has a key __proto__, which is not taken`);
  }

  #note(from: number, keyEnd: number, start: number): void {
    if (this.#members.length === MEMBERS_NOTED_MAX) this.#hasMany = true;
    if (this.#hasMany) return;
    this.#members.push({ keyStart: from + 1, keyEnd, start, end: this.#at });
  }

  #text(start: number, end: number): string {
    return Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + start, end - start).toString();
  }

  #space(): void {
    const bytes = this.#bytes;
    let at = this.#at;
    let byte = bytes[at];
    while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) byte = bytes[++at];
    this.#at = at;
  }

  #step(): void {
    this.#at++;
  }

  #expect(byte: number): void {
    if (this.#bytes[this.#at] !== byte) throw this.#unexpected();
    this.#at++;
  }

  #unexpected(): Failure {
    const { what } = this.#limits;
    const byte = this.#bytes[this.#at];
    if (byte === undefined) return bad(`${what} is no JSON: it ends at byte ${this.#at}, before its value does`);
    const sign = byte > 0x20 && byte < 0x7f ? `"${String.fromCharCode(byte)}"` : `0x${byte.toString(16)}`;
    return bad(`${what} is no JSON: ${sign} at byte ${this.#at} is not expected there`);
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}

function hexValue(byte: number): number {
  if (byte >= ZERO && byte <= NINE) return byte - ZERO;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : -1;
}

function bad(message: string): Failure {
  return new Failure("rpc.bad_request", message);
}
