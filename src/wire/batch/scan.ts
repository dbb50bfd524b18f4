/**
 * The scan: one pass over NDJSON text that checks every byte against the JSON grammar and notes where the values of the
 * top level begin and end. Nothing is decoded. The next record is expected to look like one seen before: its keys are
 * recognised by comparing bytes, and only a surprise is read key by key.
 *
 * The text must end with a newline: it stops every loop, so that no loop has to look at the length. A scan of one
 * record never goes past its line.
 */
import type { Bytes } from "./bytes.ts";
import { ROW_HEAD } from "./documents.ts";
import { parseJson } from "./json-text.ts";
import { BOOL, ESCAPED, INTEGER, MAX_DEPTH, NESTED, NULL, NUMBER, PLAIN, UNICODE } from "./limits.ts";
import { hasGlue, type ShapeNode, ShapeTree } from "./shape-tree.ts";

/** What a byte means inside a string: 0 is a plain character. */
const STRING_CLASS = new Uint8Array(256);
const QUOTE = 1;
const BACKSLASH = 2;
const HIGH = 3;
const CONTROL = 4;
STRING_CLASS.fill(CONTROL, 0, 32).fill(HIGH, 128);
STRING_CLASS[34] = QUOTE;
STRING_CLASS[92] = BACKSLASH;

const EXACT_DIGITS = 15;

/** Room for this many index entries a byte of text, to begin with: typical records need one entry for 9 bytes. */
const TAPE_ENTRIES_PER_BYTE = 1 / 8;

export class Scanner {
  readonly tree = new ShapeTree();
  /** Why the last record was refused, and where. */
  reason = "";
  errorAt = 0;
  /** The shape of the last record. */
  shape = 0;
  tape: Int32Array;
  tapeLength = 0;
  readonly #text: Bytes;
  readonly #view: DataView;
  /** Where the key read last ended and its value begins. */
  #valueAt = 0;
  /** For each open bracket of a nested value: 1 when it is an object. */
  readonly #objects = new Uint8Array(MAX_DEPTH + 1);

  constructor(text: Bytes) {
    this.#text = text;
    this.#view = new DataView(text.buffer, text.byteOffset, text.length);
    this.tape = new Int32Array(Math.ceil(text.length * TAPE_ENTRIES_PER_BYTE) + 64);
  }

  /**
   * Scans the object that begins at `start` and adds its run to the tape. Returns the position after its closing brace;
   * -1 when it is malformed, and the tape is as before.
   */
  record(start: number): number {
    const text = this.#text;
    const view = this.#view;
    const base = this.tapeLength;
    let tape = this.tape;
    let length = base + ROW_HEAD;
    let node = this.tree.root;
    let at = start;
    for (;;) {
      const { expected } = node;
      if (expected !== null && hasGlue(view, at, expected)) {
        node = expected;
        at += expected.glueLength;
      } else {
        const next = this.#next(node, at);
        if (next === null) break;
        node = next;
        at = this.#valueAt;
      }
      if (text[at]! <= 32) at = skipSpace(text, at); // known bytes may be followed by more space than last time
      const packed = this.#value(at);
      if (packed < 0) return -1;
      if (length + 2 > tape.length) tape = this.#grow();
      tape[length] = at;
      tape[length + 1] = packed;
      length += 2;
      at = packed >>> 3;
    }
    at = this.#valueAt;
    if (at < 0) return -1;
    if (length > tape.length) tape = this.#grow();
    tape[base] = start;
    tape[base + 1] = at;
    this.tapeLength = length;
    this.shape = node.shape >= 0 ? node.shape : this.tree.shape(node);
    return at;
  }

  /**
   * The field that begins at `at`, behind the value of `node`, when it is not the expected one; its value begins at #valueAt. At the object's end null
   * and #valueAt is behind the brace; in an error null and -1.
   */
  #next(node: ShapeNode, at: number): ShapeNode | null {
    const text = this.#text;
    if (text[at] === 125 && node.parent !== null) {
      this.#valueAt = at + 1;
      return null;
    }
    const known = this.tree.match(this.#view, at, node);
    if (known === null) return this.#readKey(node, at);
    this.#valueAt = at + known.glueLength;
    return known;
  }

