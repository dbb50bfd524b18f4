/**
 * CSV (RFC 4180) to JSON text, byte by byte and without decoding: numbers keep their digits, text its UTF-8. A quoted field
 * is always text; an unquoted empty field is null, a quoted one ("") the empty string. With `types: auto` an unquoted
 * field that is exactly a JSON number, `true` or `false` keeps its type, so that 007 and +1 stay text. Blank lines are
 * skipped; a record with another number of fields than the header is malformed, never padded.
 */
import { Conversion, type Converted, contentEnd, startOfText } from "./conversion.ts";
import { CsvRecords } from "./csv-record.ts";
import { isJsonNumber, type JsonText, keyBytes } from "./json-text.ts";
import type { CsvFormat } from "./raw-format.ts";

const QUOTE = 34;
const NULL = Buffer.from("null");

/** Room a record takes beside its own bytes and the keys: quotes, `null`, the closing brace, a line feed. */
const FIELD_BYTES_MAX = 6;

export function csvToJson(bytes: Uint8Array, format: CsvFormat, line: number): Converted {
  const conversion = new Conversion(bytes);
  const writer = new CsvWriter(bytes, conversion.out, format);
  const write = (from: number, to: number): string | undefined => writer.record(from, to);
  eachCsvRecord(bytes, format.separator, line, (from, to, recordLine, unclosed) => {
    if (unclosed) conversion.record(from, to, recordLine, () => "a quoted field is never closed");
    else conversion.record(from, to, recordLine, write);
  });
  return conversion.done();
}

/**
 * Field texts of the first record, for a header line; undefined when it is malformed. `types` do not apply.
 */
export function parseCsvHeader(bytes: Uint8Array, separator: string): string[] | undefined {
  let names: string[] | undefined;
  const format: CsvFormat = { kind: "csv", separator, columns: ["name"], types: "string" };
  eachCsvRecord(bytes, separator, 1, (from, to, _line, unclosed) => {
    if (names !== undefined || unclosed) return;
    const conversion = new Conversion(bytes);
    const writer = new CsvWriter(bytes, conversion.out, format);
    conversion.record(from, to, 1, () => writer.list(from, to));
    const { text, malformed } = conversion.done();
    if (malformed.length === 0) names = JSON.parse(Buffer.from(text).toString("utf8"));
  });
  return names;
}

type OnRecord = (from: number, to: number, line: number, unclosed: boolean) => void;

function eachCsvRecord(bytes: Uint8Array, separator: string, firstLine: number, onRecord: OnRecord): void {
  const records = new CsvRecords(bytes, separator);
  let line = firstLine;
  for (let at = startOfText(bytes, firstLine); at < bytes.length; ) {
    let next = records.endOf(at);
    const unclosed = next < 0 && records.unclosed;
    let lines = records.innerLines + 1;
    if (next < 0) next = bytes.length;
    if (unclosed) {
      const newline = bytes.indexOf(10, at);
      next = newline < 0 ? bytes.length : newline + 1;
      lines = 1;
    }
    const to = contentEnd(bytes, at, next);
    if (to > at) onRecord(at, to, line, unclosed);
    line += lines;
    at = next;
  }
}

class CsvWriter {
  readonly #bytes: Uint8Array;
  readonly #out: JsonText;
  readonly #separator: number;
  readonly #auto: boolean;
  readonly #keys: readonly Uint8Array[];
  readonly #keyBytes: number;
  #reason: string | undefined;

  constructor(bytes: Uint8Array, out: JsonText, format: CsvFormat) {
    this.#bytes = bytes;
    this.#out = out;
    this.#separator = format.separator.charCodeAt(0);
    this.#auto = format.types === "auto";
    this.#keys = format.columns.map((name, index) => keyBytes(name, index === 0 ? "{" : ","));
    this.#keyBytes = this.#keys.reduce((sum, key) => sum + key.length + FIELD_BYTES_MAX, FIELD_BYTES_MAX);
  }

  /** One record as a JSON object; returns why it is malformed. */
  record(from: number, to: number): string | undefined {
    this.#out.reserve(this.#keyBytes, to - from);
    const wanted = this.#keys.length;
    let count = 0;
    let at = from;
    for (; ; count++) {
      const key = this.#keys[count];
      if (key === undefined) return this.#ragged(from, to, wanted);
      this.#out.raw(key, 0, key.length);
      at = this.#field(at, to);
      if (at < 0) return `field ${count + 1}: ${this.#reason}`;
      if (at >= to) break;
      at++;
    }
    if (count + 1 !== wanted) return this.#ragged(from, to, wanted);
    this.#out.byte(125);
    return undefined;
  }

