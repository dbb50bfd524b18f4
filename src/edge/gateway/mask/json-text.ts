/**
 * JSON's tokens, read out of a text that may go on: what is cut off at its end is read again when more has come. Long texts are read in
 * turns, and are known when the reader comes to them again. Refuses what is no JSON.
 */
import type { InTurns } from "../../../base/turns.ts";
import { DIGIT, MARKS, type Marks, marksWith, STOP } from "./marks.ts";
import { PACE } from "./pace.ts";

/** What is no JSON, or too deep. */
export class NoJson extends Error {}

/** Thrown: all that there is has been read, and a token is not whole. */
export const CUT = Symbol("cut");
/** Thrown: a long text begins where the reader stands; `readLong` reads it, and then the reader gets on. */
export const LONG = Symbol("long");

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BLANK = 0x20;
const ESCAPE_LENGTH_MAX = 6;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

/** A text from quote to quote. */
export interface Literal {
  readonly end: number;
  /** Of what stands between the quotes. */
  readonly marks: Marks;
  readonly hasEscape: boolean;
}

export class JsonText {
  text = "";
  at = 0;
  isLast = false;
  /** Of the text that was read last. */
  marks: Marks = 0;
  hasEscape = false;
  readonly #long = new Map<number, Literal>();
  #longAt = 0;

  /** What is behind the end may come yet. */
  fault(what: string): never {
    if (!this.isLast && this.at >= this.text.length) throw CUT;
    throw new NoJson(what);
  }

  /** Drops what is before that place, and goes on with more. */
  cut(before: number, more: string): void {
    this.text = this.text.slice(before) + more;
    this.at -= before;
    this.#long.clear();
  }

  code(): number {
    return this.text.charCodeAt(this.at);
  }

  blanks(): void {
    const { text } = this;
    let { at } = this;
    for (let code = text.charCodeAt(at); isBlank(code); code = text.charCodeAt(at)) at++;
    this.at = at;
  }

  /** Stands on its quote, and then behind it. Throws LONG for one that is not read yet. */
  string(): void {
    const start = this.at;
    if (this.#scan(start + 1, start + PACE, 0, 0, false)) return;
    const known = this.#long.get(start);
    this.at = start;
    if (known === undefined) {
      this.#longAt = start;
      throw LONG;
    }
    this.at = known.end;
    this.marks = known.marks;
    this.hasEscape = known.hasEscape;
  }

  /** The one that LONG was thrown for. */
  *readLong(): InTurns<void> {
    let from = this.#longAt + 1;
    let [bits, digits, hasEscape] = [0, 0, false];
    while (!this.#scan(from, from + PACE, bits, digits, hasEscape)) {
      yield;
      from = this.at;
      bits = this.#bits;
      digits = this.#digits;
      hasEscape = this.hasEscape;
    }
    this.#long.set(this.#longAt, { end: this.at, marks: this.marks, hasEscape: this.hasEscape });
  }

  #bits = 0;
  #digits = 0;

  /** True: the text has ended. False: it goes on behind `until`. */
  #scan(from: number, until: number, bitsBefore: number, digitsBefore: number, hasEscapeBefore: boolean): boolean {
    const { text } = this;
    const most = Math.min(until, text.length);
    let [bits, digits] = [bitsBefore, digitsBefore];
    this.hasEscape = hasEscapeBefore;
    let at = from;
    for (; at < most; at++) {
      const code = text.charCodeAt(at);
      if (code >= 128) continue;
      const mark = MARKS[code]!;
      if ((mark & STOP) !== 0) {
        if (code === QUOTE) {
          this.at = at + 1;
          this.marks = marksWith(bits, digits);
          return true;
        }
        this.at = at;
        at += this.#escape(code, at) - 1;
        continue;
      }
      bits |= mark;
      digits += mark & DIGIT;
    }
    this.at = at;
    if (at >= text.length) this.fault("a text without its end");
    this.#bits = bits;
    this.#digits = digits;
    return false;
  }

