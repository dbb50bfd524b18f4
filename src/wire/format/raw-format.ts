/**
 * How raw bytes are to be read, as plain JSON: the source decides, the description travels in the raw envelope, and the
 * first stage's host parses. Refuses a description that it does not know, so that two versions never misread each other.
 */
import { Failure } from "../../base/errors.ts";

export interface CsvFormat {
  readonly kind: "csv";
  /** One ASCII character. */
  readonly separator: string;
  /** Field names in the order of the header. */
  readonly columns: readonly string[];
  /** `auto`: unquoted numbers, true and false keep their type. `string`: everything is text. */
  readonly types: "auto" | "string";
}

export type RawFormat =
  | { readonly kind: "ndjson" }
  | CsvFormat
  | { readonly kind: "lines"; readonly field: string }
  | { readonly kind: "apache" }
  | { readonly kind: "arrow" };

export type RawKind = RawFormat["kind"];

/** Checks what came in with a raw envelope. Throws `format.unknown`. */
export function toRawFormat(json: unknown): RawFormat {
  if (typeof json !== "object" || json === null) throw unknownFormat(json);
  const { kind, separator, columns, types, field } = json as Record<string, unknown>;
  if (kind === "ndjson" || kind === "apache" || kind === "arrow") return { kind };
  if (kind === "lines" && typeof field === "string") return { kind, field };
  if (kind === "csv" && isSeparator(separator) && isTextList(columns) && (types === "auto" || types === "string")) {
    return { kind, separator, columns, types };
  }
  throw unknownFormat(json);
}

/** A separator is one ASCII character that cannot be mistaken for a quote or a line ending. */
export function isSeparator(text: unknown): text is string {
  return typeof text === "string" && text.length === 1 && text.charCodeAt(0) < 0x80 && !'"\r\n'.includes(text);
}

const SEPARATORS: Readonly<Record<string, string>> = {
  comma: ",",
  semicolon: ";",
  tab: "\t",
  pipe: "|",
  space: " ",
  "\\t": "\t",
};

/** The separator a person asked for, by character or name; otherwise the one that a file of that name has. Throws `format.separator`. */
export function csvSeparator(text: string | undefined, path: string): string {
  if (text === undefined) return /\.tsv(\.gz)?$/i.test(path) ? "\t" : ",";
  const separator = Object.hasOwn(SEPARATORS, text) ? SEPARATORS[text] : text;
  if (isSeparator(separator)) return separator;
  throw new Failure(
    "format.separator",
    `cannot use ${JSON.stringify(text)} as separator of CSV; one ASCII character, or comma, semicolon, tab, pipe or space is required`,
  );
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.every((entry) => typeof entry === "string");
}

function unknownFormat(json: unknown): Failure {
  const shown = JSON.stringify(json)?.slice(0, 200);
  return new Failure(
    "format.unknown",
    `cannot read a raw batch: its format is ${shown}; known are ndjson, csv, lines, apache and arrow`,
  );
}
