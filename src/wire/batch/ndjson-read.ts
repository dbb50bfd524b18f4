/**
 * NDJSON bytes to documents: one record a line, blank lines ignored, CRLF and a byte order mark at the start tolerated.
 * A line that is not one valid JSON object in valid UTF-8, or names a field twice, is *malformed*: it is handed back
 * with its number and the reason, and the rows around it are kept. Nothing here throws because of what the lines say.
 */
import { isUtf8 } from "node:buffer";
import { Failure } from "../../base/errors.ts";
import type { Bytes } from "./bytes.ts";
import { asBytes } from "./bytes.ts";
import { Documents } from "./documents.ts";
import { MAX_MALFORMED_TEXT_BYTES, MAX_ROWS, MAX_TEXT_BYTES } from "./limits.ts";
import { Scanner, skipSpace } from "./scan.ts";

export interface Malformed {
  /** Number of good rows before it. */
  readonly row: number;
  readonly line: number;
  readonly reason: string;
  /** The line as it came, cut at a bounded length; bytes that are not UTF-8 show as U+FFFD. */
  readonly text: string;
}

/** The documents in the bytes; malformed lines are added to the list. The text is used in place, not copied. */
export function parseDocuments(bytes: Uint8Array, firstLine: number, malformed: Malformed[]): Documents {
  if (bytes.length > MAX_TEXT_BYTES) {
    throw new Failure(
      "batch.too_large",
      `parsing ${bytes.length} bytes as one batch; at most ${MAX_TEXT_BYTES} are allowed`,
    );
  }
  return new LineReader(withNewline(bytes), firstLine, malformed).read();
}

const NEWLINE = 10;

/** The scan needs a newline at the end; a last line without one costs a copy. */
function withNewline(bytes: Uint8Array): Bytes {
  if (bytes.length === 0 || bytes[bytes.length - 1] === NEWLINE) return asBytes(bytes);
  const copy = new Uint8Array(bytes.length + 1);
  copy.set(bytes);
  copy[bytes.length] = NEWLINE;
  return asBytes(copy);
}

/** Rows to make room for, to begin with. */
const BYTES_PER_ROW = 64;

class LineReader {
  readonly #text: Bytes;
  readonly #scanner: Scanner;
  readonly #malformed: Malformed[];
  /** False makes each line prove itself. */
  readonly #isUtf8: boolean;
  #bases: Int32Array;
  #shapeOf: Int32Array;
  #rows = 0;
  #line: number;

  constructor(text: Bytes, firstLine: number, malformed: Malformed[]) {
    this.#text = text;
    this.#scanner = new Scanner(text);
    this.#malformed = malformed;
    this.#isUtf8 = isUtf8(text);
    this.#line = firstLine;
    const room = Math.ceil(text.length / BYTES_PER_ROW) + 1;
    this.#bases = new Int32Array(room);
    this.#shapeOf = new Int32Array(room);
  }

  read(): Documents {
    const text = this.#text;
    const end = text.length;
    let at = this.#line <= 1 ? skipMark(text) : 0;
    while (at < end) {
      at = this.#readLine(at);
      this.#line++;
    }
    const { tape, tapeLength, tree } = this.#scanner;
    return new Documents({
      text,
      tape: tape.subarray(0, tapeLength),
      bases: this.#bases.subarray(0, this.#rows),
      shapeOf: this.#shapeOf.subarray(0, this.#rows),
      shapes: tree.shapes,
    });
  }

  /** Takes one line; returns where the next one begins. */
  #readLine(start: number): number {
    const text = this.#text;
    const scanner = this.#scanner;
    const at = text[start] === 123 ? start : skipSpace(text, start);
    if (text[at] === NEWLINE) return at + 1;
    if (text[at] !== 123) return this.#refuse(start, at, "expected a JSON object");
    const base = scanner.tapeLength;
    const end = scanner.record(at);
    if (end < 0) return this.#refuse(start, scanner.errorAt, scanner.reason);
    const rest = text[end] === NEWLINE ? end : skipSpace(text, end);
    if (text[rest] !== NEWLINE) {
      scanner.tapeLength = base;
      return this.#refuse(start, rest, "expected the end of the line after the object");
    }
    if (!this.#isUtf8 && !isUtf8(text.subarray(start, rest))) {
      scanner.tapeLength = base;
      return this.#refuse(start, start, "the line is not valid UTF-8");
    }
    this.#addRow(base, scanner.shape);
    return rest + 1;
  }

  #addRow(base: number, shape: number): void {
    const row = this.#rows++;
    if (row === this.#bases.length) {
      if (row >= MAX_ROWS)
        throw new Failure("batch.too_large", `a batch of more than ${MAX_ROWS} rows; cut it smaller`);
      this.#bases = doubled(this.#bases);
      this.#shapeOf = doubled(this.#shapeOf);
    }
    this.#bases[row] = base;
    this.#shapeOf[row] = shape;
  }

  #refuse(start: number, errorAt: number, reason: string): number {
    const text = this.#text;
    const end = text.indexOf(NEWLINE, start);
    const contentEnd = end > start && text[end - 1] === 13 ? end - 1 : end;
    this.#malformed.push({
      row: this.#rows,
      line: this.#line,
      reason: `${reason} at column ${errorAt - start + 1}`,
      text: text.utf8Slice(start, Math.min(contentEnd, start + MAX_MALFORMED_TEXT_BYTES)),
    });
    return end + 1;
  }
}

function doubled(array: Int32Array): Int32Array {
  const grown = new Int32Array(array.length * 2);
  grown.set(array);
  return grown;
}

function skipMark(text: Bytes): number {
  return text[0] === 0xef && text[1] === 0xbb && text[2] === 0xbf ? 3 : 0;
}
