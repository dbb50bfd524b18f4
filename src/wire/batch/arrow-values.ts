/** Arrow values that have no plain counterpart, made into ones that JSON can say: exactly, or refused by name. */
import { type Column as ArrowColumn, type DataType, DateUnit, TimeUnit, Type } from "@uwdata/flechette";
import { Failure } from "../../base/errors.ts";
import type { Value } from "../../sdk/index.ts";
import { type Cells, TimestampCells } from "./cells.ts";
import { jsonText, parseJson } from "./json-text.ts";
import { JsonText } from "./loose-cells.ts";

/** Units of a second: Arrow's TimeUnit is 0 for seconds, 1 for milliseconds, 2 for microseconds, 3 for nanoseconds. */
const DIGITS = [0, 3, 6, 9] as const;

/** A value of the given type as a plain value; null stays null. */
export function plainValue(value: unknown, type: DataType, field: string): Value | JsonText {
  if (value === null || value === undefined) return null;
  switch (type.typeId) {
    case Type.Decimal:
      return new JsonText(decimalText(BigInt(value as bigint | number), type.scale));
    case Type.Date:
      return new Date(value as number).toISOString().slice(0, type.unit === DateUnit.DAY ? 10 : undefined);
    case Type.Time:
      return timeText(BigInt(value as bigint | number), DIGITS[type.unit]!);
    case Type.Timestamp: // inside of nested values only: a column of times is exact, see fineTimes
      return new Date(value as number).toISOString();
    case Type.Utf8:
    case Type.LargeUtf8:
    case Type.Utf8View:
      return value as string;
    case Type.Dictionary:
      return plainValue(value, type.dictionary, field);
    case Type.List:
    case Type.LargeList:
    case Type.ListView:
    case Type.LargeListView:
    case Type.FixedSizeList:
      return list(value, type.children[0]!.type, field);
    case Type.Struct:
      return struct(value as Record<string, unknown>, type, field);
    case Type.Int:
    case Type.Float:
    case Type.Bool:
    case Type.Binary:
    case Type.LargeBinary:
    case Type.BinaryView:
    case Type.FixedSizeBinary:
    case Type.Duration:
      return value as Value; // numbers, bigints, booleans and bytes are what they are
    default:
      throw new Failure(
        "batch.arrow.unsupported_type",
        `reading Arrow IPC: field ${JSON.stringify(field)} has Arrow type number ${type.typeId}, which has no JSON form`,
      );
  }
}

function list(value: unknown, item: DataType, field: string): Value {
  return Array.from(value as Iterable<unknown>, (member) => nested(member, item, field));
}

function struct(value: Record<string, unknown>, type: DataType & { typeId: 13 }, field: string): Value {
  const members: [string, Value][] = type.children.map((child) => [
    child.name,
    nested(value[child.name], child.type, field),
  ]);
  return Object.fromEntries(members);
}

/** Inside of nested values there is no JSON text: a decimal is its text. */
function nested(value: unknown, type: DataType, field: string): Value {
  const plain = plainValue(value, type, field);
  return plain instanceof JsonText ? plain.text : plain;
}

function decimalText(scaled: bigint, scale: number): string {
  if (scale <= 0) return String(scaled * 10n ** BigInt(-scale));
  const digits = String(scaled < 0n ? -scaled : scaled).padStart(scale + 1, "0");
  return `${scaled < 0n ? "-" : ""}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

function timeText(count: bigint, digits: number): string {
  const second = 10n ** BigInt(digits);
  const seconds = Number(count / second);
  const clock = new Date(seconds * 1000).toISOString().slice(11, 19);
  return digits === 0 ? clock : `${clock}.${String(count % second).padStart(digits, "0")}`;
}

/** Milliseconds when every time is a whole number of them; undefined leaves finer times to be text. */
export function timestampCells(column: ArrowColumn<unknown>, type: DataType & { typeId: 10 }): Cells | undefined {
  const values = new Float64Array(column.length);
  const perMs = type.unit === TimeUnit.MICROSECOND ? 1000n : type.unit === TimeUnit.NANOSECOND ? 1_000_000n : 1n;
  let row = 0;
  for (const batch of column.data) {
    const raw = batch.values as BigInt64Array;
    for (let at = 0; at < batch.length; at++) {
      const count = raw[at] ?? 0n;
      if (count % perMs !== 0n && (batch.nullCount === 0 || batch.isValid(at))) return undefined;
      values[row++] = type.unit === TimeUnit.SECOND ? Number(count) * 1000 : Number(count / perMs);
    }
  }
  return new TimestampCells(values);
}

/** Times finer than milliseconds as ISO 8601 text with all their digits. */
export function* fineTimes(column: ArrowColumn<unknown>, type: DataType & { typeId: 10 }): Generator<Value> {
  const digits = DIGITS[type.unit]!;
  const second = 10n ** BigInt(digits);
  for (const batch of column.data) {
    const raw = batch.values as BigInt64Array;
    for (let at = 0; at < batch.length; at++) {
      if (batch.nullCount > 0 && !batch.isValid(at)) yield null;
      else {
        const count = raw[at] ?? 0n;
        const rest = ((count % second) + second) % second;
        const whole = new Date(Number((count - rest) / second) * 1000).toISOString().slice(0, 19);
        yield `${whole}.${String(rest).padStart(digits, "0")}Z`;
      }
    }
  }
}

/** Text that is said to be JSON, as JSON; what is not stays text. Line breaks between tokens would end a record. */
export function* jsonTexts(column: ArrowColumn<unknown>): Generator<Value | JsonText> {
  for (const value of column) {
    if (typeof value !== "string") yield null;
    else yield parsedText(value);
  }
}

function parsedText(text: string): Value | JsonText {
  try {
    const value = parseJson(text);
    return value === null ? null : new JsonText(/[\r\n]/.test(text) ? jsonText(value) : text);
  } catch {
    return text; // not JSON after all
  }
}