  /** How long it is. */
  #escape(code: number, at: number): number {
    if (code !== BACKSLASH) throw new NoJson("a text with a control character");
    this.hasEscape = true;
    ESCAPE.lastIndex = at;
    if (ESCAPE.test(this.text)) return ESCAPE.lastIndex - at;
    if (!this.isLast && at + ESCAPE_LENGTH_MAX > this.text.length) throw CUT;
    throw new NoJson("an escape that is none");
  }

  /** True, false, null or a number; says whether it is a number. */
  scalar(): boolean {
    const { text } = this;
    for (const word of WORDS) {
      if (!text.startsWith(word, this.at)) continue;
      this.at += word.length;
      return false;
    }
    this.#number();
    if (!this.isLast && this.at >= text.length) throw CUT; // it may have more digits
    return true;
  }

  #number(): void {
    const { text } = this;
    const start = this.at;
    if (text.charCodeAt(this.at) === 0x2d) this.at++;
    if (text.charCodeAt(this.at) === 0x30) this.at++;
    else if (this.#digitsFrom(this.at) === 0) {
      // `tru` at the end of what there is
      if (!this.isLast && text.length - start < WORD_LENGTH_MAX && /^(-?|[a-z]+)$/.test(text.slice(start))) throw CUT;
      throw new NoJson("no value");
    }
    if (text.charCodeAt(this.at) === 0x2e) this.#part(this.at + 1);
    const exponent = text.charCodeAt(this.at) | 0x20;
    if (exponent !== 0x65) return;
    const sign = text.charCodeAt(this.at + 1);
    this.#part(sign === 0x2b || sign === 0x2d ? this.at + 2 : this.at + 1);
  }

  /** The digits of a fraction or an exponent, or the number ends before it. */
  #part(from: number): void {
    const before = this.at;
    if (this.#digitsFrom(from) > 0) return;
    if (!this.isLast && from >= this.text.length) throw CUT;
    this.at = before;
  }

  #digitsFrom(from: number): number {
    const { text } = this;
    let at = from;
    for (let code = text.charCodeAt(at); code >= 0x30 && code <= 0x39; code = text.charCodeAt(at)) at++;
    if (at > from) this.at = at;
    return at - from;
  }
}

const WORDS = ["true", "false", "null"] as const;
const WORD_LENGTH_MAX = 5;

/** Those of JSON, and what begins a text of a sequence (RFC 7464). */
function isBlank(code: number): boolean {
  return code === BLANK || code === 0x0a || code === 0x0d || code === 0x09 || code === 0x1e;
}

/** What a literal says that the reader has read. */
export function textOf(literal: string, hasEscape: boolean): string {
  return hasEscape ? (JSON.parse(literal) as string) : literal.slice(1, -1);
}

/** The same for a long one. */
export function* longTextOf(literal: string, hasEscape: boolean): InTurns<string> {
  if (!hasEscape) return literal.slice(1, -1);
  const end = literal.length - 1;
  const pieces: string[] = [];
  for (let from = 1; from < end; yield) {
    const until = cutBehindEscapes(literal, from, Math.min(end, from + PACE));
    pieces.push(JSON.parse(`"${literal.slice(from, until)}"`) as string);
    from = until;
  }
  return pieces.join("");
}

/** There or as far behind it as an escape goes that begins before it. Half of a pair is a text as well: joined they are a pair again. */
function cutBehindEscapes(literal: string, from: number, until: number): number {
  const piece = literal.slice(from, until);
  let at = 0;
  for (let slash = piece.indexOf("\\"); slash >= 0; slash = piece.indexOf("\\", at))
    at = slash + (literal[from + slash + 1] === "u" ? ESCAPE_LENGTH_MAX : 2);
  return from + Math.max(at, piece.length);
}

/** The literals of a long text, in pieces. */
export function* literalInTurns(text: string): InTurns<readonly string[]> {
  const pieces = ['"'];
  for (let from = 0; from < text.length; yield) {
    const until = isHalf(text, from + PACE) ? from + PACE + 1 : from + PACE;
    pieces.push(JSON.stringify(text.slice(from, until)).slice(1, -1));
    from = until;
  }
  pieces.push('"');
  return pieces;
}

/** The second half of a character: by itself it would be written as an escape. */
function isHalf(text: string, at: number): boolean {
  return (text.charCodeAt(at) & 0xfc00) === 0xdc00 && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800;
}
