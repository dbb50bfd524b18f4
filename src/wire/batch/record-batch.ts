/**
 * A batch in memory: documents that nobody decodes unless asked, columns that plugins set over them, and which rows are
 * still in. Appended records are kept as JSON text and become rows when the batch is written, so that row numbers stay
 * what they were for the whole of one `processBatch`.
 */
import { Failure } from "../../base/errors.ts";
import type { Batch, Column, ColumnValues, Row, Value } from "../../sdk/index.ts";
import { asBytes, ByteWriter } from "./bytes.ts";
import { ownColumn } from "./column-values.ts";
import { DocumentColumn } from "./document-column.ts";
import type { Documents } from "./documents.ts";
import { jsonText } from "./json-text.ts";
import { type Malformed, parseDocuments } from "./ndjson-read.ts";
import { Splicer } from "./ndjson-write.ts";
import { OwnColumn } from "./own-column.ts";
import { moveView, RowViews } from "./row-view.ts";

export interface BatchMeta {
  readonly id: string;
  readonly timeMs: number;
  /** True while the engine looks for a poison record. */
  readonly probe?: boolean;
}

export interface RejectedRow {
  readonly row: number;
  readonly reason: string;
}

/** What a batch is made of, beside its documents. */
export interface BatchColumns {
  readonly own?: readonly OwnColumn[];
  /** Fields of the documents that count as removed. */
  readonly removed?: Iterable<string>;
  /** Numbers decoded by an earlier stage, by field. */
  readonly decoded?: ReadonlyMap<string, Float64Array>;
}

const LIVE = 0;
const DROPPED = 1;

export class RecordBatch implements Batch {
  readonly id: string;
  readonly timeMs: number;
  readonly probe: boolean;
  readonly length: number;
  readonly documents: Documents;
  /** The row that iteration handed out last, -1 before the first. */
  index = -1;
  /** Rows taken out by filter and drop. */
  filteredRows = 0;
  /** Records added by append. */
  appendedRows = 0;
  readonly rejected: RejectedRow[] = [];
  /** Grows with every change: tells whether something made from this batch is still true. */
  revision = 0;

  readonly #own = new Map<string, OwnColumn>();
  readonly #removed = new Set<string>();
  readonly #slots: (Column | undefined)[] = [];
  readonly #slotNames: string[] = [];
  readonly #slotOf = new Map<string, number>();
  #gone: Uint8Array | undefined;
  #appended: ByteWriter | undefined;
  #views: RowViews | undefined;
  /** For the text of single rows; made anew when columns come or go. */
  #splicer: Splicer | undefined;
  /** For the values of single records, by shape; made anew when columns come or go. */
  #columnsOf: (readonly Column[])[] = [];
  #writer: ByteWriter | undefined;

  constructor(documents: Documents, meta: BatchMeta, columns: BatchColumns = {}) {
    this.id = meta.id;
    this.timeMs = meta.timeMs;
    this.probe = meta.probe ?? false;
    this.documents = documents;
    this.length = documents.rows;
    for (const name of documents.names) {
      const field = documents.field(name)!;
      this.#fill(name, new DocumentColumn(name, field, documents, columns.decoded?.get(name)));
    }
    for (const name of columns.removed ?? []) this.removeColumn(name);
    for (const column of columns.own ?? []) this.#setOwn(column);
  }

  get columnNames(): readonly string[] {
    return this.#slotNames.filter((_name, slot) => this.#slots[slot] !== undefined);
  }

  column(name: string): Column | undefined {
    const slot = this.#slotOf.get(name);
    return slot === undefined ? undefined : this.#slots[slot];
  }

  row(index: number): Row {
    this.#check(index);
    return this.#rowViews().view(index);
  }

  isLive(row: number): boolean {
    this.#check(row);
    return this.#gone === undefined || this.#gone[row] === LIVE;
  }

  record(row: number): { [field: string]: Value } {
    this.#check(row);
    const shape = this.documents.shapeOf[row]!;
    const columns = this.#columnsOf[shape] ?? this.#listColumns(shape);
    const record: { [field: string]: Value } = {};
    for (let at = 0; at < columns.length; at++) {
      const column = columns[at]!;
      const value = column.get(row);
      if (value === undefined) continue;
      if (column.name === "__proto__") defineField(record, column.name, value);
      else record[column.name] = value;
    }
    return record;
  }

