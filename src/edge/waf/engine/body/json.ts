/**
 * JSON as arguments, named as libmodsecurity names them: `json.a.b`, `json.list.array_0`, an empty key is `empty-key`. Strict RFC 8259 over bytes:
 * no trailing text, no comments, valid UTF-8. Numbers stay as written; nothing is built but the arguments. Bounded in depth and number.
 */
import { isUtf8 } from "node:buffer";
import type { InTurns } from "../../../../base/turns.ts";
import type { Bytes } from "../../match/index.ts";
import { ARGUMENTS_BETWEEN_LOOKS } from "../limits.ts";
import type { ArgumentSink, BodyFault } from "./sink.ts";
import { hexByte } from "./urlencoded.ts";

const ROOT = "json";

/** Yields behind some leaves. */
export function* readJson(bytes: Uint8Array, text: Bytes, depthMax: number, sink: ArgumentSink): InTurns<BodyFault> {
  if (!isUtf8(bytes)) return "JSON that is no valid UTF-8";
  const reader = new JsonReader(text, depthMax, sink);
  return yield* reader.readAll();
}

class JsonReader {
  readonly #text: Bytes;
  readonly #depthMax: number;
  readonly #sink: ArgumentSink;
  #at = 0;
  #items = 0;
  #fault: BodyFault;

  constructor(text: Bytes, depthMax: number, sink: ArgumentSink) {
    this.#text = text;
    this.#depthMax = depthMax;
    this.#sink = sink;
  }

  *readAll(): InTurns<BodyFault> {
    this.#skipBlanks();
    // Nothing at all is no fault to ModSecurity: a request with this type and no body has nothing to look at.
    if (this.#at >= this.#text.length) return undefined;
    const read = this.#value(ROOT, 1);
    if (typeof read === "boolean" ? read : yield* read) {
      this.#skipBlanks();
      if (this.#at < this.#text.length) this.#refuse("text after its end");
    }
    return this.#fault;
  }

  #refuse(what: string): false {
    this.#fault ??= `JSON with ${what} at byte ${this.#at}`;
    return false;
  }

  /** Leaves, which most values are, are read at once. */
  #value(name: Bytes, depth: number): boolean | InTurns<boolean> {
    const code = this.#text.charCodeAt(this.#at);
    if (code === 0x7b) return this.#object(name, depth);
    if (code === 0x5b) return this.#array(name, depth);
    if (code !== 0x22) return this.#bare(name);
    const text = this.#string();
    return text !== undefined && this.#leaf(name, text);
  }

