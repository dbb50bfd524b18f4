/**
 * Cells as a plugin sets them one by one: JavaScript values in an array, given a type and a physical layout only when the
 * batch is written (`freeze`). Arrays and objects are turned to JSON text at once, so that a later change of the object
 * cannot reach into the batch.
 */
import type { ColumnType, Value } from "../../sdk/index.ts";
import { ByteWriter } from "./bytes.ts";
import { BoolCells, type Cells, DoubleCells, IntegerCells, JsonCells, NullCells, StringCells } from "./cells.ts";
import { appendJsonString, appendNumber, jsonText, parseJson } from "./json-text.ts";

/** A value by its JSON text, kept exactly as written. */
export class JsonText {
  constructor(readonly text: string) {}
}

type Loose = string | number | bigint | boolean | JsonText;

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

export class LooseCells implements Cells {
  readonly length: number;
  readonly #values: Loose[];

  constructor(length: number) {
    this.length = length;
    this.#values = new Array<Loose>(length);
  }

  get type(): ColumnType {
    return this.#type(undefined);
  }

  /** Sets a value that is neither null nor undefined. */
  set(row: number, value: NonNullable<Value> | JsonText): void {
    this.#values[row] = typeof value !== "object" || value instanceof JsonText ? value : loosen(value);
  }

  get(row: number): Value {
    const value = this.#values[row]!;
    return value instanceof JsonText ? parseJson(value.text) : value;
  }

  number(row: number): number {
    const value = this.get(row);
    return typeof value === "number" || typeof value === "bigint" ? Number(value) : Number.NaN;
  }

  string(row: number): string | undefined {
    const value = this.get(row);
    return typeof value === "string" ? value : undefined;
  }

  bytes(row: number): Uint8Array {
    return new TextEncoder().encode(this.string(row) ?? this.#text(row));
  }

  appendJson(row: number, writer: ByteWriter): void {
    const value = this.#values[row]!;
    if (typeof value === "string") appendJsonString(writer, value);
    else if (typeof value === "number") appendNumber(writer, value);
    else writer.text(this.#text(row));
  }

  gather(rows: Int32Array): LooseCells {
    const gathered = new LooseCells(rows.length);
    for (let at = 0; at < rows.length; at++) gathered.#values[at] = this.#values[rows[at]!]!;
    return gathered;
  }

  buffers(): never {
    throw new Error("invariant broken: loose cells have no buffers; freeze them first");
  }

  /** The same cells in their physical layout. `isValue` says which rows count. */
  freeze(isValue: (row: number) => boolean): Cells {
    const type = this.#type(isValue);
    if (type === "string") return this.#strings(isValue);
    if (type === "double") return new DoubleCells(this.#doubles(isValue));
    if (type === "integer") return this.#integers(isValue);
    if (type === "bool") return this.#bools(isValue);
    if (type === "null") return new NullCells(this.length);
    return this.#json(isValue);
  }

  #text(row: number): string {
    const value = this.#values[row]!;
    return value instanceof JsonText ? value.text : jsonText(value);
  }

  #type(isValue: ((row: number) => boolean) | undefined): ColumnType {
    let type: ColumnType = "null";
    let anyBig = false;
    for (let row = 0; row < this.length; row++) {
      const value = this.#values[row];
      if (value === undefined || (isValue && !isValue(row))) continue;
      anyBig ||= typeof value === "bigint";
      type = widen(type, typeOf(value));
      if (type === "json") return type;
    }
    return type === "double" && anyBig ? "json" : type; // no double holds every bigint
  }

  #strings(isValue: (row: number) => boolean): Cells {
    const offsets = new Int32Array(this.length + 1);
    const writer = new ByteWriter();
    const lone = /[\ud800-\udfff]/u;
    for (let row = 0; row < this.length; row++) {
      if (isValue(row)) {
        const value = this.#values[row] as string;
        if (lone.test(value)) return this.#json(isValue); // only an escape can say it
        writer.text(value);
      }
      offsets[row + 1] = writer.length;
    }
    return new StringCells(offsets, writer.view());
  }

  #doubles(isValue: (row: number) => boolean): Float64Array {
    const doubles = new Float64Array(this.length);
    for (let row = 0; row < this.length; row++) if (isValue(row)) doubles[row] = this.#values[row] as number;
    return doubles;
  }

  #integers(isValue: (row: number) => boolean): Cells {
    const halves = new Int32Array(this.length * 2);
    for (let row = 0; row < this.length; row++) {
      if (!isValue(row)) continue;
      const value = this.#values[row] as number | bigint;
      if (typeof value === "number") {
        halves[2 * row] = value;
        halves[2 * row + 1] = Math.floor(value / 2 ** 32);
      } else {
        halves[2 * row] = Number(value & 0xffffffffn);
        halves[2 * row + 1] = Number(value >> 32n);
      }
    }
    return new IntegerCells(halves);
  }

  #bools(isValue: (row: number) => boolean): Cells {
    const bits = new Uint8Array((this.length + 7) >> 3);
    for (let row = 0; row < this.length; row++) {
      if (isValue(row) && this.#values[row] === true) bits[row >> 3]! |= 1 << (row & 7);
    }
    return new BoolCells(this.length, bits);
  }

  #json(isValue: (row: number) => boolean): Cells {
    const offsets = new Int32Array(this.length + 1);
    const writer = new ByteWriter();
    for (let row = 0; row < this.length; row++) {
      if (isValue(row)) this.appendJson(row, writer);
      offsets[row + 1] = writer.length;
    }
    return new JsonCells(offsets, writer.view());
  }
}

function loosen(value: object): Loose {
  const text = jsonText(value as Value);
  // Bytes and dates are strings in JSON: let the column be one of strings.
  return text.startsWith('"') ? (JSON.parse(text) as string) : new JsonText(text);
}

function typeOf(value: Loose): ColumnType {
  if (typeof value === "string") return "string";
  if (typeof value === "number") return Number.isSafeInteger(value) ? "integer" : "double";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "bigint") return value >= INT64_MIN && value <= INT64_MAX ? "integer" : "json";
  return "json";
}

/** The type that holds both. */
function widen(left: ColumnType, right: ColumnType): ColumnType {
  if (left === right || left === "null") return right;
  const numeric = (left === "integer" && right === "double") || (left === "double" && right === "integer");
  return numeric ? "double" : "json";
}