  json(row: number): string {
    this.#check(row);
    if (this.#own.size === 0 && this.#removed.size === 0) return this.documents.rowText(row);
    this.#writer ??= new ByteWriter(1024);
    this.#splicer ??= new Splicer(this, this.#writer);
    this.#writer.clear();
    this.#splicer.write(row);
    return this.#writer.buffer.utf8Slice(0, this.#writer.length);
  }

  filter(keep: (row: Row, index: number) => boolean): void {
    for (const row of this) {
      const { index } = this;
      if (!keep(row, index)) this.drop(index);
    }
  }

  drop(row: number): void {
    if (this.#takeOut(row)) this.filteredRows++;
  }

  reject(row: number, reason: string): void {
    if (this.#takeOut(row)) this.rejected.push({ row, reason: String(reason) });
  }

  set(row: number, name: string, value: Value | undefined): void {
    this.#check(row);
    let own = this.#own.get(name);
    if (!own) {
      if (value === undefined && !this.column(name)) return;
      own = OwnColumn.blank(name, this.length);
      this.#setOwn(own);
    }
    own.set(row, value);
    this.revision++;
  }

  addColumn(name: string, values: ColumnValues): void {
    this.#setOwn(ownColumn(name, values, this.length));
  }

  removeColumn(name: string): void {
    const slot = this.#slotOf.get(name);
    if (slot === undefined) return;
    this.revision++;
    this.#splicer = undefined;
    this.#columnsOf = [];
    this.#slots[slot] = undefined;
    this.#own.delete(name);
    if (this.documents.field(name) !== undefined) this.#removed.add(name);
  }

  append(record: { readonly [field: string]: Value | undefined }): void {
    this.appendJson(jsonText(record as Value));
  }

  /** Adds a record by its JSON text, which is kept as it is. */
  appendJson(text: string): void {
    const malformed: Malformed[] = [];
    const bytes = asBytes(Buffer.from(text));
    if (parseDocuments(bytes, 1, malformed).rows !== 1 || malformed.length > 0) {
      const reason = malformed[0]?.reason ?? "expected exactly one JSON object";
      throw new Failure("batch.append.not_a_record", `appending ${text.slice(0, 200)}: ${reason}`);
    }
    this.#appended ??= new ByteWriter(4096);
    this.#appended.copy(bytes, 0, bytes.length);
    this.#appended.byte(10);
    this.appendedRows++;
    this.revision++;
  }

  *[Symbol.iterator](): Generator<Row> {
    if (this.length === 0) return;
    const view = this.#rowViews().view(0);
    for (let row = 0; row < this.length; row++) {
      if (this.#gone !== undefined && this.#gone[row] !== LIVE) continue;
      moveView(view, row);
      this.index = row;
      yield view;
    }
  }

  /** Columns set over the documents, in the order in which they were first set. */
  get own(): ReadonlyMap<string, OwnColumn> {
    return this.#own;
  }

  /** Fields of the documents that are removed from every row. */
  get removed(): ReadonlySet<string> {
    return this.#removed;
  }

  /** Numbers decoded from the documents so far, by field. */
  get decoded(): ReadonlyMap<string, Float64Array> {
    const decoded = new Map<string, Float64Array>();
    for (const column of this.#slots) {
      const under = column instanceof OwnColumn ? undefined : column;
      if (under instanceof DocumentColumn && under.decoded) decoded.set(under.name, under.decoded);
    }
    return decoded;
  }

  /** The appended records as NDJSON. */
  get appendedText(): Uint8Array {
    return this.#appended?.view() ?? new Uint8Array(0);
  }

  /** Number of rows still in, appended ones not counted. */
  get liveRows(): number {
    return this.length - this.filteredRows - this.rejected.length;
  }

  /** Numbers of the rows still in; undefined when all are. */
  liveIndices(): Int32Array | undefined {
    if (this.#gone === undefined) return undefined;
    const indices = new Int32Array(this.liveRows);
    let count = 0;
    for (let row = 0; row < this.length; row++) if (this.#gone[row] === LIVE) indices[count++] = row;
    return indices;
  }

  /**
   * A batch of the live rows in the given ranges [from, to), numbered from 0 again. For bisecting a batch and for
   * leaving records out. Shares memory with this one; appended records stay behind.
   */
  selectRows(ranges: readonly (readonly [from: number, to: number])[]): RecordBatch {
    const rows: number[] = [];
    for (const [from, to] of ranges) {
      for (let row = Math.max(0, from); row < Math.min(to, this.length); row++) if (this.isLive(row)) rows.push(row);
    }
    return this.gather(Int32Array.from(rows));
  }

  /** A batch of the given rows, in that order; a row of -1 is not allowed. */
  gather(rows: Int32Array): RecordBatch {
    const documents = this.documents.gather(rows);
    const own = [...this.#own.values()].map((column) => column.gather(rows));
    return new RecordBatch(documents, this, { own, removed: this.#removed });
  }

  #check(row: number): void {
    if (!(row >= 0 && row < this.length) || !Number.isInteger(row)) {
      throw new Failure("batch.row.out_of_range", `row ${row} of a batch; it has rows 0 to ${this.length - 1}`);
    }
  }

  #takeOut(row: number): boolean {
    this.#check(row);
    this.#gone ??= new Uint8Array(this.length);
    if (this.#gone[row] !== LIVE) return false;
    this.#gone[row] = DROPPED;
    this.revision++;
    return true;
  }

  #setOwn(column: OwnColumn): void {
    const under = this.column(column.name);
    column.lieOver(under instanceof DocumentColumn ? under : undefined);
    this.revision++;
    this.#splicer = undefined;
    this.#columnsOf = [];
    this.#own.set(column.name, column);
    this.#fill(column.name, column);
  }

  #fill(name: string, column: Column): void {
    let slot = this.#slotOf.get(name);
    if (slot === undefined) {
      slot = this.#slotNames.push(name) - 1;
      this.#slotOf.set(name, slot);
      this.#views = undefined;
    }
    this.#slots[slot] = column;
  }

  /** The columns that a row of this shape can have values in, in the order in which its text has them. */
  #listColumns(shape: number): readonly Column[] {
    const { lists, names } = this.documents.shapes;
    const columns = new Set<Column>();
    for (const field of lists[shape]!) {
      const column = this.#removed.has(names[field]!) ? undefined : this.column(names[field]!);
      if (column) columns.add(column);
    }
    for (const column of this.#own.values()) columns.add(column);
    const list = [...columns];
    this.#columnsOf[shape] = list;
    return list;
  }

  #rowViews(): RowViews {
    this.#views ??= new RowViews(this, this.#slots, [...this.#slotNames]);
    return this.#views;
  }
}

/** Sets an own property whatever the name: `__proto__` is a field like any other. */
function defineField(record: object, name: string, value: Value): void {
  Object.defineProperty(record, name, { value, enumerable: true, configurable: true, writable: true });
}
