/**
 * multipart/form-data, read strictly. The point is not to accept as much as possible but to notice each place where two programs could
 * see two different things: each such place raises a flag (`MULTIPART_…`) that rules look at. It refuses what is beyond doubt malformed.
 */
import type { InTurns } from "../../../../base/turns.ts";
import type { Bytes } from "../../match/index.ts";
import { MULTIPART_PART_HEADERS_MAX, MULTIPART_PARTS_MAX } from "../limits.ts";
import type { Variables } from "../variables.ts";
import { boundaryOf } from "./boundary.ts";
import { readDisposition } from "./part-header.ts";
import type { ArgumentSink, BodyFault } from "./sink.ts";

/** Variables by their names; `1` where raised. */
const FLAGS = [
  "BOUNDARY_QUOTED",
  "BOUNDARY_WHITESPACE",
  "DATA_AFTER",
  "DATA_BEFORE",
  "FILE_LIMIT_EXCEEDED",
  "HEADER_FOLDING",
  "INVALID_HEADER_FOLDING",
  "INVALID_PART",
  "INVALID_QUOTING",
  "LF_LINE",
  "MISSING_SEMICOLON",
] as const;
/** Not part of `MULTIPART_STRICT_ERROR`. */
const LENIENT_FLAGS = ["CRLF_LF_LINES", "UNMATCHED_BOUNDARY"] as const;

/** Each has some headers and variables. */
const PARTS_A_PIECE = 8;

type Flag = (typeof FLAGS)[number] | (typeof LENIENT_FLAGS)[number];

export const MULTIPART_VARIABLES: readonly string[] = [
  ...[...FLAGS, ...LENIENT_FLAGS].map((flag) => `MULTIPART_${flag}`),
  "MULTIPART_STRICT_ERROR",
  "MULTIPART_SEMICOLON_MISSING",
];

/** Yields behind some parts. */
export function* readMultipart(
  text: Bytes,
  contentType: Bytes,
  variables: Variables,
  sink: ArgumentSink,
): InTurns<BodyFault> {
  const reader = new MultipartReader(text, variables, sink);
  const fault = yield* reader.read(contentType);
  reader.tell(fault !== undefined);
  return fault;
}

class MultipartReader {
  readonly #text: Bytes;
  readonly #variables: Variables;
  readonly #sink: ArgumentSink;
  readonly #raised = new Set<Flag>();
  #delimiter = "";
  #fileBytes = 0;
  #hasCrlf = false;

  constructor(text: Bytes, variables: Variables, sink: ArgumentSink) {
    this.#text = text;
    this.#variables = variables;
    this.#sink = sink;
  }

