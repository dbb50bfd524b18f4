/**
 * A batch as an Arrow IPC stream. Columns in our layout are handed over buffer by buffer; what still lies in the documents
 * is read value by value. Under a given schema every value that its field cannot hold exactly is reported, and written as
 * null, so that the caller can refuse the batch by name and row. Missing and null are both null in Arrow.
 */
import {
  Batch as ArrowBatch,
  type Column as ArrowColumn,
  Column as ArrowColumnClass,
  binary,
  bool,
  columnFromArray,
  type DataType,
  float64,
  int64,
  nullType,
  Table,
  TimeUnit,
  tableToIPC,
  timestamp,
  utf8,
} from "@uwdata/flechette";
import { assert } from "../../base/errors.ts";
import type { Column, ColumnType, Value } from "../../sdk/index.ts";
import type { Cells } from "./cells.ts";
import { readBatch } from "./envelope-read.ts";
import { packBatch } from "./envelope-write.ts";
import { jsonText } from "./json-text.ts";
import { HAS_VALUE, INHERITS, OwnColumn } from "./own-column.ts";
import type { RecordBatch } from "./record-batch.ts";

export interface ArrowField {
  readonly name: string;
  readonly type: ColumnType;
}

/** A value that a field of the schema cannot hold, or the first value of a field that the schema lacks. */
export interface Misfit {
  readonly row: number;
  readonly field: string;
  /** Undefined when the schema lacks the field. */
  readonly type: ColumnType | undefined;
  /** The value as JSON, cut at a bounded length. */
  readonly value: string;
}

export interface ArrowStream {
  /** A whole stream: schema, one record batch, end mark. Rows are those of `readBatch(writeBatch(batch))`. */
  readonly ipc: Uint8Array;
  readonly schema: readonly ArrowField[];
  readonly misfits: readonly Misfit[];
}

/** Misfits reported of one batch: enough to see what is wrong. */
const MAX_MISFITS = 100;
const MAX_MISFIT_TEXT = 200;

/** Arrow's own name for text that is JSON. */
export const JSON_EXTENSION: ReadonlyMap<string, string> = new Map([
  ["ARROW:extension:name", "arrow.json"],
  ["ARROW:extension:metadata", ""],
]);

/** The schema that fits this batch. */
export function arrowSchemaOf(batch: RecordBatch): ArrowField[] {
  return batch.columnNames.map((name) => ({ name, type: batch.column(name)!.type }));
}

export function batchToArrow(batch: RecordBatch, schema?: readonly ArrowField[]): ArrowStream {
  const whole = settledBatch(batch);
  const fields = schema ?? arrowSchemaOf(whole);
  const misfits: Misfit[] = [];
  const columns = fields.map(({ name, type }) => arrowColumn(whole, name, type, misfits));
  if (schema) reportUnknown(whole, fields, misfits);
  const table = new Table(
    {
      fields: fields.map(({ name, type }, at) => ({
        name,
        type: columns[at]!.type,
        nullable: true,
        metadata: new Map(type === "json" ? JSON_EXTENSION : []),
      })),
    },
    columns,
  );
  const ipc = tableToIPC(table, { format: "stream" });
  assert(ipc, "an in-memory stream has bytes");
  return { ipc, schema: fields, misfits };
}

/** The batch as its receiver would see it: without dropped rows, with appended ones. */
function settledBatch(batch: RecordBatch): RecordBatch {
  if (batch.liveRows === batch.length && batch.appendedRows === 0) return batch;
  const packed = packBatch(batch);
  const bytes = new Uint8Array(packed.sizeBytes);
  packed.writeTo(bytes);
  return readBatch(bytes);
}

function reportUnknown(batch: RecordBatch, fields: readonly ArrowField[], misfits: Misfit[]): void {
  const known = new Set(fields.map(({ name }) => name));
  for (const name of batch.columnNames) {
    if (known.has(name)) continue;
    const column = batch.column(name)!;
    for (let row = 0; row < batch.length; row++) {
      const value = column.get(row);
      if (value === undefined) continue;
      report(misfits, row, name, undefined, value);
      break;
    }
  }
}

function report(misfits: Misfit[], row: number, field: string, type: ColumnType | undefined, value: Value): void {
  if (misfits.length >= MAX_MISFITS) return;
  misfits.push({ row, field, type, value: jsonText(value).slice(0, MAX_MISFIT_TEXT) });
}

