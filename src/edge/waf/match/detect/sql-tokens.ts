/**
 * SQL cut into tokens, from the view of a value that was put into a statement: alone, or behind an opening quote. Tolerant of all dialects at
 * once, bounded in number, one pass.
 */
import type { Bytes } from "../bytes.ts";
import { isSpace } from "../transform/output.ts";
import { WORD_TYPES } from "./sql-words.ts";

/** Quote that is open where the value begins. */
export type Context = "" | "'" | '"';

export interface SqlToken {
  /** One letter; see sql-words.ts. `X`: nothing honest. */
  readonly type: string;
  /** Lower case for words, as written else; cut. */
  readonly text: Bytes;
  readonly from: number;
  readonly to: number;
  /** Strings: the quotes that open and close it, "" where it is the value's edge. */
  readonly open: string;
  readonly close: string;
}

/** The folding looks at five tokens; what it takes away is bounded by this. */
const TOKENS_MAX = 60;
const WORD_BYTES_MAX = 40;
/** What ends a word. */
const WORD_END = Uint8Array.from({ length: 256 }, (_, byte) =>
  ` []{}<>:\\?=@!#~+-*/&|^%(),';\t\n\v\f\r"\xa0\0`.includes(String.fromCharCode(byte)) ? 1 : 0,
);
const OPERATORS_TWO: ReadonlySet<string> = new Set([
  "<>",
  "<=",
  ">=",
  "!=",
  "==",
  ":=",
  "::",
  "*=",
  "!<",
  "!>",
  "|=",
  "&=",
  "^=",
  "+=",
  "-=",
  "/=",
  "%=",
  "<<",
  ">>",
]);
const QUOTE = 39;
const DOUBLE = 34;
const TICK = 96;

/** Cuts as far as somebody asks: most values show after a few tokens what they are. */
export class SqlTokens {
  readonly #value: Bytes;
  readonly #isMysql: boolean;
  readonly #tokens: SqlToken[] = [];
  #at = 0;

  constructor(value: Bytes, context: Context, isMysql: boolean) {
    this.#value = value;
    this.#isMysql = isMysql;
    if (context !== "") this.#string(context.charCodeAt(0), 0, "");
  }

  /** Undefined behind the last one. */
  at(index: number): SqlToken | undefined {
    const tokens = this.#tokens;
    while (index >= tokens.length && this.#at < this.#value.length && tokens.length < TOKENS_MAX) this.#next();
    return tokens[index];
  }

  #add(type: string, to: number, text = this.#value.slice(this.#at, Math.min(to, this.#at + WORD_BYTES_MAX))): void {
    this.#tokens.push({ type, text, from: this.#at, to, open: "", close: "" });
    this.#at = to;
  }

