/** What `addColumn` takes, turned into an own column. Typed arrays are used in place, not copied. */
import { isUtf8 } from "node:buffer";
import { Failure } from "../../base/errors.ts";
import type { ColumnValues, StringData, Value } from "../../sdk/index.ts";
import { ByteWriter } from "./bytes.ts";
import { BoolCells, BytesCells, type Cells, DoubleCells, IntegerCells, StringCells, TimestampCells } from "./cells.ts";
import { HAS_VALUE, IS_MISSING, IS_NULL, OwnColumn } from "./own-column.ts";

export function ownColumn(name: string, values: ColumnValues, length: number): OwnColumn {
  if (Array.isArray(values)) return fromArray(name, values as readonly (Value | undefined)[], length);
  if (values instanceof Float64Array) {
    requireLength(name, values.length, length);
    return new OwnColumn(name, new DoubleCells(values), statesOf(values));
  }
  if (values instanceof Int32Array || values instanceof BigInt64Array) {
    requireLength(name, values.length, length);
    return new OwnColumn(name, new IntegerCells(halvesOf(values)), undefined);
  }
  const typed = values as Extract<ColumnValues, { type: string }>; // the arrays are dealt with above
  if (typed.type === "string") return new OwnColumn(name, stringCells(name, typed.values, length), undefined);
  requireLength(name, typed.values.length, length);
  if (typed.type === "timestamp") {
    return new OwnColumn(name, new TimestampCells(typed.values), statesOf(typed.values));
  }
  return new OwnColumn(name, boolCells(typed.values), undefined);
}

function requireLength(name: string, actual: number, length: number): void {
  if (actual === length) return;
  throw new Failure(
    "batch.column.wrong_length",
    `column ${JSON.stringify(name)} has ${actual} values; the batch has ${length} rows and needs one value each`,
  );
}

/** NaN says "no number here", as `numbers()` does: the record lacks the field. An infinity is null, as JSON says it. */
function statesOf(values: Float64Array): Uint8Array | undefined {
  let states: Uint8Array | undefined;
  for (let row = 0; row < values.length; row++) {
    const value = values[row]!;
    if (Number.isFinite(value)) continue;
    states ??= new Uint8Array(values.length);
    states[row] = Number.isNaN(value) ? IS_MISSING : IS_NULL;
  }
  return states;
}

function halvesOf(values: Int32Array | BigInt64Array): Int32Array {
  if (values instanceof BigInt64Array) return new Int32Array(values.buffer, values.byteOffset, values.length * 2);
  const halves = new Int32Array(values.length * 2);
  for (let row = 0; row < values.length; row++) {
    halves[2 * row] = values[row]!;
    halves[2 * row + 1] = values[row]! >> 31;
  }
  return halves;
}

function boolCells(values: Uint8Array): Cells {
  const bits = new Uint8Array((values.length + 7) >> 3);
  for (let row = 0; row < values.length; row++) if (values[row] !== 0) bits[row >> 3]! |= 1 << (row & 7);
  return new BoolCells(values.length, bits);
}

function stringCells(name: string, { offsets, data }: StringData, length: number): Cells {
  requireLength(name, offsets.length - 1, length);
  const at = firstBadOffset(offsets, data);
  if (at >= 0) {
    throw new Failure(
      "batch.column.bad_offsets",
      `column ${JSON.stringify(name)}: offset ${at} is ${offsets[at]}; offsets must not fall, must stay within the ` +
        `${data.length} bytes of data and must not split a character`,
    );
  }
  if (!isUtf8(data.subarray(offsets[0]!, offsets[length]!))) {
    throw new Failure("batch.column.not_utf8", `the text of column ${JSON.stringify(name)} is not valid UTF-8`);
  }
  return new StringCells(offsets, data);
}

function firstBadOffset(offsets: Int32Array, data: Uint8Array): number {
  let before = 0;
  for (let at = 0; at < offsets.length; at++) {
    const offset = offsets[at]!;
    if (offset < before || offset > data.length || (data[offset]! & 0xc0) === 0x80) return at;
    before = offset;
  }
  return -1;
}

function fromArray(name: string, values: readonly (Value | undefined)[], length: number): OwnColumn {
  requireLength(name, values.length, length);
  const bytes = allBytes(values);
  if (bytes) return bytesColumn(name, values);
  const column = OwnColumn.blank(name, length);
  for (let row = 0; row < length; row++) column.set(row, values[row]);
  return column;
}

function allBytes(values: readonly (Value | undefined)[]): boolean {
  let any = false;
  for (const value of values) {
    if (value instanceof Uint8Array) any = true;
    else if (value !== null && value !== undefined) return false;
  }
  return any;
}

function bytesColumn(name: string, values: readonly (Value | undefined)[]): OwnColumn {
  const offsets = new Int32Array(values.length + 1);
  const states = new Uint8Array(values.length);
  const writer = new ByteWriter();
  for (let row = 0; row < values.length; row++) {
    const value = values[row];
    if (value instanceof Uint8Array) {
      writer.copy(value, 0, value.length);
      states[row] = HAS_VALUE;
    } else states[row] = value === null ? IS_NULL : IS_MISSING;
    offsets[row + 1] = writer.length;
  }
  return new OwnColumn(name, new BytesCells(offsets, writer.view()), states);
}