function arrowColumn(batch: RecordBatch, name: string, type: ColumnType, misfits: Misfit[]): ArrowColumn<unknown> {
  const column = batch.column(name);
  if (column instanceof OwnColumn) {
    column.freeze();
    const direct = column.cells.type === type ? directColumn(column) : undefined;
    if (direct) return direct;
  }
  const values = new Array<unknown>(batch.length);
  for (let row = 0; row < batch.length; row++) values[row] = fitted(column, row, name, type, misfits);
  return columnFromArray(values, dataType(type));
}

/** The value for Arrow, null when there is none or when it does not fit. */
function fitted(column: Column | undefined, row: number, name: string, type: ColumnType, misfits: Misfit[]): unknown {
  const value = column?.get(row);
  if (value === undefined || value === null) return null;
  const fit = fitting(value, type, column!, row);
  if (fit === undefined) report(misfits, row, name, type, value);
  return fit ?? null;
}

/** The value as the type holds it exactly, or undefined. */
function fitting(value: NonNullable<Value>, type: ColumnType, column: Column, row: number): unknown {
  switch (type) {
    case "bool":
      return typeof value === "boolean" ? value : undefined;
    case "integer":
      return fitInteger(value);
    case "double":
      return fitDouble(value);
    case "string":
    case "dictionary":
      return typeof value === "string" ? value : undefined;
    case "bytes":
      return value instanceof Uint8Array ? value : undefined;
    case "timestamp":
      return column.type === "timestamp" ? Math.trunc(column.number(row)) : fitTime(value);
    case "json":
      return jsonText(value);
    case "null":
      return undefined;
  }
}

function fitInteger(value: Value): bigint | undefined {
  if (typeof value === "bigint") return BigInt.asIntN(64, value) === value ? value : undefined;
  return typeof value === "number" && Number.isSafeInteger(value) ? BigInt(value) : undefined;
}

function fitDouble(value: Value): number | undefined {
  if (typeof value === "number") return value;
  return typeof value === "bigint" && BigInt(Number(value)) === value ? Number(value) : undefined;
}

/** A time that survives the way to ISO 8601 text and back. */
function fitTime(value: Value): number | undefined {
  if (typeof value !== "string") return undefined;
  const time = Date.parse(value);
  if (Number.isNaN(time)) return undefined;
  const iso = new Date(time).toISOString();
  return iso === value || iso.replace(".000Z", "Z") === value ? time : undefined;
}

function dataType(type: ColumnType): DataType {
  switch (type) {
    case "null":
      return nullType();
    case "bool":
      return bool();
    case "integer":
      return int64();
    case "double":
      return float64();
    case "bytes":
      return binary();
    case "timestamp":
      return timestamp(TimeUnit.MILLISECOND, "UTC");
    default:
      // Dictionaries too: a stream of batches with a dictionary each is misread by common readers.
      return utf8();
  }
}

/** The column's own buffers as an Arrow column, where the layouts agree. */
function directColumn(column: OwnColumn): ArrowColumn<unknown> | undefined {
  const { cells, states } = column;
  if (states?.includes(INHERITS)) return undefined;
  const buffers = arrowBuffers(cells);
  if (!buffers) return undefined;
  const { validity, nullCount } = validityOf(states);
  const type = dataType(cells.type);
  return new ArrowColumnClass([new ArrowBatch({ length: cells.length, nullCount, type, validity, ...buffers })], type);
}

type Buffers = Pick<ConstructorParameters<typeof ArrowBatch>[0], "values" | "offsets">;

function arrowBuffers(cells: Cells): Buffers | undefined {
  const [first, second] = cells.buffers();
  if (cells.type === "double") return { values: first as Float64Array };
  if (cells.type === "bool") return { values: first as Uint8Array };
  if (cells.type === "integer") {
    const halves = first as Int32Array<ArrayBuffer>;
    if (halves.byteOffset % 8 !== 0) return undefined;
    return { values: new BigInt64Array(halves.buffer, halves.byteOffset, cells.length) };
  }
  if (cells.type === "string" || cells.type === "json" || cells.type === "bytes") {
    return { offsets: first as Int32Array, values: second as Uint8Array };
  }
  return undefined;
}

function validityOf(states: Uint8Array | undefined): { validity: Uint8Array; nullCount: number } {
  if (!states) return { validity: new Uint8Array(0), nullCount: 0 };
  const validity = new Uint8Array((states.length + 7) >> 3);
  let nullCount = 0;
  for (let row = 0; row < states.length; row++) {
    if (states[row] === HAS_VALUE) validity[row >> 3]! |= 1 << (row & 7);
    else nullCount++;
  }
  return { validity, nullCount };
}