  /** One record as a JSON array of strings and nulls. */
  list(from: number, to: number): string | undefined {
    this.#out.reserve((to - from + 1) * FIELD_BYTES_MAX, to - from);
    for (let at = from, separator = 91; ; at++, separator = 44) {
      this.#out.byte(separator);
      at = this.#quotedOrText(at, to);
      if (at < 0) return this.#reason;
      if (at >= to) break;
    }
    this.#out.byte(93);
    return undefined;
  }

  /** Writes the field at `at`; returns the index of the separator behind it, `to` at the end, -1 when malformed. */
  #field(at: number, to: number): number {
    const bytes = this.#bytes;
    if (bytes[at] === QUOTE && at < to) return this.#quoted(at + 1, to);
    const end = this.#unquotedEnd(at, to);
    if (end === at) this.#out.raw(NULL, 0, NULL.length);
    else if (this.#auto && isPlainJson(bytes, at, end)) this.#out.raw(bytes, at, end);
    else this.#out.string(bytes, at, end);
    return end;
  }

  #quotedOrText(at: number, to: number): number {
    if (this.#bytes[at] === QUOTE && at < to) return this.#quoted(at + 1, to);
    const end = this.#unquotedEnd(at, to);
    this.#out.string(this.#bytes, at, end);
    return end;
  }

  #unquotedEnd(at: number, to: number): number {
    const bytes = this.#bytes;
    const separator = this.#separator;
    let end = at;
    while (end < to && bytes[end] !== separator) end++;
    return end;
  }

  #quoted(from: number, to: number): number {
    const bytes = this.#bytes;
    this.#out.byte(QUOTE);
    for (let at = from; ; ) {
      const quote = indexOfQuote(bytes, at, to);
      if (quote < 0) return this.#refuse("a quoted field is never closed");
      if (quote + 1 < to && bytes[quote + 1] === QUOTE) {
        this.#out.escaped(bytes, at, quote + 1);
        at = quote + 2;
        continue;
      }
      this.#out.escaped(bytes, at, quote);
      this.#out.byte(QUOTE);
      if (quote + 1 < to && bytes[quote + 1] !== this.#separator) return this.#refuse("text after the closing quote");
      return quote + 1;
    }
  }

  #refuse(reason: string): -1 {
    this.#reason = reason;
    return -1;
  }

  #ragged(from: number, to: number, wanted: number): string {
    let fields = 1;
    for (let at = from; at < to; at++) {
      if (this.#bytes[at] === QUOTE && (at === from || this.#bytes[at - 1] === this.#separator)) {
        at = skipQuoted(this.#bytes, at + 1, to);
      }
      if (at < to && this.#bytes[at] === this.#separator) fields++;
    }
    return `${fields} ${fields === 1 ? "field" : "fields"} where the header has ${wanted}`;
  }
}

function indexOfQuote(bytes: Uint8Array, from: number, to: number): number {
  for (let at = from; at < to; at++) if (bytes[at] === QUOTE) return at;
  return -1;
}

/** Index just behind the closing quote, `to` when there is none. */
function skipQuoted(bytes: Uint8Array, from: number, to: number): number {
  for (let at = from; at < to; at++) {
    if (bytes[at] !== QUOTE) continue;
    if (bytes[at + 1] !== QUOTE) return at + 1;
    at++;
  }
  return to;
}

/** A number, `true` or `false`, exactly as JSON writes them. */
function isPlainJson(bytes: Uint8Array, from: number, to: number): boolean {
  const first = bytes[from]!;
  if (first === 45 || (first >= 48 && first <= 57)) return isJsonNumber(bytes, from, to);
  if (first === 116) return isWord(bytes, from, to, "true");
  return first === 102 && isWord(bytes, from, to, "false");
}

function isWord(bytes: Uint8Array, from: number, to: number, word: string): boolean {
  if (to - from !== word.length) return false;
  for (let i = 0; i < word.length; i++) if (bytes[from + i] !== word.charCodeAt(i)) return false;
  return true;
}
