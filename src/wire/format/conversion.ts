/**
 * One run of a converter: the JSON text written so far and the source lines that could not be read. A record is written
 * or refused as a whole: refusing rolls its half-written text back.
 */
import { isUtf8 } from "node:buffer";
import { JsonText } from "./json-text.ts";

/** A record of the source that is not one. `row` counts the good rows before it, `line` is a line of the input. */
export interface MalformedRecord {
  readonly row: number;
  readonly line: number;
  readonly reason: string;
  /** The record as it came in, cut to a bound; wrong bytes shown as U+FFFD. */
  readonly text: string;
}

export interface Converted {
  /** NDJSON, one valid object a line. */
  readonly text: Uint8Array;
  readonly rows: number;
  readonly malformed: readonly MalformedRecord[];
}

/** Longest text kept of a malformed record: enough to find and mend it, small enough for a thousand of them in a message. */
export const MALFORMED_TEXT_BYTES_MAX = 4096;

/** Names and punctuation usually double the size of CSV and log text; more room is made when this guess is short. */
const GROWTH_GUESS = 3;

const NEWLINE = 10;
const CARRIAGE_RETURN = 13;

export class Conversion {
  readonly out: JsonText;
  readonly bytes: Uint8Array;
  readonly #allUtf8: boolean;
  readonly #malformed: MalformedRecord[] = [];
  #rows = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.out = new JsonText(bytes.length * GROWTH_GUESS);
    this.#allUtf8 = isUtf8(bytes);
  }

  /** Writes one record. `write` returns why it cannot, or undefined when it did. */
  record(from: number, to: number, line: number, write: (from: number, to: number) => string | undefined): void {
    const before = this.out.length;
    const reason = this.#isText(from, to) ? write(from, to) : "not valid UTF-8";
    if (reason === undefined) {
      this.#rows++;
      this.out.byte(NEWLINE);
      return;
    }
    this.out.length = before;
    const text = Buffer.from(this.bytes.subarray(from, Math.min(to, from + MALFORMED_TEXT_BYTES_MAX))).toString("utf8");
    this.#malformed.push({ row: this.#rows, line, reason, text });
  }

  /** Goes through the lines; `write` as for `record`. Line endings are LF or CRLF. */
  lines(firstLine: number, skipBlank: boolean, write: (from: number, to: number) => string | undefined): void {
    let line = firstLine;
    for (let at = startOfText(this.bytes, firstLine); at < this.bytes.length; line++) {
      const newline = this.bytes.indexOf(NEWLINE, at);
      const next = newline < 0 ? this.bytes.length : newline + 1;
      const to = contentEnd(this.bytes, at, next);
      if (to > at || !skipBlank) this.record(at, to, line, write);
      at = next;
    }
  }

  done(): Converted {
    return { text: this.out.written(), rows: this.#rows, malformed: this.#malformed };
  }

  #isText(from: number, to: number): boolean {
    return this.#allUtf8 || isUtf8(this.bytes.subarray(from, to));
  }
}

/** End of a record's content: its LF or CRLF left out. A last line without LF may still end in CR. */
export function contentEnd(bytes: Uint8Array, from: number, next: number): number {
  let to = next;
  if (to > from && bytes[to - 1] === NEWLINE) to--;
  if (to > from && bytes[to - 1] === CARRIAGE_RETURN) to--;
  return to;
}

/** Behind the byte order mark, which only the first line of an input may carry. */
export function startOfText(bytes: Uint8Array, firstLine: number): number {
  return firstLine === 1 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
}
