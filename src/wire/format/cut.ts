/**
 * Cuts raw bytes at record borders without parsing them: how many leading bytes are whole records. Pure, and the only
 * thing the main process does to input text. The last line of an input needs no line feed.
 */
import { CsvRecords } from "./csv-record.ts";
import type { RawFormat } from "./raw-format.ts";

export interface CutLimits {
  readonly rows: number;
  readonly bytes: number;
}

export interface CutSize {
  readonly bytes: number;
  /** Records, blank lines included: an upper bound of what parsing will give. */
  readonly rows: number;
  /** Lines that the records take, their own line endings included. */
  readonly lines: number;
}

const NEWLINE = 10;

/**
 * At most `limits.rows` records in at most `limits.bytes` bytes. Zero rows: the first record is longer than the bytes given
 * (or than the limit). `atEnd`: nothing follows these bytes. Arrow is cut by message, not here.
 */
export function cut(bytes: Uint8Array, limits: CutLimits, format: RawFormat, atEnd: boolean): CutSize {
  const whole = limits.bytes >= bytes.length;
  const window = whole ? bytes : bytes.subarray(0, limits.bytes);
  if (format.kind === "csv") return cutCsv(window, limits.rows, format.separator, atEnd && whole);
  return cutLines(window, limits.rows, atEnd && whole);
}

function cutLines(window: Uint8Array, rowsMax: number, atEnd: boolean): CutSize {
  let rows = 0;
  let at = 0;
  while (rows < rowsMax) {
    const newline = window.indexOf(NEWLINE, at);
    if (newline < 0) break;
    at = newline + 1;
    rows++;
  }
  if (atEnd && rows < rowsMax && at < window.length) {
    rows++;
    at = window.length;
  }
  return { bytes: at, rows, lines: rows };
}

function cutCsv(window: Uint8Array, rowsMax: number, separator: string, atEnd: boolean): CutSize {
  const records = new CsvRecords(window, separator);
  let rows = 0;
  let lines = 0;
  let at = 0;
  while (rows < rowsMax && at < window.length) {
    const end = records.endOf(at);
    if (end < 0) return atEnd ? lastCsvRecord(window, { bytes: at, rows, lines }, records) : { bytes: at, rows, lines };
    rows++;
    lines += records.innerLines + 1;
    at = end;
  }
  return { bytes: at, rows, lines };
}

/**
 * The record that the end of the input ends. One with an open quote is cut down to its first line, and alone, so that
 * the parser sees the quote unclosed as well: it becomes one malformed line and the lines behind it are read.
 */
function lastCsvRecord(window: Uint8Array, before: CutSize, records: CsvRecords): CutSize {
  if (!records.unclosed) {
    return { bytes: window.length, rows: before.rows + 1, lines: before.lines + records.innerLines + 1 };
  }
  if (before.rows > 0) return before;
  const newline = window.indexOf(NEWLINE);
  return { bytes: newline < 0 ? window.length : newline + 1, rows: 1, lines: 1 };
}
