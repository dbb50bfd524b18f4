/** The door of wire/batch: see README.md. */

export { batchFromArrow } from "./arrow-read.ts";
export { type ArrowField, type ArrowStream, arrowSchemaOf, batchToArrow, type Misfit } from "./arrow-write.ts";
export { ByteWriter } from "./bytes.ts";
export { batchFromRecords, type Parsed, type ParseMeta, parseNdjson } from "./create.ts";
export { type ReadOptions, readBatch } from "./envelope-read.ts";
export { type PackedBatch, packBatch, sizeOfBatch, writeBatch } from "./envelope-write.ts";
export { checksumIn, type FrameKind, kindOf } from "./frame.ts";
export { appendJsonBytes, appendJsonString, appendNumber, jsonText } from "./json-text.ts";
export type { Malformed } from "./ndjson-read.ts";
export { writeNdjson } from "./ndjson-write.ts";
export { RAW_HEADER_BYTES, type RawFrame, type RawMeta, readRaw, sealRaw } from "./raw.ts";
export { type BatchMeta, RecordBatch, type RejectedRow } from "./record-batch.ts";
