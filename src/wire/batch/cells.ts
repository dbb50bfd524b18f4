/**
 * The values of an own column, one class a type, in Arrow's physical layout: little-endian 64-bit integers and doubles,
 * bit-packed booleans, int32 offsets over bytes, int32 indices into a dictionary. Cells know nothing of null and missing
 * (see own-column.ts); a cell of such a row holds anything. Integers are read and written as two 32-bit halves, because a
 * BigInt64Array makes a bigint per access.
 */
import type { ColumnType, Value } from "../../sdk/index.ts";
import { asBytes, type Bytes, ByteWriter } from "./bytes.ts";
import { appendJsonBytes, appendNumber, parseJson } from "./json-text.ts";

export interface Cells {
  readonly type: ColumnType;
  readonly length: number;
  get(row: number): Value;
  number(row: number): number;
  string(row: number): string | undefined;
  bytes(row: number): Uint8Array;
  appendJson(row: number, writer: ByteWriter): void;
  /** The cells of the given rows; a negative row gives a cell that holds anything. */
  gather(rows: Int32Array): Cells;
  /** The buffers in the order in which cellsFrom takes them. */
  buffers(): readonly ArrayBufferView[];
}

const TWO_32 = 2 ** 32;
const CELL_BYTES = 64;

/** JSON text of a cell. */
function textOf(cells: Cells, row: number): Uint8Array {
  const writer = new ByteWriter(CELL_BYTES);
  cells.appendJson(row, writer);
  return writer.view();
}

export class NullCells implements Cells {
  readonly type = "null";
  constructor(readonly length: number) {}
  get(): null {
    return null;
  }
  number(): number {
    return Number.NaN;
  }
  string(): undefined {
    return undefined;
  }
  bytes(row: number): Uint8Array {
    return textOf(this, row);
  }
  appendJson(_row: number, writer: ByteWriter): void {
    writer.ascii("null");
  }
  gather(rows: Int32Array): NullCells {
    return new NullCells(rows.length);
  }
  buffers(): readonly ArrayBufferView[] {
    return [];
  }
}

export class BoolCells implements Cells {
  readonly type = "bool";
  constructor(
    readonly length: number,
    readonly bits: Uint8Array,
  ) {}
  get(row: number): boolean {
    return ((this.bits[row >> 3]! >> (row & 7)) & 1) === 1;
  }
  number(): number {
    return Number.NaN;
  }
  string(): undefined {
    return undefined;
  }
  bytes(row: number): Uint8Array {
    return textOf(this, row);
  }
  appendJson(row: number, writer: ByteWriter): void {
    writer.ascii(this.get(row) ? "true" : "false");
  }
  gather(rows: Int32Array): BoolCells {
    const bits = new Uint8Array((rows.length + 7) >> 3);
    for (let at = 0; at < rows.length; at++) if (this.get(rows[at]!)) bits[at >> 3]! |= 1 << (at & 7);
    return new BoolCells(rows.length, bits);
  }
  buffers(): readonly ArrayBufferView[] {
    return [this.bits];
  }
}

export class IntegerCells implements Cells {
  readonly type = "integer";
  readonly length: number;
  /** `halves` holds the low and the high 32 bits of each value. */
  constructor(readonly halves: Int32Array) {
    this.length = halves.length >> 1;
  }
  get(row: number): number | bigint {
    const value = this.number(row);
    if (Number.isSafeInteger(value)) return value;
    return (BigInt(this.halves[2 * row + 1]!) << 32n) | BigInt(this.halves[2 * row]! >>> 0);
  }
  number(row: number): number {
    return this.halves[2 * row + 1]! * TWO_32 + (this.halves[2 * row]! >>> 0);
  }
  string(): undefined {
    return undefined;
  }
  bytes(row: number): Uint8Array {
    return textOf(this, row);
  }
  appendJson(row: number, writer: ByteWriter): void {
    const value = this.get(row);
    if (typeof value === "number") appendNumber(writer, value);
    else writer.ascii(String(value));
  }
  gather(rows: Int32Array): IntegerCells {
    const halves = new Int32Array(rows.length * 2);
    for (let at = 0; at < rows.length; at++) {
      halves[2 * at] = this.halves[2 * rows[at]!]!;
      halves[2 * at + 1] = this.halves[2 * rows[at]! + 1]!;
    }
    return new IntegerCells(halves);
  }
  buffers(): readonly ArrayBufferView[] {
    return [this.halves];
  }
}

export class DoubleCells implements Cells {
  readonly type = "double";
  readonly length: number;
  constructor(readonly values: Float64Array) {
    this.length = values.length;
  }
  get(row: number): number {
    return this.values[row]!;
  }
  number(row: number): number {
    return this.values[row]!;
  }
  string(): undefined {
    return undefined;
  }
  bytes(row: number): Uint8Array {
    return textOf(this, row);
  }
  appendJson(row: number, writer: ByteWriter): void {
    appendNumber(writer, this.values[row]!);
  }
  gather(rows: Int32Array): DoubleCells {
    return new DoubleCells(gatherDoubles(this.values, rows));
  }
  buffers(): readonly ArrayBufferView[] {
    return [this.values];
  }
}

/** Milliseconds since the epoch as doubles. A record shows them as ISO 8601 text in UTC. */
export class TimestampCells implements Cells {
  readonly type = "timestamp";
  readonly length: number;
  constructor(readonly values: Float64Array) {
    this.length = values.length;
  }
  get(row: number): string | null {
    return this.string(row) ?? null;
  }
  number(row: number): number {
    return this.values[row]!;
  }
  string(row: number): string | undefined {
    const date = new Date(this.values[row]!);
    return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
  }
  bytes(row: number): Uint8Array {
    return new TextEncoder().encode(this.string(row) ?? "");
  }
  appendJson(row: number, writer: ByteWriter): void {
    const text = this.string(row);
    writer.ascii(text === undefined ? "null" : `"${text}"`);
  }
  gather(rows: Int32Array): TimestampCells {
    return new TimestampCells(gatherDoubles(this.values, rows));
  }
  buffers(): readonly ArrayBufferView[] {
    return [this.values];
  }
}

