/**
 * A JSON document cut into NDJSON lines without decoding it: the records' bytes stay as they are, so numbers keep every digit
 * and members their order. Only line breaks between tokens become blanks, because a line is a record. Finds where the elements
 * of the outermost array end; whether they are right in themselves is for the line parser to say.
 */
import { Failure } from "../../../../base/errors.ts";

const [TAB, NEWLINE, RETURN, SPACE, QUOTE, COMMA] = [9, 10, 13, 32, 34, 44];
const [OPEN_ARRAY, BACKSLASH, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [91, 92, 93, 123, 125];
/** Bytes that matter while an element is passed over: everything else is part of it. */
const SPECIAL = new Uint8Array(256);
for (const byte of [NEWLINE, RETURN, QUOTE, OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT]) SPECIAL[byte] = 1;

/**
 * Each element of the array as a line of its own, or the one object. The bytes given are changed: line breaks within
 * records. Fails with `source.http.malformed`.
 */
export function jsonToLines(bytes: Uint8Array): Uint8Array {
  return new Elements(bytes).lines();
}

class Elements {
  readonly #bytes: Uint8Array;
  /** One line feed for each comma, and one more. */
  readonly #lines: Uint8Array;
  #length = 0;
  #at: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#lines = new Uint8Array(bytes.length + 1);
    this.#at = hasMark(bytes) ? 3 : 0;
  }

  lines(): Uint8Array {
    this.#skipBlanks();
    if (this.#byte() === OPEN_ARRAY) this.#readArray();
    else this.#readObject("an array of objects, or one object,");
    this.#skipBlanks();
    if (this.#at < this.#bytes.length) throw this.#refuse("the end of the document");
    return this.#lines.subarray(0, this.#length);
  }

  #readArray(): void {
    this.#at++;
    this.#skipBlanks();
    if (this.#byte() === CLOSE_ARRAY) {
      this.#at++;
      return;
    }
    for (;;) {
      this.#readObject("an object");
      this.#skipBlanks();
      const byte = this.#byte();
      this.#at++;
      if (byte === CLOSE_ARRAY) return;
      this.#at--;
      if (byte !== COMMA) throw this.#refuse("a comma or the end of the array");
      this.#at++;
      this.#skipBlanks();
    }
  }

  #readObject(required: string): void {
    if (this.#byte() !== OPEN_OBJECT) throw this.#refuse(required);
    const start = this.#at;
    this.#passObject();
    this.#lines.set(this.#bytes.subarray(start, this.#at), this.#length);
    this.#length += this.#at - start;
    this.#lines[this.#length++] = NEWLINE;
  }

  /** Brackets of both sorts count alike: a wrong pair is found by whoever parses the line. */
  #passObject(): void {
    const bytes = this.#bytes;
    let depth = 0;
    for (let at = this.#at; at < bytes.length; at++) {
      const byte = bytes[at]!;
      if (SPECIAL[byte] === 0) continue;
      if (byte === QUOTE) at = this.#endOfString(at);
      else if (byte === NEWLINE || byte === RETURN) bytes[at] = SPACE;
      else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth++;
      else if (--depth === 0) {
        this.#at = at + 1;
        return;
      }
    }
    this.#at = bytes.length;
    throw this.#refuse("the end of the object");
  }

  /** Position of the closing quote. A line break in a string would be taken for the end of the record. */
  #endOfString(start: number): number {
    const bytes = this.#bytes;
    for (let at = start + 1; at < bytes.length; at++) {
      const byte = bytes[at]!;
      if (byte === QUOTE) return at;
      if (byte === BACKSLASH) at++;
      if (byte === NEWLINE || byte === RETURN) {
        this.#at = at;
        throw this.#refuse("no line break in a text (\\n stands for one)");
      }
    }
    this.#at = bytes.length;
    throw this.#refuse("the end of the text");
  }

  #skipBlanks(): void {
    while (this.#at < this.#bytes.length && isBlank(this.#bytes[this.#at]!)) this.#at++;
  }

  #byte(): number | undefined {
    return this.#bytes[this.#at];
  }

  #refuse(required: string): Failure {
    const before = this.#lines.subarray(0, this.#length);
    const records = before.reduce((count, byte) => count + (byte === NEWLINE ? 1 : 0), 0);
    const rest = Buffer.from(this.#bytes.subarray(this.#at, this.#at + 16)).toString("utf8");
    const found = this.#at < this.#bytes.length ? JSON.stringify(rest) : "the end";
    return new Failure(
      "source.http.malformed",
      `cannot take the JSON document: at byte ${this.#at}, behind ${records} records, is ${found}; ${required} is required`,
      { data: { byte: this.#at, record: records + 1 } },
    );
  }
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === NEWLINE || byte === TAB || byte === RETURN;
}

function hasMark(bytes: Uint8Array): boolean {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
}