  /** The slow way: reads comma, key and colon one by one. */
  #readKey(node: ShapeNode, from: number): ShapeNode | null {
    const text = this.#text;
    let at = skipSpace(text, from);
    const first = node.parent === null;
    if (first) at = skipSpace(text, at + 1); // the caller has seen the opening brace
    if (text[at] === 125) {
      this.#valueAt = at + 1;
      return null;
    }
    if (!first) {
      if (text[at] !== 44) return this.#refuseNode(at, "expected , or }");
      at = skipSpace(text, at + 1);
    }
    if (text[at] !== 34) return this.#refuseNode(at, 'expected " and a field name');
    const packed = this.#string(at);
    if (packed < 0) return this.#refuseNode(this.errorAt, this.reason);
    const keyAt = at;
    const keyEnd = packed >>> 3;
    at = skipSpace(text, keyEnd);
    if (text[at] !== 58) return this.#refuseNode(at, "expected : after the field name");
    at = skipSpace(text, at + 1);
    const name = decodeString(text, keyAt, keyEnd, packed & 7);
    const child = this.tree.child(node, name, from, at - from);
    if (child === null) return this.#refuseNode(keyAt, `field ${JSON.stringify(name)} appears twice`);
    this.#valueAt = at;
    return child;
  }

  /** Scans the value at `at`. Returns its end packed with its kind, or -1. */
  #value(at: number): number {
    const code = this.#text[at]!;
    if (code === 34) return this.#string(at);
    if (code === 45 || (code >= 48 && code <= 57)) return this.#number(at);
    if (code === 123 || code === 91) return this.#nested(at);
    if (code === 116) return this.#word(at, "true", BOOL);
    if (code === 102) return this.#word(at, "false", BOOL);
    if (code === 110) return this.#word(at, "null", NULL);
    return this.#refuse(at, "expected a value");
  }

  #string(quote: number): number {
    const text = this.#text;
    let at = quote + 1;
    let kind = PLAIN;
    for (;;) {
      while (STRING_CLASS[text[at]!] === 0) at++;
      const found = STRING_CLASS[text[at]!];
      if (found === QUOTE) return ((at + 1) << 3) | kind;
      if (found === HIGH) {
        if (kind === PLAIN) kind = UNICODE;
        at++;
      } else if (found === BACKSLASH) {
        kind = ESCAPED;
        const after = this.#escape(at);
        if (after < 0) return -1;
        at = after;
      } else {
        const ended = text[at] === 10;
        return this.#refuse(at, ended ? "the line ends inside a string" : "a control character inside a string");
      }
    }
  }

  #escape(backslash: number): number {
    const text = this.#text;
    const code = text[backslash + 1]!;
    if (code !== 117) {
      return ESCAPABLE[code] === 1 ? backslash + 2 : this.#refuse(backslash, "an unknown escape in a string");
    }
    for (let at = backslash + 2; at < backslash + 6; at++) {
      if (HEX_DIGIT[text[at]!] !== 1) return this.#refuse(backslash, "\\u needs four hexadecimal digits");
    }
    return backslash + 6;
  }

  #number(start: number): number {
    const text = this.#text;
    let at = text[start] === 45 ? start + 1 : start;
    const digitsAt = at;
    while (isDigit(text[at]!)) at++;
    const digits = at - digitsAt;
    if (digits === 0) return this.#refuse(at, "expected a digit");
    if (text[digitsAt] === 48 && digits > 1) return this.#refuse(digitsAt, "a number with a leading zero");
    let kind = digits <= EXACT_DIGITS ? INTEGER : NUMBER;
    if (text[at] === 46) {
      kind = NUMBER;
      const fractionAt = ++at;
      while (isDigit(text[at]!)) at++;
      if (at === fractionAt) return this.#refuse(at, "expected a digit after the decimal point");
    }
    if (text[at] === 101 || text[at] === 69) {
      kind = NUMBER;
      at++;
      if (text[at] === 43 || text[at] === 45) at++;
      const exponentAt = at;
      while (isDigit(text[at]!)) at++;
      if (at === exponentAt) return this.#refuse(at, "expected a digit in the exponent");
    }
    return (at << 3) | kind;
  }

  #word(start: number, word: string, kind: number): number {
    for (let index = 1; index < word.length; index++) {
      if (this.#text[start + index] !== word.charCodeAt(index)) return this.#refuse(start, "expected a value");
    }
    return ((start + word.length) << 3) | kind;
  }

  /** An array or object, checked without recursion. */
  #nested(start: number): number {
    const text = this.#text;
    const objects = this.#objects;
    let depth = 0;
    let at = start;
    for (;;) {
      // A value stands at `at`.
      const code = text[at]!;
      let end: number;
      if (code === 123 || code === 91) {
        if (depth >= MAX_DEPTH - 1) return this.#refuse(at, `nested deeper than ${MAX_DEPTH} levels`);
        objects[++depth] = code === 123 ? 1 : 0;
        at = skipSpace(text, at + 1);
        if (text[at] !== (code === 123 ? 125 : 93)) {
          if (code === 123) at = this.#memberKey(at);
          if (at < 0) return -1;
          continue;
        }
        end = at;
      } else {
        const packed = this.#value(at);
        if (packed < 0) return -1;
        end = skipSpace(text, packed >>> 3);
      }
      // `end` is at a separator or at a closing bracket.
      while (text[end] === (objects[depth] === 1 ? 125 : 93)) {
        if (--depth === 0) return ((end + 1) << 3) | NESTED;
        end = skipSpace(text, end + 1);
      }
      if (text[end] !== 44) return this.#refuse(end, objects[depth] === 1 ? "expected , or }" : "expected , or ]");
      at = skipSpace(text, end + 1);
      if (objects[depth] === 1) at = this.#memberKey(at);
      if (at < 0) return -1;
    }
  }

  /** Key and colon of a member of a nested object; returns where its value begins. */
  #memberKey(start: number): number {
    const text = this.#text;
    if (text[start] !== 34) return this.#refuse(start, 'expected " and a field name');
    const packed = this.#string(start);
    if (packed < 0) return -1;
    const at = skipSpace(text, packed >>> 3);
    if (text[at] !== 58) return this.#refuse(at, "expected : after the field name");
    return skipSpace(text, at + 1);
  }

  #refuse(at: number, reason: string): number {
    this.errorAt = at;
    this.reason = reason;
    return -1;
  }

  #refuseNode(at: number, reason: string): null {
    this.#valueAt = this.#refuse(at, reason);
    return null;
  }

  #grow(): Int32Array {
    const grown = new Int32Array(this.tape.length * 2);
    grown.set(this.tape);
    this.tape = grown;
    return grown;
  }
}

const ESCAPABLE = new Uint8Array(256);
for (const char of '"\\/bfnrt') ESCAPABLE[char.charCodeAt(0)] = 1;
const HEX_DIGIT = new Uint8Array(256);
for (const char of "0123456789abcdefABCDEF") HEX_DIGIT[char.charCodeAt(0)] = 1;

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** Space, tab and carriage return; a newline ends the record. */
export function skipSpace(text: Uint8Array, from: number): number {
  let at = from;
  while (text[at] === 32 || text[at] === 9 || text[at] === 13) at++;
  return at;
}

/** The text of the JSON string at [start, end), quotes included. */
export function decodeString(text: Bytes, start: number, end: number, kind: number): string {
  if (kind === PLAIN) return text.latin1Slice(start + 1, end - 1);
  if (kind === UNICODE) return text.utf8Slice(start + 1, end - 1);
  return String(parseJson(text.utf8Slice(start, end)));
}
