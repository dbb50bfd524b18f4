/**
 * Text cut at record borders, straight into the target and without parsing. Reads as many bytes as a cut may have, finds
 * the last border the limits allow, and starts the next read there: some bytes are read twice, none are copied about.
 */
import { Failure } from "../../../base/errors.ts";
import { type CsvFormat, cut, parseCsvHeader, type RawFormat } from "../../../wire/format/index.ts";
import type { FileSequence } from "./file-sequence.ts";
import type { Filled, Input } from "./input.ts";
import type { Cut, Oversized, ReadLimits, Source, SourcePosition } from "./source.ts";

/** How CSV names its fields: from each file's first line, or as given (and then the first line may have to go). */
export interface HeaderRule {
  readonly inFile: boolean;
  readonly columns: readonly string[] | undefined;
}

export interface TextOptions {
  /** Of CSV without columns: those come with each file. */
  readonly format: Exclude<RawFormat, { kind: "arrow" }>;
  readonly header: HeaderRule | undefined;
}

/** Shown of a record that is too large: enough to recognise it. */
const PREFIX_BYTES = 1024;
const NEWLINE = 10;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

export class TextSource implements Source {
  readonly #files: FileSequence;
  readonly #options: TextOptions;

  constructor(files: FileSequence, options: TextOptions) {
    this.#files = files;
    this.#options = options;
  }

  get totalBytes(): number | undefined {
    return this.#files.totalBytes;
  }

  open(position: SourcePosition | undefined): Promise<void> {
    return this.#files.open(position);
  }

  async read(target: Uint8Array, limits: ReadLimits): Promise<Cut | undefined> {
    for (let input = this.#files.current(); input !== undefined; input = this.#files.current()) {
      if (this.#files.offset === 0) await this.#begin(input, target);
      const found = await this.#cutFrom(input, target, limits);
      if (found !== undefined) return found;
      await this.#files.advance();
    }
    return undefined;
  }

  close(): Promise<void> {
    return this.#files.close();
  }

  /** At the beginning of a file: the byte order mark and the header line are not records. */
  async #begin(input: Input, target: Uint8Array): Promise<void> {
    const { bytes } = await input.read(target.subarray(0, BYTE_ORDER_MARK.length), 0, BYTE_ORDER_MARK.length - 1);
    if (bytes === 3 && BYTE_ORDER_MARK.every((byte, i) => target[i] === byte)) this.#files.offset = 3;
    const rule = this.#options.header;
    if (rule === undefined) return;
    if (rule.inFile) await this.#readHeader(input, target);
    if (rule.columns !== undefined) this.#files.columns = rule.columns;
  }

  async #readHeader(input: Input, target: Uint8Array): Promise<void> {
    for (;;) {
      const { filled, size } = await this.#cutAt(input, target, { rows: 1, bytes: target.length });
      if (filled.bytes === 0) return; // an empty file has neither header nor records
      const line = target.subarray(0, size.bytes);
      const names = size.rows === 0 ? undefined : this.#headerOf(line);
      this.#files.offset += size.bytes;
      this.#files.line += size.lines;
      if (isBlank(line) && size.rows > 0) continue;
      if (names === undefined || new Set(names).size < names.length) throw this.#badHeader(line);
      this.#files.columns = names;
      return;
    }
  }

  #headerOf(line: Uint8Array): string[] | undefined {
    const { format } = this.#options;
    return format.kind === "csv" ? parseCsvHeader(line, format.separator) : undefined;
  }

  async #cutFrom(input: Input, target: Uint8Array, limits: ReadLimits): Promise<Cut | undefined> {
    const first = await this.#cutAt(input, target, limits);
    if (first.filled.bytes === 0) return undefined;
    if (first.size.rows > 0) return this.#cutOf(first.size);
    const { filled, size } = await this.#cutAt(input, target, { rows: 1, bytes: target.length });
    return size.rows > 0 ? this.#cutOf(size) : this.#skipRecord(input, target, filled);
  }

  /** Fills up to the limit and cuts; of a live pipe again as long as there is no whole record and still room. */
  async #cutAt(input: Input, target: Uint8Array, limits: ReadLimits) {
    const window = target.subarray(0, Math.min(target.length, limits.bytes));
    const format = this.#format();
    for (let known = 0; ; ) {
      const filled = await input.read(window, this.#files.offset, known);
      const size = cut(
        window.subarray(0, filled.bytes),
        { rows: limits.rows, bytes: filled.bytes },
        format,
        filled.atEnd,
      );
      if (size.rows > 0 || filled.atEnd || filled.bytes === window.length) return { filled, size };
      known = filled.bytes;
    }
  }

  #cutOf(size: { bytes: number; rows: number; lines: number }, oversized: readonly Oversized[] = []): Cut {
    const files = this.#files;
    const id = `${files.name}@${files.offset}`;
    const { line, timeMs } = files;
    const bytes = oversized.length === 0 ? size.bytes : 0;
    files.offset += size.bytes;
    files.line += size.lines;
    const position = files.position();
    return {
      id,
      bytes,
      rows: size.rows,
      line,
      timeMs,
      format: this.#format(),
      position,
      progressBytes: files.progressBytes,
      oversized,
    };
  }

  /**
   * The record does not fit: it ends at the next line feed (a quoted line feed too: a quote that is never closed must
   * not take the rest of the file with it). The target serves as scratch.
   */
  async #skipRecord(input: Input, target: Uint8Array, start: Filled): Promise<Cut> {
    const prefix = Buffer.from(target.subarray(0, Math.min(start.bytes, PREFIX_BYTES))).toString("utf8");
    let filled = start;
    let bytes = 0;
    for (;;) {
      const newline = target.subarray(0, filled.bytes).indexOf(NEWLINE);
      bytes += newline < 0 ? filled.bytes : newline + 1;
      if (newline >= 0 || filled.atEnd) break;
      filled = await input.read(target, this.#files.offset + bytes);
    }
    return this.#cutOf({ bytes, rows: 0, lines: 1 }, [{ line: this.#files.line, bytes, prefix }]);
  }

  #format(): RawFormat {
    const { format } = this.#options;
    return format.kind === "csv" ? withColumns(format, this.#files.columns) : format;
  }

  #badHeader(line: Uint8Array): Failure {
    const shown = JSON.stringify(Buffer.from(line.subarray(0, PREFIX_BYTES)).toString("utf8"));
    return new Failure(
      "source.csv_header",
      `cannot read ${this.#files.name}: its header line is ${shown}; names are required, each once, or header=false and columns=`,
    );
  }
}

function withColumns(format: CsvFormat, columns: readonly string[] | null): CsvFormat {
  return columns === null || columns === format.columns ? format : { ...format, columns };
}

function isBlank(line: Uint8Array): boolean {
  return line.every((byte) => byte === NEWLINE || byte === 13);
}