  /** Sets the variables of all flags. */
  tell(isFault: boolean): void {
    if (this.#raised.has("LF_LINE") && this.#hasCrlf) this.#raised.add("CRLF_LF_LINES");
    let isStrict = isFault;
    for (const flag of FLAGS) isStrict ||= this.#raised.has(flag);
    for (const flag of [...FLAGS, ...LENIENT_FLAGS])
      this.#variables.setSingle(`MULTIPART_${flag}`, this.#raised.has(flag) ? "1" : "0");
    // ModSecurity has two names for it.
    this.#variables.setSingle("MULTIPART_SEMICOLON_MISSING", this.#raised.has("MISSING_SEMICOLON") ? "1" : "0");
    this.#variables.setSingle("MULTIPART_STRICT_ERROR", isStrict ? "1" : "0");
    this.#variables.setSingle("FILES_COMBINED_SIZE", String(this.#fileBytes));
  }

  *read(contentType: Bytes): InTurns<BodyFault> {
    const boundary = boundaryOf(contentType);
    if (typeof boundary === "string") return `multipart with ${boundary}`;
    if (boundary.isQuoted) this.#raised.add("BOUNDARY_QUOTED");
    if (boundary.hasWhitespace) this.#raised.add("BOUNDARY_WHITESPACE");
    if (boundary.isSemicolonMissing) this.#raised.add("MISSING_SEMICOLON");
    if (this.#text === "") return undefined;
    this.#delimiter = `--${boundary.text}`;
    const first = this.#nextDelimiter(0);
    if (first < 0) {
      if (this.#text.startsWith("--")) this.#raised.add("UNMATCHED_BOUNDARY");
      return "multipart without any boundary in it";
    }
    if (first > 0) this.#raised.add("DATA_BEFORE");
    return yield* this.#parts(first);
  }

  *#parts(first: number): InTurns<BodyFault> {
    let at = first;
    for (let count = 0; count <= MULTIPART_PARTS_MAX; count += 1) {
      const isLast = this.#text.startsWith("--", at + this.#delimiter.length);
      const start = this.#lineEnd(at + this.#delimiter.length + (isLast ? 2 : 0), isLast);
      if (start < 0) {
        this.#raised.add("UNMATCHED_BOUNDARY");
        return "multipart with a line that only begins like a boundary";
      }
      if (isLast) {
        if (start < this.#text.length) this.#raised.add("DATA_AFTER");
        return undefined;
      }
      const next = this.#part(start);
      if (typeof next === "string") return `multipart with ${next}`;
      at = next;
      if (count % PARTS_A_PIECE === 0) yield;
    }
    return `multipart with more than ${MULTIPART_PARTS_MAX} parts`;
  }

  /** Where the next delimiter begins a line; -1: nowhere. */
  #nextDelimiter(from: number): number {
    for (let at = this.#text.indexOf(this.#delimiter, from); at >= 0; at = this.#text.indexOf(this.#delimiter, at + 1))
      if (at === 0 || this.#text.charCodeAt(at - 1) === 0x0a) return at;
    return -1;
  }

  /** Behind the end of the line that has to be here; -1: there is other text. */
  #lineEnd(at: number, isLast: boolean): number {
    if (this.#text.startsWith("\r\n", at)) {
      this.#hasCrlf = true;
      return at + 2;
    }
    if (this.#text.charCodeAt(at) === 0x0a) {
      this.#raised.add("LF_LINE");
      return at + 1;
    }
    return isLast && at >= this.#text.length ? at : -1;
  }

  /** Where the delimiter behind it begins, or what is wrong. */
  #part(start: number): number | string {
    const headers: Bytes[] = [];
    const dataStart = this.#headers(start, headers);
    if (typeof dataStart === "string") return dataStart;
    const end = this.#nextDelimiter(dataStart);
    if (end < 0) return "no final boundary";
    const fault = this.#take(headers, dataStart, end);
    if (fault === undefined) return end;
    this.#raised.add("INVALID_PART");
    return fault;
  }

  /** Lines up to a blank one, folded ones joined; then where the data begins. */
  #headers(start: number, headers: Bytes[]): number | string {
    let at = start;
    for (;;) {
      const feed = this.#text.indexOf("\n", at);
      if (feed < 0) return "no final boundary";
      const isCrlf = this.#text.charCodeAt(feed - 1) === 0x0d && feed > at;
      if (isCrlf) this.#hasCrlf = true;
      else this.#raised.add("LF_LINE");
      const line = this.#text.slice(at, feed + 1);
      const content = this.#text.slice(at, isCrlf ? feed - 1 : feed);
      at = feed + 1;
      if (content === "") return at;
      if (isFolded(content)) this.#fold(headers, line, content);
      else headers.push(line);
      if (headers.length > MULTIPART_PART_HEADERS_MAX)
        return `more than ${MULTIPART_PART_HEADERS_MAX} header lines in a part`;
    }
  }

  #fold(headers: Bytes[], line: Bytes, content: Bytes): void {
    this.#raised.add("HEADER_FOLDING");
    const first = content.charCodeAt(0);
    if (first !== 0x20 && first !== 0x09) this.#raised.add("INVALID_HEADER_FOLDING");
    if (headers.length === 0) headers.push(line);
    else headers[headers.length - 1] = `${headers[headers.length - 1]!.trimEnd()} ${line.trimStart()}`;
  }

  #take(headers: readonly Bytes[], dataStart: number, end: number): BodyFault {
    let value: Bytes | undefined;
    for (const line of headers) {
      const colon = line.indexOf(":");
      if (colon < 0) return "a part's header line without a colon";
      if (line.slice(0, colon).trim().toLowerCase() !== "content-disposition") continue;
      if (value !== undefined) return "two dispositions of one part";
      value = line.slice(colon + 1).trimEnd();
    }
    if (value === undefined) return "a part without a disposition";
    const disposition = readDisposition(value);
    if (typeof disposition === "string") return disposition;
    if (disposition.isQuotingInvalid) this.#raised.add("INVALID_QUOTING");
    if (end === dataStart) return "a part without an end of line before the boundary";
    this.#keep(disposition.name, disposition.filename, headers, this.#dataOf(dataStart, end));
    return undefined;
  }

  #dataOf(start: number, end: number): Bytes {
    const isCrlf = end - 2 >= start && this.#text.charCodeAt(end - 2) === 0x0d;
    if (!isCrlf) this.#raised.add("LF_LINE");
    return this.#text.slice(start, isCrlf ? end - 2 : end - 1);
  }

  #keep(name: Bytes, filename: Bytes | undefined, headers: readonly Bytes[], data: Bytes): void {
    for (const line of headers) this.#variables.add("MULTIPART_PART_HEADERS", name, line);
    this.#variables.add("MULTIPART_NAME", name, name);
    // Without a file's name it is a field; with an empty one servers differ in what they make of data in it, so it is both.
    if (filename === undefined || (filename === "" && data !== "")) this.#sink.add("POST", name, data);
    if (filename === undefined || (filename === "" && data === "")) return;
    this.#variables.add("MULTIPART_FILENAME", filename, filename);
    this.#variables.add("FILES", name, filename);
    this.#variables.add("FILES_NAMES", name, name);
    this.#variables.add("FILES_SIZES", name, String(data.length));
    this.#variables.add("FILES_TMP_CONTENT", name, data);
    this.#fileBytes += data.length;
  }
}

function isFolded(content: Bytes): boolean {
  const code = content.charCodeAt(0);
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}
