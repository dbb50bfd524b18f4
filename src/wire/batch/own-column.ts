/**
 * A column that a plugin set: it overrides or extends the documents. Each row has a state of one byte: a value, null,
 * missing, or *inherit* (this row was not set: the document decides). Arrow has a bit for null only; a byte holds all
 * four, costs one load, and turns into Arrow's validity bitmap at the border.
 */
import type { Column, ColumnType, Value } from "../../sdk/index.ts";
import type { ByteWriter } from "./bytes.ts";
import type { Cells } from "./cells.ts";
import { DoubleCells, JsonCells, TimestampCells } from "./cells.ts";
import { JsonText, LooseCells } from "./loose-cells.ts";

export const HAS_VALUE = 0;
export const IS_NULL = 1;
export const IS_MISSING = 2;
export const INHERITS = 3;

export class OwnColumn implements Column {
  readonly name: string;
  /** The documents' column, for the rows that inherit. */
  #under: Column | undefined;
  /** Undefined when every row has a value. */
  #states: Uint8Array | undefined;
  #cells: Cells;
  #numbers: Float64Array | undefined;

  constructor(name: string, cells: Cells, states: Uint8Array | undefined) {
    this.name = name;
    this.#cells = cells;
    this.#states = states;
  }

  /** A column that says nothing yet about any row. */
  static blank(name: string, length: number): OwnColumn {
    return new OwnColumn(name, new LooseCells(length), new Uint8Array(length).fill(INHERITS));
  }

  /** Says what lies under this column in the batch that it belongs to. */
  lieOver(under: Column | undefined): void {
    this.#under = under;
    this.#numbers = undefined;
  }

  get length(): number {
    return this.#cells.length;
  }

  get cells(): Cells {
    return this.#cells;
  }

  get states(): Uint8Array | undefined {
    return this.#states;
  }

  get type(): ColumnType {
    const { type } = this.#cells;
    if (!this.#under || this.#under.type === type || !this.#states?.includes(INHERITS)) return type;
    return type === "null" && !this.#states.includes(IS_NULL) ? this.#under.type : "json";
  }

  state(row: number): number {
    return this.#states === undefined ? HAS_VALUE : this.#states[row]!;
  }

  get(row: number): Value | undefined {
    const state = this.state(row);
    if (state === HAS_VALUE) return this.#cells.get(row);
    if (state === INHERITS) return this.#under?.get(row);
    return state === IS_NULL ? null : undefined;
  }

  number(row: number): number {
    const state = this.state(row);
    if (state === HAS_VALUE) return this.#cells.number(row);
    return state === INHERITS && this.#under ? this.#under.number(row) : Number.NaN;
  }

  string(row: number): string | undefined {
    const state = this.state(row);
    if (state === HAS_VALUE) return this.#cells.string(row);
    return state === INHERITS ? this.#under?.string(row) : undefined;
  }

  bytes(row: number): Uint8Array | undefined {
    const state = this.state(row);
    if (state === HAS_VALUE) return this.#cells.bytes(row);
    if (state === INHERITS) return this.#under?.bytes(row);
    return state === IS_NULL ? new Uint8Array([110, 117, 108, 108]) : undefined;
  }

  numbers(): Float64Array {
    if (this.#numbers) return this.#numbers;
    const cells = this.#cells;
    if (!this.#states && (cells instanceof DoubleCells || cells instanceof TimestampCells)) return cells.values;
    const numbers = new Float64Array(this.length);
    for (let row = 0; row < numbers.length; row++) numbers[row] = this.number(row);
    this.#numbers = numbers;
    return numbers;
  }

  set(row: number, value: Value | JsonText | undefined): void {
    const loose = this.#cells instanceof LooseCells ? this.#cells : this.#loosen();
    this.#states ??= new Uint8Array(this.length);
    this.#numbers = undefined;
    if (value === undefined) this.#states[row] = IS_MISSING;
    else if (value === null || (typeof value === "number" && !Number.isFinite(value))) this.#states[row] = IS_NULL;
    else {
      loose.set(row, value);
      this.#states[row] = HAS_VALUE;
    }
  }

  /** Gives loose cells their physical layout. */
  freeze(): void {
    if (this.#cells instanceof LooseCells) this.#cells = this.#cells.freeze((row) => this.state(row) === HAS_VALUE);
  }

  /** The value of a row whose state says there is one, as JSON. */
  appendJson(row: number, writer: ByteWriter): void {
    this.#cells.appendJson(row, writer);
  }

  /** The column of the given rows; a negative row inherits. */
  gather(rows: Int32Array): OwnColumn {
    const states = this.#states;
    let gathered: Uint8Array | undefined;
    if (states || rows.some((row) => row < 0)) {
      gathered = new Uint8Array(rows.length);
      for (let at = 0; at < rows.length; at++) {
        gathered[at] = rows[at]! < 0 ? INHERITS : states === undefined ? HAS_VALUE : states[rows[at]!]!;
      }
    }
    return new OwnColumn(this.name, this.#cells.gather(rows), gathered);
  }

  /** The same column, saying "missing" in the first rows where it said nothing. */
  lacking(firstRows: number): OwnColumn {
    const states = this.#states?.slice() ?? new Uint8Array(this.length);
    for (let row = 0; row < firstRows; row++) if (states[row] === INHERITS) states[row] = IS_MISSING;
    const column = new OwnColumn(this.name, this.#cells, states);
    column.freeze();
    return column;
  }

  #loosen(): LooseCells {
    const cells = this.#cells;
    const loose = new LooseCells(cells.length);
    for (let row = 0; row < cells.length; row++) {
      if (this.state(row) !== HAS_VALUE) continue;
      if (cells instanceof JsonCells) loose.set(row, new JsonText(cells.jsonText(row)));
      else loose.set(row, cells.get(row)!);
    }
    this.#cells = loose;
    return loose;
  }
}