  #next(): void {
    const code = this.#value.charCodeAt(this.#at);
    if (isSpace(code) || code === 0 || code === 160) this.#at += 1;
    else if (code === QUOTE || code === DOUBLE) this.#string(code, this.#at + 1, String.fromCharCode(code));
    else if (code === TICK) this.#tick();
    else if (code >= 48 && code <= 57) this.#number();
    else if (code === 46 && isDigit(this.#value.charCodeAt(this.#at + 1))) this.#number();
    else if (isWordByte(code)) this.#word();
    else this.#sign(this.#value[this.#at]!);
  }

  /** Up to the quote that is neither doubled nor behind a backslash. */
  #string(quote: number, from: number, open: string): void {
    const value = this.#value;
    const begin = this.#at;
    let at = from;
    for (; at < value.length; at += 1) {
      const code = value.charCodeAt(at);
      if (code === 92) at += 1;
      else if (code === quote && value.charCodeAt(at + 1) === quote) at += 1;
      else if (code === quote) break;
    }
    const isClosed = at < value.length;
    const end = isClosed ? at + 1 : value.length;
    this.#tokens.push({
      type: "s",
      text: value.slice(from, Math.min(at, from + WORD_BYTES_MAX)),
      from: begin,
      to: end,
      open,
      close: isClosed ? String.fromCharCode(quote) : "",
    });
    this.#at = end;
  }

  /** MySQL's quoted name; a function's name in it is a function. */
  #tick(): void {
    const end = this.#value.indexOf("`", this.#at + 1);
    const inner = this.#value
      .slice(this.#at + 1, end < 0 ? undefined : end)
      .slice(0, WORD_BYTES_MAX)
      .toLowerCase();
    this.#add(WORD_TYPES.get(inner) === "f" ? "f" : "n", end < 0 ? this.#value.length : end + 1, inner);
  }

  #number(): void {
    const value = this.#value;
    const rest = value.slice(this.#at, this.#at + 2).toLowerCase();
    let end = this.#at;
    if (rest === "0x" || rest === "0b") {
      end += 2;
      while (isHex(value.charCodeAt(end))) end += 1;
      if (end > this.#at + 2) return this.#add("1", end);
      end = this.#at;
    }
    while (isDigit(value.charCodeAt(end))) end += 1;
    if (value.charCodeAt(end) === 46) {
      end += 1;
      while (isDigit(value.charCodeAt(end))) end += 1;
    }
    this.#add("1", this.#exponent(end));
  }

  #exponent(from: number): number {
    const value = this.#value;
    if ((value.charCodeAt(from) | 32) !== 101) return from;
    let end = from + 1;
    if (value[end] === "+" || value[end] === "-") end += 1;
    if (!isDigit(value.charCodeAt(end))) return from;
    while (isDigit(value.charCodeAt(end))) end += 1;
    return end;
  }

  #word(): void {
    const value = this.#value;
    let end = this.#at + 1;
    while (end < value.length && !endsWord(value.charCodeAt(end)) && value.charCodeAt(end) !== TICK) end += 1;
    const text = value.slice(this.#at, Math.min(end, this.#at + WORD_BYTES_MAX)).toLowerCase();
    if (this.#prefixedString(text, end)) return;
    const known = WORD_TYPES.get(text);
    if (known !== undefined) return this.#add(known, end, text);
    // `select.1`: a keyword before a dot stands for itself.
    const dot = text.indexOf(".");
    const head = dot > 0 ? WORD_TYPES.get(text.slice(0, dot)) : undefined;
    if (head !== undefined && head !== "n") return this.#add(head, this.#at + dot, text.slice(0, dot));
    this.#add("n", end, text);
  }

  /** `x'41'`, `n'a'`, `b'01'`, `_utf8'a'`. */
  #prefixedString(text: Bytes, end: number): boolean {
    if (this.#value.charCodeAt(end) !== QUOTE) return false;
    if (text === "x" || text === "b") {
      const close = this.#value.indexOf("'", end + 1);
      const digits = close < 0 ? "" : this.#value.slice(end + 1, close);
      if (close < 0 || !/^[0-9a-fA-F]*$/.test(digits)) return false;
      this.#add("1", close + 1);
      return true;
    }
    if (text !== "n" && text !== "e" && !text.startsWith("_")) return false;
    this.#at = end;
    this.#string(QUOTE, end + 1, "'");
    return true;
  }

  #sign(char: string): void {
    const value = this.#value;
    const two = value.slice(this.#at, this.#at + 2);
    if (two === "/*") return this.#comment();
    if (two === "--" && this.#isDash()) return this.#line();
    if (char === "#" && this.#isMysql) return this.#line();
    if (two === "&&" || two === "||") return this.#add("&", this.#at + 2);
    if (value.startsWith("<=>", this.#at)) return this.#add("o", this.#at + 3);
    if (OPERATORS_TWO.has(two)) return this.#add("o", this.#at + 2);
    if (char === "@") return this.#variable();
    if (char === "[") return this.#bracket();
    this.#add("(){},;.:?\\".includes(char) ? char : char === "]" ? "?" : "o", this.#at + 1);
  }

  /** Elsewhere `--` begins a comment at once; in MySQL a space has to follow. */
  #isDash(): boolean {
    const next = this.#value.charCodeAt(this.#at + 2);
    return !this.#isMysql || Number.isNaN(next) || isSpace(next);
  }

  #line(): void {
    const end = this.#value.indexOf("\n", this.#at);
    this.#add("c", end < 0 ? this.#value.length : end);
  }

  /** `/*!` is code for MySQL, and a comment in a comment is there to deceive: both are `X`. */
  #comment(): void {
    const close = this.#value.indexOf("*/", this.#at + 2);
    const end = close < 0 ? this.#value.length : close + 2;
    const isCode = this.#value[this.#at + 2] === "!";
    const nested = this.#value.indexOf("/*", this.#at + 2);
    this.#add(isCode || (nested >= 0 && nested + 1 < end - 2) ? "X" : "c", end);
  }

  #variable(): void {
    const value = this.#value;
    let end = this.#at + 1;
    if (value[end] === "@") end += 1;
    const quote = value[end];
    if (quote === "'" || quote === '"' || quote === "`") {
      const close = value.indexOf(quote, end + 1);
      return this.#add("v", close < 0 ? value.length : close + 1);
    }
    while (end < value.length && !endsWord(value.charCodeAt(end))) end += 1;
    this.#add("v", end);
  }

  #bracket(): void {
    const end = this.#value.indexOf("]", this.#at);
    this.#add("n", end < 0 ? this.#value.length : end + 1);
  }
}

function endsWord(code: number): boolean {
  return WORD_END[code & 255] === 1;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

function isHex(code: number): boolean {
  const letter = code | 32;
  return isDigit(code) || (letter >= 97 && letter <= 102);
}

function isWordByte(code: number): boolean {
  const letter = code | 32;
  return (letter >= 97 && letter <= 122) || code === 95 || code === 36 || code > 127;
}
