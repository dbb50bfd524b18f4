/**
 * A batch as a plugin sees it: rows and columns over bytes that nobody has decoded yet. Row numbers are stable during one
 * `processBatch` call: a dropped or rejected row keeps its number and is left out of iteration and of the output.
 */

/** A value of a record. `undefined` is a missing field, `null` a JSON null; integers beyond 2^53 are bigint. */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly Value[]
  | { readonly [key: string]: Value | undefined };

/** `json` holds any JSON value per row, exactly as written; every other type holds one kind of value, null or missing. */
export type ColumnType =
  | "null"
  | "bool"
  | "integer"
  | "double"
  | "string"
  | "dictionary"
  | "bytes"
  | "timestamp"
  | "json";

/** UTF-8 text of n rows in Arrow's layout: row i is data[offsets[i] .. offsets[i + 1]); offsets has n + 1 entries. */
export interface StringData {
  readonly offsets: Int32Array;
  readonly data: Uint8Array;
}

/** What addColumn takes: one entry a row of the batch (`batch.length`), also for rows that were dropped. */
export type ColumnValues =
  | readonly (Value | undefined)[]
  | Float64Array
  | Int32Array
  | BigInt64Array
  | { readonly type: "string"; readonly values: StringData }
  | { readonly type: "timestamp"; readonly values: Float64Array }
  | { readonly type: "bool"; readonly values: Uint8Array };

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  readonly length: number;
  /** The value: undefined when the record lacks the field, null when it is a JSON null. */
  get(row: number): Value | undefined;
  /** The number at the row, NaN where there is none. A JSON string is not a number. */
  number(row: number): number;
  /** The string at the row, undefined where the value is not a string. */
  string(row: number): string | undefined;
  /** UTF-8 bytes of a string value, JSON text of any other; undefined when missing. Valid until processBatch returns. */
  bytes(row: number): Uint8Array | undefined;
  /** All numbers at once, NaN where there is none. Valid until processBatch returns; do not write to it. */
  numbers(): Float64Array;
}

/** A record, lazily: reading a field decodes that field, setting one changes the record. Reused by iteration. */
export interface Row {
  [field: string]: Value | undefined;
}

export interface Batch extends Iterable<Row> {
  /** Source and offset: the same for every replay of these records. */
  readonly id: string;
  /** The batch's own time in milliseconds since the epoch, the same for every replay. Use it instead of the clock. */
  readonly timeMs: number;
  /** True while the engine looks for a poison record or warms a process up: results are thrown away, so keep outside effects back. */
  readonly probe: boolean;
  /** Number of rows, dropped ones included. */
  readonly length: number;
  /** Names of the fields seen in this batch, in order of first appearance. */
  readonly columnNames: readonly string[];

  /** The column, or undefined when no row of this batch has the field. */
  column(name: string): Column | undefined;
  /** A view of one row that stays valid until processBatch returns. */
  row(index: number): Row;
  /** Number of the row that iteration handed out last. */
  readonly index: number;
  /** False once the row was dropped or rejected. */
  isLive(row: number): boolean;
  /** The whole record as plain values. */
  record(row: number): { [field: string]: Value };
  /** The record as one line of JSON, untouched fields byte for byte as they came in. */
  json(row: number): string;

  /** Keeps the rows for which `keep` says true; the others count as filtered. */
  filter(keep: (row: Row, index: number) => boolean): void;
  /** Takes one row out; it counts as filtered. */
  drop(row: number): void;
  /** Takes one row out to the dead letters, with the reason. */
  reject(row: number, reason: string): void;
  /** Sets one field of one row; undefined removes it. */
  set(row: number, name: string, value: Value | undefined): void;
  /** Adds a column or replaces it for all rows. */
  addColumn(name: string, values: ColumnValues): void;
  /** Removes a field from all rows. */
  removeColumn(name: string): void;
  /** Adds a record behind the last row; it counts as added. */
  append(record: { readonly [field: string]: Value | undefined }): void;
}
