/**
 * Records as CSV (RFC 4180, LF endings). Text is quoted where it must be, and where the CSV source would otherwise take it
 * for something else: an empty string, or text that looks like a number, true or false. So what is read back with
 * `types=auto` is what was written; only null and missing become the same empty field, and nested values their JSON text.
 */
import type { Batch, Column } from "../../../sdk/index.ts";

const MUST_QUOTE = /["\r\n]/;
/** What the CSV source takes for a number or a truth value when it is not quoted. */
const LOOKS_TYPED = /^(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false)$/;
const BYTE_ORDER_MARK = "\ufeff";

export function csvHeader(columns: readonly string[], separator: string): string {
  const names = columns.map((name) => quoteIf(name, name === "" || mustQuote(name, separator)));
  return `${names.join(separator)}\n`;
}

export function csvRows(batch: Batch, columns: readonly string[], separator: string): string {
  const sources = columns.map((name) => batch.column(name));
  const lines: string[] = [];
  for (let row = 0; row < batch.length; row++) {
    if (!batch.isLive(row)) continue;
    let line = "";
    for (let i = 0; i < sources.length; i++) line += (i === 0 ? "" : separator) + field(sources[i], row, separator);
    // A line of one empty field would be a blank line, which readers skip.
    lines.push(line === "" ? '""' : line);
  }
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

function field(column: Column | undefined, row: number, separator: string): string {
  const text = column?.string(row);
  if (text !== undefined) return quoteIf(text, text === "" || LOOKS_TYPED.test(text) || mustQuote(text, separator));
  const bytes = column?.bytes(row);
  if (bytes === undefined) return "";
  const json = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  return json === "null" ? "" : quoteIf(json, mustQuote(json, separator));
}

function mustQuote(text: string, separator: string): boolean {
  return text.includes(separator) || MUST_QUOTE.test(text) || text.startsWith(BYTE_ORDER_MARK);
}

function quoteIf(text: string, quoted: boolean): string {
  return quoted ? `"${text.replaceAll('"', '""')}"` : text;
}
