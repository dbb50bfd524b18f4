/**
 * Where a CSV record ends (RFC 4180): the one rule that the cutter and the parser share, so that they can never disagree.
 * A field is quoted when its first byte is a quote; a quote elsewhere in an unquoted field is an ordinary character. A
 * line without any quote is found by two `indexOf`; only lines with quotes are walked byte by byte.
 */
const QUOTE = 34;
const NEWLINE = 10;

export class CsvRecords {
  readonly #bytes: Uint8Array;
  readonly #separator: number;
  /** Place of the first quote at or behind the last search; -1 when it has to be looked for. */
  #quote = -1;
  /** Line feeds inside the record found last, its own ending not counted. */
  innerLines = 0;
  /** Whether the record found last runs to the end of the bytes inside an open quote. */
  unclosed = false;

  constructor(bytes: Uint8Array, separator: string) {
    this.#bytes = bytes;
    this.#separator = separator.charCodeAt(0);
  }

  /** Index just behind the line feed that ends the record at `start`; -1 when the bytes end before the record does. */
  endOf(start: number): number {
    this.innerLines = 0;
    this.unclosed = false;
    const newline = this.#bytes.indexOf(NEWLINE, start);
    if (!this.#hasQuote(start, newline < 0 ? this.#bytes.length : newline)) return newline < 0 ? -1 : newline + 1;
    return this.#walk(start);
  }

  #hasQuote(start: number, end: number): boolean {
    if (this.#quote < start) {
      const found = this.#bytes.indexOf(QUOTE, start);
      this.#quote = found < 0 ? Number.MAX_SAFE_INTEGER : found;
    }
    return this.#quote < end;
  }

  #walk(start: number): number {
    const bytes = this.#bytes;
    let atFieldStart = true;
    for (let at = start; at < bytes.length; ) {
      const byte = bytes[at];
      if (atFieldStart && byte === QUOTE) {
        at = this.#closingQuote(at + 1);
        if (at < 0) return -1;
        atFieldStart = false;
      } else if (byte === NEWLINE) return at + 1;
      else atFieldStart = byte === this.#separator;
      at++;
    }
    return -1;
  }

  /** Index of the quote that closes a field whose text begins at `from`; -1 when none does. */
  #closingQuote(from: number): number {
    const bytes = this.#bytes;
    for (let at = from; at < bytes.length; at++) {
      const byte = bytes[at];
      if (byte === NEWLINE) this.innerLines++;
      else if (byte === QUOTE) {
        if (bytes[at + 1] !== QUOTE) return at;
        at++;
      }
    }
    this.unclosed = true;
    return -1;
  }
}
