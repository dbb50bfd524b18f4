/**
 * A batch as one frame of bytes. The header names fields, columns and the sizes of the sections; the sections are, in this
 * order: shapes (count, then length and field numbers of each), shape of each row (empty when there is one shape), tape,
 * text, the decoded numbers, and of each own column its states (empty when every row has a value) and its buffers.
 */
import { Failure } from "../../base/errors.ts";
import { gatherDoubles } from "./cells.ts";
import { compactDocuments } from "./compact.ts";
import { align8, bodyStart, MAX_FRAME_BYTES, sealFrame } from "./frame.ts";
import { parseDocuments } from "./ndjson-read.ts";
import { OwnColumn } from "./own-column.ts";
import type { RecordBatch } from "./record-batch.ts";

/** A batch that is ready to be written: gathered and measured, but not copied. */
export interface PackedBatch {
  readonly sizeBytes: number;
  /** Writes the frame at the start of the target; returns sizeBytes. */
  writeTo(target: Uint8Array): number;
}

/** A section may come in parts that are written one behind the other. */
type Section = readonly ArrayBufferView[];

/** The frame for what goes on of a batch: dropped and rejected rows are left out, appended records are rows. */
export function packBatch(batch: RecordBatch): PackedBatch {
  const rows = batch.liveIndices();
  const appended = batch.appendedRows > 0 ? parseDocuments(batch.appendedText, 1, []) : undefined;
  const documents = compactDocuments(rows ? batch.documents.gather(rows) : batch.documents, appended);
  const back = appended ? [...batch.removed].filter((name) => appended.field(name) !== undefined) : [];
  const own = [
    ...[...batch.own.values()].map((column) => settled(column, rows, documents.rows)),
    ...back.filter((name) => !batch.own.has(name)).map((name) => OwnColumn.blank(name, documents.rows)),
  ].map((column) => (back.includes(column.name) ? column.lacking(batch.liveRows) : column));
  // Appended records have no decoded numbers; the next stage decodes again.
  const decoded = appended ? [] : [...batch.decoded];
  const sections: Section[] = [
    [shapeSection(documents.lists)],
    documents.lists.length > 1 ? [documents.shapeOf] : [],
    documents.tape,
    documents.text,
    ...decoded.map(([, numbers]) => [rows ? gatherDoubles(numbers, rows) : numbers]),
    ...own.flatMap(columnSections),
  ];
  const sizes = sections.map(sizeOf);
  const header = Buffer.from(
    JSON.stringify({
      id: batch.id,
      timeMs: batch.timeMs,
      rows: documents.rows,
      names: documents.names,
      // A removed field that appended records have is missing from the other rows by its own column instead.
      removed: [...batch.removed].filter((name) => !back.includes(name)),
      decoded: decoded.map(([name]) => name),
      columns: own.map(({ name, cells }) => ({ name, type: cells.type })),
      sections: sizes,
    }),
  );
  return packed(header, sections, sizes);
}

/** Exact length of what writeBatch writes. */
export function sizeOfBatch(batch: RecordBatch): number {
  return packOnce(batch).sizeBytes;
}

/** Writes the batch's frame at the start of the target and returns its length. */
export function writeBatch(batch: RecordBatch, target: Uint8Array): number {
  return packOnce(batch).writeTo(target);
}

/** The pack of a batch that was measured a moment ago, so that measuring and writing do the work once. */
const lastPacked = new WeakMap<RecordBatch, { readonly revision: number; readonly packed: PackedBatch }>();

function packOnce(batch: RecordBatch): PackedBatch {
  const last = lastPacked.get(batch);
  if (last?.revision === batch.revision) return last.packed;
  const packed = packBatch(batch);
  lastPacked.set(batch, { revision: batch.revision, packed });
  return packed;
}

/** The column in its physical layout for the rows that go on; appended rows inherit from their documents. */
function settled(column: OwnColumn, rows: Int32Array | undefined, count: number): OwnColumn {
  column.freeze();
  if (!rows && count === column.length) return column;
  const wanted = new Int32Array(count).fill(-1);
  const kept = rows?.length ?? column.length;
  for (let at = 0; at < kept; at++) wanted[at] = rows ? rows[at]! : at;
  return column.gather(wanted);
}

function columnSections(column: OwnColumn): Section[] {
  const states: Section = column.states ? [column.states] : [];
  return [states, ...column.cells.buffers().map((buffer) => [buffer])];
}

function shapeSection(lists: readonly Int32Array[]): Int32Array {
  const section = new Int32Array(lists.reduce((sum, list) => sum + list.length + 1, 1));
  section[0] = lists.length;
  let at = 1;
  for (const list of lists) {
    section[at++] = list.length;
    section.set(list, at);
    at += list.length;
  }
  return section;
}

function sizeOf(section: Section): number {
  return section.reduce((sum, part) => sum + part.byteLength, 0);
}

function packed(header: Uint8Array, sections: readonly Section[], sizes: readonly number[]): PackedBatch {
  const bodyAt = bodyStart(header);
  const sizeBytes = sizes.reduce((sum, size) => sum + align8(size), bodyAt);
  if (sizeBytes > MAX_FRAME_BYTES) {
    throw new Failure("batch.too_large", `a batch of ${sizeBytes} bytes; at most ${MAX_FRAME_BYTES} are allowed`);
  }
  return { sizeBytes, writeTo: (target) => writeFrame(target, header, bodyAt, sections, sizeBytes) };
}

function writeFrame(
  target: Uint8Array,
  header: Uint8Array,
  bodyAt: number,
  sections: readonly Section[],
  sizeBytes: number,
): number {
  if (target.length < sizeBytes) {
    throw new Failure("batch.target_too_small", `writing ${sizeBytes} bytes into a target of ${target.length}`);
  }
  let at = bodyAt;
  for (const section of sections) {
    for (const part of section) {
      target.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
      at += part.byteLength;
    }
    const end = align8(at - bodyAt) + bodyAt;
    while (at < end) target[at++] = 0;
  }
  sealFrame(target, "batch", header, bodyAt, sizeBytes);
  return sizeBytes;
}
