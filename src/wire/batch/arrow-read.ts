/**
 * A batch from an Arrow IPC stream or file: each field becomes an own column over empty documents. Plain 64-bit numbers,
 * text and bytes are used in place; the other types are converted value by value, exactly or not at all: decimals become
 * JSON numbers, times finer than milliseconds text, nested values JSON. A type without a JSON meaning is refused by name.
 */

import { isUtf8 } from "node:buffer";
import {
  type Column as ArrowColumn,
  type DataType,
  type Field,
  type Table,
  Type,
  tableFromIPC,
} from "@uwdata/flechette";
import { Failure, messageOf } from "../../base/errors.ts";
import type { Value } from "../../sdk/index.ts";
import { checkedArrow, checkNested } from "./arrow-check.ts";
import { fineTimes, jsonTexts, plainValue, timestampCells } from "./arrow-values.ts";
import { BytesCells, type Cells, DictionaryCells, DoubleCells, IntegerCells, NullCells, StringCells } from "./cells.ts";
import { emptyDocuments } from "./documents.ts";
import { MAX_ROWS } from "./limits.ts";
import type { JsonText } from "./loose-cells.ts";
import { HAS_VALUE, IS_NULL, OwnColumn } from "./own-column.ts";
import { type BatchMeta, RecordBatch } from "./record-batch.ts";

/** The records of the stream. `ipc` is used in place: it must not change while the batch is in use. */
export function batchFromArrow(ipc: Uint8Array, meta: BatchMeta): RecordBatch {
  try {
    const table = tableFromIPC(checkedArrow(ipc), { useBigInt: true, useDecimalInt: true });
    checkTable(table);
    table.children.forEach(({ type, data }) => {
      for (const batch of data) checkNested(type, batch);
    });
    const own = table.schema.fields.map((field, at) => ownColumn(named(field), table.getChildAt(at)));
    return new RecordBatch(emptyDocuments(table.numRows), meta, { own });
  } catch (thrown) {
    if (thrown instanceof Failure) throw thrown;
    throw new Failure("batch.arrow.unreadable", `reading Arrow IPC: ${messageOf(thrown)}`, { cause: thrown });
  }
}

function checkTable(table: Table): void {
  if (table.numRows > MAX_ROWS) {
    throw new Failure("batch.too_large", `reading Arrow IPC: ${table.numRows} rows; at most ${MAX_ROWS} are allowed`);
  }
  const names = new Set<string>();
  for (const { name } of table.schema.fields.map(named)) {
    if (names.has(name)) {
      throw new Failure(
        "batch.arrow.duplicate_field",
        `reading Arrow IPC: two fields are named ${JSON.stringify(name)}`,
      );
    }
    names.add(name);
  }
}

/** Arrow may leave an empty name out (Schema.fbs: "Name is not required"); flechette gives null then, whatever its types say. */
function named(field: Field): Field {
  return { ...field, name: field.name ?? "" };
}

function ownColumn(field: Field, column: ArrowColumn<unknown>): OwnColumn {
  const direct = directCells(field, column);
  if (direct) return new OwnColumn(field.name, direct, statesOf(column));
  const own = OwnColumn.blank(field.name, column.length);
  let row = 0;
  for (const value of plainValues(field, column)) own.set(row++, value);
  own.freeze();
  return own;
}

function* plainValues(field: Field, column: ArrowColumn<unknown>): Generator<Value | JsonText> {
  if (field.type.typeId === Type.Timestamp) yield* fineTimes(column, field.type);
  else if (isJson(field)) yield* jsonTexts(column);
  else for (const value of column) yield plainValue(value, field.type, field.name);
}

/** Whether the field says that its text is JSON. */
function isJson({ metadata }: Field): boolean {
  return metadata?.get("ARROW:extension:name") === "arrow.json";
}

function statesOf(column: ArrowColumn<unknown>): Uint8Array | undefined {
  if (column.nullCount === 0 && column.type.typeId !== Type.Null) return undefined;
  const states = new Uint8Array(column.length);
  let row = 0;
  for (const batch of column.data) {
    const noBits = batch.type.typeId === Type.Null;
    for (let at = 0; at < batch.length; at++) states[row++] = noBits || isNull(batch, at) ? IS_NULL : HAS_VALUE;
  }
  return states;
}

function isNull(batch: ArrowColumn<unknown>["data"][number], at: number): boolean {
  return batch.nullCount > 0 && !batch.isValid(at);
}

/** Cells for the types that need no look at each value. */
function directCells(field: Field, column: ArrowColumn<unknown>): Cells | undefined {
  const { type } = field;
  if (type.typeId === Type.Null) return new NullCells(column.length);
  if (type.typeId === Type.Timestamp) return timestampCells(column, type);
  const batch = column.data.length === 1 ? column.data[0]! : undefined;
  if (!batch || batch.length !== column.length) return undefined;
  if (type.typeId === Type.Int && type.bitWidth === 64 && type.signed) {
    const values = batch.values as BigInt64Array<ArrayBuffer>;
    require(values.length >= batch.length, field);
    return new IntegerCells(new Int32Array(values.buffer, values.byteOffset, batch.length * 2));
  }
  if (type.typeId === Type.Float && batch.values instanceof Float64Array) {
    const values = batch.values.subarray(0, batch.length);
    require(values.length === batch.length, field);
    return values.every(Number.isFinite) ? new DoubleCells(values) : undefined; // JSON has no NaN: they become null
  }
  if (type.typeId === Type.Utf8 || type.typeId === Type.Binary) return offsetCells(field, type, batch);
  if (type.typeId === Type.Dictionary) return dictionaryCells(column, type);
  return undefined;
}

type AnyBatch = ArrowColumn<unknown>["data"][number];

function offsetCells(field: Field, type: DataType, batch: AnyBatch): Cells | undefined {
  if (isJson(field)) return undefined;
  const offsets = (batch.offsets as Int32Array).subarray(0, batch.length + 1);
  const data = batch.values as Uint8Array;
  if (batch.length === 0) return new StringCells(new Int32Array(1), new Uint8Array(0));
  let wrong = offsets[0]! | (data.length - (offsets[batch.length] ?? -1));
  for (let row = 0; row < batch.length; row++) wrong |= offsets[row + 1]! - offsets[row]!;
  require(wrong >= 0 && offsets.length === batch.length + 1, field);
  if (type.typeId === Type.Binary) return new BytesCells(offsets, data);
  return isUtf8(data.subarray(offsets[0]!, offsets[batch.length]!)) ? new StringCells(offsets, data) : undefined;
}

/** Dictionaries of text stay dictionaries: one index a row. */
function dictionaryCells(column: ArrowColumn<unknown>, type: DataType): Cells | undefined {
  if (type.typeId !== Type.Dictionary || type.dictionary.typeId !== Type.Utf8) return undefined;
  const words = new Map<unknown, number>();
  const indices = new Int32Array(column.length);
  let row = 0;
  for (const value of column) {
    if (typeof value === "string" && !words.has(value)) words.set(value, words.size);
    indices[row++] = words.get(value) ?? 0;
  }
  const data = [...words.keys()].map((word) => Buffer.from(String(word)));
  const offsets = new Int32Array(data.length + 1);
  data.forEach((word, at) => {
    offsets[at + 1] = offsets[at]! + word.length;
  });
  return new DictionaryCells(indices, new StringCells(offsets, Buffer.concat(data)));
}

function require(holds: boolean, field: Field): asserts holds {
  if (holds) return;
  throw new Failure(
    "batch.arrow.unreadable",
    `reading Arrow IPC: the buffers of field ${JSON.stringify(field.name)} lie`,
  );
}
