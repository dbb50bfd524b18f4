/** The ways a batch comes into being, apart from the envelope and Arrow. */

import { Failure } from "../../base/errors.ts";
import type { Value } from "../../sdk/index.ts";
import { ByteWriter } from "./bytes.ts";
import { jsonText } from "./json-text.ts";
import { type Malformed, parseDocuments } from "./ndjson-read.ts";
import { type BatchMeta, RecordBatch } from "./record-batch.ts";

export interface ParseMeta extends BatchMeta {
  /** Number of the first line, from 1. */
  readonly line: number;
}

export interface Parsed {
  readonly batch: RecordBatch;
  readonly malformed: Malformed[];
}

/** A batch of the NDJSON lines, which it uses in place, and the lines that are not records. */
export function parseNdjson(bytes: Uint8Array, meta: ParseMeta): Parsed {
  const malformed: Malformed[] = [];
  return { batch: new RecordBatch(parseDocuments(bytes, meta.line, malformed), meta), malformed };
}

/** A batch of plain records: for tests, and for the empty batch that ends an input. */
export function batchFromRecords(
  records: Iterable<{ readonly [field: string]: Value | undefined }>,
  meta: BatchMeta,
): RecordBatch {
  const writer = new ByteWriter();
  for (const record of records) {
    writer.text(jsonText(record as Value));
    writer.byte(10);
  }
  const { batch, malformed } = parseNdjson(writer.view(), { ...meta, line: 1 });
  const first = malformed[0];
  if (first) throw new Failure("batch.records.not_records", `record ${first.line - 1}: ${first.reason}: ${first.text}`);
  return batch;
}
