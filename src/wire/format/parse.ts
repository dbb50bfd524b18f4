/**
 * Raw bytes to a batch, in the first stage's host. Whatever the format, it becomes JSON text first and goes through one
 * indexer, so that every format gets the same columns, the same exactness and the same checks. Bad records come back
 * beside the batch with their line; only an unreadable Arrow stream fails as a whole.
 */
import { batchFromArrow, type Malformed, parseNdjson, type RecordBatch } from "../batch/index.ts";
import { apacheToJson } from "./apache.ts";
import type { Converted } from "./conversion.ts";
import { csvToJson } from "./csv.ts";
import { linesToJson } from "./lines.ts";
import type { RawFormat } from "./raw-format.ts";

export interface RawMeta {
  readonly id: string;
  readonly timeMs: number;
  /** Number of the first line, from 1. */
  readonly line: number;
  readonly probe?: boolean;
}

export interface Parsed {
  readonly batch: RecordBatch;
  readonly malformed: readonly Malformed[];
}

export function parseRaw(bytes: Uint8Array, format: RawFormat, meta: RawMeta): Parsed {
  switch (format.kind) {
    case "ndjson":
      return parseNdjson(bytes, meta);
    case "csv":
      return parseConverted(csvToJson(bytes, format, meta.line), meta);
    case "lines":
      return parseConverted(linesToJson(bytes, format.field, meta.line), meta);
    case "apache":
      return parseConverted(apacheToJson(bytes, meta.line), meta);
    case "arrow":
      return { batch: batchFromArrow(bytes, meta), malformed: [] };
  }
}

function parseConverted(converted: Converted, meta: RawMeta): Parsed {
  const { batch, malformed } = parseNdjson(converted.text, meta);
  return { batch, malformed: malformed.length === 0 ? converted.malformed : [...converted.malformed, ...malformed] };
}
