/**
 * A column read from the documents: nothing is decoded before it is asked for, and only `numbers()` keeps what it
 * decoded, because it is worth carrying to the next stage.
 */
import type { Column, ColumnType, Value } from "../../sdk/index.ts";
import type { Documents } from "./documents.ts";
import { parseExact, parseJson, parseNumber } from "./json-text.ts";
import { BOOL, ESCAPED, INTEGER, NESTED, NULL, NUMBER, PLAIN } from "./limits.ts";
import { decodeString } from "./scan.ts";
import { StringCache } from "./string-cache.ts";

export class DocumentColumn implements Column {
  readonly name: string;
  readonly length: number;
  readonly #documents: Documents;
  readonly #field: number;
  #placeOf: Int32Array | undefined;
  #type: ColumnType | undefined;
  #numbers: Float64Array | undefined;
  #strings: StringCache | undefined;

  constructor(name: string, field: number, documents: Documents, numbers?: Float64Array) {
    this.name = name;
    this.length = documents.rows;
    this.#documents = documents;
    this.#field = field;
    this.#numbers = numbers;
  }

  /** The numbers that were already decoded, if any. */
  get decoded(): Float64Array | undefined {
    return this.#numbers;
  }

  get type(): ColumnType {
    this.#type ??= this.#infer();
    return this.#type;
  }

  get(row: number): Value | undefined {
    const at = this.#at(row);
    if (at < 0) return undefined;
    const { text, tape } = this.#documents;
    const start = tape[at]!;
    const end = tape[at + 1]! >>> 3;
    const kind = tape[at + 1]! & 7;
    if (kind === PLAIN) return this.#plain(start, end);
    if (kind === INTEGER || kind === NUMBER) return parseExact(text, start, end, kind);
    if (kind === BOOL) return text[start] === 116;
    if (kind === NULL) return null;
    if (kind === NESTED) return parseJson(text.utf8Slice(start, end));
    return decodeString(text, start, end, kind);
  }

  number(row: number): number {
    if (this.#numbers) return this.#numbers[row]!;
    const at = this.#at(row);
    return at < 0 ? Number.NaN : this.#number(at);
  }

  string(row: number): string | undefined {
    const at = this.#at(row);
    if (at < 0) return undefined;
    const { text, tape } = this.#documents;
    const kind = tape[at + 1]! & 7;
    if (kind === PLAIN) return this.#plain(tape[at]!, tape[at + 1]! >>> 3);
    return isString(kind) ? decodeString(text, tape[at]!, tape[at + 1]! >>> 3, kind) : undefined;
  }

  bytes(row: number): Uint8Array | undefined {
    const at = this.#at(row);
    if (at < 0) return undefined;
    const { text, tape } = this.#documents;
    const start = tape[at]!;
    const end = tape[at + 1]! >>> 3;
    const kind = tape[at + 1]! & 7;
    if (kind === ESCAPED) return new TextEncoder().encode(decodeString(text, start, end, kind));
    return isString(kind) ? text.subarray(start + 1, end - 1) : text.subarray(start, end);
  }

  numbers(): Float64Array {
    if (this.#numbers) return this.#numbers;
    const { shapeOf, bases } = this.#documents;
    const placeOf = this.#places();
    const numbers = new Float64Array(this.length);
    for (let row = 0; row < numbers.length; row++) {
      const place = placeOf[shapeOf[row]!]!;
      numbers[row] = place < 0 ? Number.NaN : this.#number(bases[row]! + place);
    }
    this.#numbers = numbers;
    return numbers;
  }

  #plain(start: number, end: number): string {
    this.#strings ??= new StringCache(this.#documents.text);
    return this.#strings.get(start, end);
  }

  #places(): Int32Array {
    this.#placeOf ??= this.#documents.places(this.#field);
    return this.#placeOf;
  }

  /** Where the row's value stands in the tape, -1 when the row lacks the field. */
  #at(row: number): number {
    const placeOf = this.#placeOf ?? this.#places();
    const { shapeOf, bases } = this.#documents;
    const place = placeOf[shapeOf[row]!];
    return place === undefined || place < 0 ? -1 : bases[row]! + place;
  }

  #number(at: number): number {
    const { text, tape } = this.#documents;
    const packed = tape[at + 1]!;
    const kind = packed & 7;
    return kind === INTEGER || kind === NUMBER ? parseNumber(text, tape[at]!, packed >>> 3, kind) : Number.NaN;
  }

  /** One type that fits every value, by looking at the kinds only; numbers that are not plain integers are doubles. */
  #infer(): ColumnType {
    const { tape } = this.#documents;
    let seen = 0;
    for (let row = 0; row < this.length; row++) {
      const at = this.#at(row);
      if (at >= 0) seen |= 1 << (tape[at + 1]! & 7);
    }
    const kinds = seen & ~(1 << NULL);
    if (kinds === 0) return "null";
    if (kinds === 1 << BOOL) return "bool";
    if (kinds === 1 << INTEGER) return "integer";
    if ((kinds & ~STRING_KINDS) === 0) return "string";
    if ((kinds & ~NUMBER_KINDS) === 0) return this.#numericType();
    return "json";
  }

  /** Long digits may be integers too: integer when all are and fit int64, JSON when a double would lose digits. */
  #numericType(): ColumnType {
    const { text, tape } = this.#documents;
    let allIntegers = true;
    let anyBig = false;
    let fitInt64 = true;
    for (let row = 0; row < this.length; row++) {
      const at = this.#at(row);
      if (at < 0 || (tape[at + 1]! & 7) !== NUMBER) continue;
      const source = text.latin1Slice(tape[at]!, tape[at + 1]! >>> 3);
      if (!/^-?\d+$/.test(source)) {
        allIntegers = false;
        continue;
      }
      const value = BigInt(source);
      fitInt64 &&= BigInt.asIntN(64, value) === value;
      anyBig ||= !Number.isSafeInteger(Number(source));
    }
    if (allIntegers && fitInt64) return "integer";
    return anyBig ? "json" : "double";
  }
}

const NUMBER_KINDS = (1 << INTEGER) | (1 << NUMBER);
const STRING_KINDS = (1 << PLAIN) | (1 << (PLAIN + 1)) | (1 << ESCAPED);

function isString(kind: number): boolean {
  return kind >= PLAIN && kind <= ESCAPED;
}