export function gatherDoubles(values: Float64Array, rows: Int32Array): Float64Array {
  const gathered = new Float64Array(rows.length);
  for (let at = 0; at < rows.length; at++) gathered[at] = values[rows[at]!]!;
  return gathered;
}

/** Bytes with offsets: UTF-8 text, JSON text or plain bytes. */
abstract class OffsetCells implements Cells {
  abstract readonly type: ColumnType;
  readonly length: number;
  readonly data: Bytes;
  constructor(
    readonly offsets: Int32Array,
    data: Uint8Array,
  ) {
    this.length = offsets.length - 1;
    this.data = asBytes(data);
  }
  abstract get(row: number): Value;
  number(_row: number): number {
    return Number.NaN;
  }
  abstract string(row: number): string | undefined;
  bytes(row: number): Uint8Array {
    return this.data.subarray(this.offsets[row]!, this.offsets[row + 1]!);
  }
  abstract appendJson(row: number, writer: ByteWriter): void;
  abstract gather(rows: Int32Array): Cells;
  buffers(): readonly ArrayBufferView[] {
    return [this.offsets, this.data];
  }

  protected text(row: number): string {
    return textAt(this.data, this.offsets[row]!, this.offsets[row + 1]!);
  }

  protected gathered(rows: Int32Array): { offsets: Int32Array; data: Uint8Array } {
    const offsets = new Int32Array(rows.length + 1);
    const writer = new ByteWriter(this.data.length + 64);
    for (let at = 0; at < rows.length; at++) {
      const row = rows[at]!;
      if (row >= 0) writer.copy(this.data, this.offsets[row]!, this.offsets[row + 1]!);
      offsets[at + 1] = writer.length;
    }
    return { offsets, data: writer.view() };
  }
}

/** Text no longer than this is looked at byte by byte for the quick ASCII way. */
const ASCII_CHECK_BYTES = 64;

function textAt(data: Bytes, start: number, end: number): string {
  if (end - start > ASCII_CHECK_BYTES) return data.utf8Slice(start, end);
  for (let at = start; at < end; at++) if (data[at]! > 127) return data.utf8Slice(start, end);
  return data.latin1Slice(start, end);
}

export class StringCells extends OffsetCells {
  readonly type = "string";
  get(row: number): string {
    return this.text(row);
  }
  string(row: number): string {
    return this.text(row);
  }
  appendJson(row: number, writer: ByteWriter): void {
    appendJsonBytes(writer, this.data, this.offsets[row]!, this.offsets[row + 1]!);
  }
  gather(rows: Int32Array): StringCells {
    const { offsets, data } = this.gathered(rows);
    return new StringCells(offsets, data);
  }
}

export class BytesCells extends OffsetCells {
  readonly type = "bytes";
  get(row: number): Uint8Array {
    return this.bytes(row).slice();
  }
  string(): undefined {
    return undefined;
  }
  appendJson(row: number, writer: ByteWriter): void {
    writer.ascii(`"${this.data.toString("base64", this.offsets[row]!, this.offsets[row + 1]!)}"`);
  }
  gather(rows: Int32Array): BytesCells {
    const { offsets, data } = this.gathered(rows);
    return new BytesCells(offsets, data);
  }
}

export class JsonCells extends OffsetCells {
  readonly type = "json";
  get(row: number): Value {
    return parseJson(this.text(row));
  }
  /** The value exactly as written. */
  jsonText(row: number): string {
    return this.text(row);
  }
  override number(row: number): number {
    const value = this.get(row);
    return typeof value === "number" || typeof value === "bigint" ? Number(value) : Number.NaN;
  }
  string(row: number): string | undefined {
    if (this.data[this.offsets[row]!] !== 34) return undefined;
    return String(this.get(row));
  }
  override bytes(row: number): Uint8Array {
    const text = this.string(row);
    return text === undefined ? super.bytes(row) : new TextEncoder().encode(text);
  }
  appendJson(row: number, writer: ByteWriter): void {
    writer.copy(this.data, this.offsets[row]!, this.offsets[row + 1]!);
  }
  gather(rows: Int32Array): JsonCells {
    const { offsets, data } = this.gathered(rows);
    return new JsonCells(offsets, data);
  }
}

export class DictionaryCells implements Cells {
  readonly type = "dictionary";
  readonly length: number;
  constructor(
    readonly indices: Int32Array,
    readonly dictionary: StringCells,
  ) {
    this.length = indices.length;
  }
  get(row: number): string {
    return this.dictionary.string(this.indices[row]!);
  }
  number(): number {
    return Number.NaN;
  }
  string(row: number): string {
    return this.dictionary.string(this.indices[row]!);
  }
  bytes(row: number): Uint8Array {
    return this.dictionary.bytes(this.indices[row]!);
  }
  appendJson(row: number, writer: ByteWriter): void {
    this.dictionary.appendJson(this.indices[row]!, writer);
  }
  gather(rows: Int32Array): DictionaryCells {
    return new DictionaryCells(
      rows.map((row) => this.indices[row] ?? 0),
      this.dictionary,
    );
  }
  buffers(): readonly ArrayBufferView[] {
    return [this.indices, ...this.dictionary.buffers()];
  }
}