  /** Empty objects and arrays are no arguments, and take time as well. */
  #isLookDue(): boolean {
    this.#items += 1;
    return this.#items % ARGUMENTS_BETWEEN_LOOKS === 0;
  }

  #leaf(name: Bytes, value: Bytes): boolean {
    return this.#sink.add("POST", name, value) || this.#refuse("too many values");
  }

  *#object(name: Bytes, depth: number): InTurns<boolean> {
    if (depth > this.#depthMax) return this.#refuse(`more than ${this.#depthMax} levels`);
    this.#at += 1;
    this.#skipBlanks();
    if (this.#takes(0x7d)) return true;
    for (;;) {
      const key = this.#string();
      if (key === undefined) return false;
      this.#skipBlanks();
      if (!this.#takes(0x3a)) return this.#refuse("no colon");
      this.#skipBlanks();
      const read = this.#value(`${name}.${key === "" ? "empty-key" : key}`, depth + 1);
      if (!(typeof read === "boolean" ? read : yield* read)) return false;
      if (this.#isLookDue()) yield;
      this.#skipBlanks();
      if (this.#takes(0x7d)) return true;
      if (!this.#takes(0x2c)) return this.#refuse("no comma");
      this.#skipBlanks();
    }
  }

  *#array(name: Bytes, depth: number): InTurns<boolean> {
    if (depth > this.#depthMax) return this.#refuse(`more than ${this.#depthMax} levels`);
    this.#at += 1;
    this.#skipBlanks();
    if (this.#takes(0x5d)) return true;
    for (let index = 0; ; index += 1) {
      const read = this.#value(`${name}.array_${index}`, depth + 1);
      if (!(typeof read === "boolean" ? read : yield* read)) return false;
      if (this.#isLookDue()) yield;
      this.#skipBlanks();
      if (this.#takes(0x5d)) return true;
      if (!this.#takes(0x2c)) return this.#refuse("no comma");
      this.#skipBlanks();
    }
  }

  #takes(code: number): boolean {
    if (this.#text.charCodeAt(this.#at) !== code) return false;
    this.#at += 1;
    return true;
  }

  #skipBlanks(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at += 1;
    }
  }

  /** Numbers, true, false and null: up to the next separator. */
  #bare(name: Bytes): boolean {
    const start = this.#at;
    let end = start;
    while (isBareCharacter(this.#text.charCodeAt(end))) end += 1;
    const word = this.#text.slice(start, end);
    if (word === "true" || word === "false" || word === "null") {
      this.#at = end;
      return this.#leaf(name, word === "null" ? "" : word);
    }
    if (!isNumber(word)) return this.#refuse("no value");
    this.#at = end;
    return this.#leaf(name, word);
  }

  /** From a quote to behind the next one; undefined after a fault. */
  #string(): Bytes | undefined {
    if (!this.#takes(0x22)) return this.#refuse("no quote") || undefined;
    const text = this.#text;
    const start = this.#at;
    for (let at = start; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (code === 0x22) {
        this.#at = at + 1;
        return text.slice(start, at);
      }
      if (code === 0x5c) return this.#escapedString(start, at);
      if (code < 0x20) break;
    }
    return this.#refuse("a string that does not end") || undefined;
  }

  #escapedString(start: number, firstEscape: number): Bytes | undefined {
    const text = this.#text;
    const pieces: string[] = [text.slice(start, firstEscape)];
    let at = firstEscape;
    while (at < text.length) {
      const code = text.charCodeAt(at);
      if (code === 0x22) {
        this.#at = at + 1;
        return pieces.join("");
      }
      if (code < 0x20) break;
      if (code === 0x5c) {
        const escaped = escapeAt(text, at);
        if (escaped === undefined) break;
        pieces.push(escaped.text);
        at += escaped.length;
        continue;
      }
      const from = at;
      while (isPlain(text.charCodeAt(at))) at += 1;
      pieces.push(text.slice(from, at));
    }
    this.#at = at;
    return this.#refuse("a string that does not end") || undefined;
  }
}

function isPlain(code: number): boolean {
  return code >= 0x20 && code !== 0x22 && code !== 0x5c;
}

function isBareCharacter(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) ||
    (code >= 0x61 && code <= 0x7a) ||
    code === 0x2d ||
    code === 0x2b ||
    code === 0x2e ||
    code === 0x45
  );
}

/** `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?` */
function isNumber(word: Bytes): boolean {
  let at = word.charCodeAt(0) === 0x2d ? 1 : 0;
  const whole = digitsEnd(word, at);
  if (whole === at || (word.charCodeAt(at) === 0x30 && whole > at + 1)) return false;
  at = whole;
  if (word.charCodeAt(at) === 0x2e) {
    const end = digitsEnd(word, at + 1);
    if (end === at + 1) return false;
    at = end;
  }
  if ((word.charCodeAt(at) | 0x20) !== 0x65) return at === word.length;
  const sign = word.charCodeAt(at + 1);
  const from = sign === 0x2b || sign === 0x2d ? at + 2 : at + 1;
  return digitsEnd(word, from) === word.length && word.length > from;
}

function digitsEnd(word: Bytes, from: number): number {
  let at = from;
  while (word.charCodeAt(at) >= 0x30 && word.charCodeAt(at) <= 0x39) at += 1;
  return at;
}

const SIMPLE: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

interface Escape {
  readonly text: Bytes;
  readonly length: number;
}

function escapeAt(text: Bytes, at: number): Escape | undefined {
  const letter = text.charAt(at + 1);
  if (letter !== "u") {
    const simple = Object.hasOwn(SIMPLE, letter) ? SIMPLE[letter] : undefined;
    return simple === undefined ? undefined : { text: simple, length: 2 };
  }
  const first = unitAt(text, at + 2);
  if (first < 0) return undefined;
  if (first < 0xd800 || first > 0xdfff) return { text: utf8(first), length: 6 };
  const second = text.startsWith("\\u", at + 6) ? unitAt(text, at + 8) : -1;
  if (first > 0xdbff || second < 0xdc00 || second > 0xdfff) return { text: "?", length: 6 };
  return { text: utf8(0x10000 + (first - 0xd800) * 0x400 + (second - 0xdc00)), length: 12 };
}

function unitAt(text: Bytes, at: number): number {
  const high = hexByte(text, at);
  const low = hexByte(text, at + 2);
  return high < 0 || low < 0 ? -1 : high * 256 + low;
}

function utf8(point: number): Bytes {
  return point < 0x80
    ? String.fromCharCode(point)
    : Buffer.from(String.fromCodePoint(point), "utf8").toString("latin1");
}
