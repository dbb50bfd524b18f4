/**
 * A request's body as the pipeline will read it: NDJSON, each line seen to be a record before anybody is told that it was
 * taken. The first line that is none refuses the whole request, so that its sender can mend it.
 */
import { Failure } from "../../../../base/errors.ts";
import { parseNdjson } from "../../../../wire/batch/index.ts";
import { jsonToLines } from "./json-records.ts";

export type BodyFormat = "ndjson" | "json";

export interface Records {
  /** Empty, or ends with a line feed. */
  readonly lines: Uint8Array;
  readonly count: number;
}

const NEWLINE = 10;
/** Shown of a line that is refused: enough to find it. */
const SHOWN_CHARS = 200;

const FORMATS: Readonly<Record<string, BodyFormat>> = {
  "application/x-ndjson": "ndjson",
  "application/ndjson": "ndjson",
  "application/jsonl": "ndjson",
  "text/plain": "ndjson",
  "application/json": "json",
};

/** Undefined for anything that is not read. UTF-8 is the only character set. */
export function formatOf(contentType: string | undefined): BodyFormat | undefined {
  const [type = "", ...parameters] = (contentType ?? "").split(";").map((part) => part.trim().toLowerCase());
  const charset = parameters.find((each) => each.startsWith("charset="))?.slice("charset=".length);
  if (charset !== undefined && !/^"?utf-?8"?$/.test(charset)) return undefined;
  return Object.hasOwn(FORMATS, type) ? FORMATS[type] : undefined;
}

export const CONTENT_TYPES: readonly string[] = Object.keys(FORMATS);

/** The bytes may be changed and used in place. Fails with `source.http.malformed`. */
export function recordsOf(bytes: Uint8Array, format: BodyFormat): Records {
  const lines = format === "json" ? jsonToLines(bytes) : withEnd(withoutMark(bytes));
  if (lines.length === 0) return { lines, count: 0 };
  const { batch, malformed } = parseNdjson(lines, { id: "http", timeMs: 0, line: 2 }); // not 1: a byte order mark counts there
  const [first] = malformed;
  if (first) throw refusal(first.line - 1, first.reason, first.text, malformed.length, format);
  return { lines, count: batch.length };
}

function refusal(number: number, reason: string, text: string, count: number, format: BodyFormat): Failure {
  const what = format === "json" ? "record" : "line";
  const others = count > 1 ? `, and ${count - 1} more are wrong` : "";
  return new Failure(
    "source.http.malformed",
    `cannot take ${what} ${number}: ${reason}: ${text.slice(0, SHOWN_CHARS)}${others}; one JSON object is required for each record`,
    { data: { [what]: number, reason } },
  );
}

/** It stands at the beginning of a text, and in the spool it would be in the middle. */
function withoutMark(bytes: Uint8Array): Uint8Array {
  const marked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  return marked ? bytes.subarray(3) : bytes;
}

function withEnd(bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0 || bytes[bytes.length - 1] === NEWLINE) return bytes;
  const ended = new Uint8Array(bytes.length + 1);
  ended.set(bytes);
  ended[bytes.length] = NEWLINE;
  return ended;
}
