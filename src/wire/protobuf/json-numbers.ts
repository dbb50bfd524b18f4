/**
 * Numbers as other implementations write them in JSON: a float in the fewest digits that say it (1.1, where its double would be 1.100000023841858), and a
 * zero with its sign. Types that hold no such number cost nothing.
 */
import { type DescField, type DescMessage, type JsonValue, type Message, ScalarType } from "@bufbuild/protobuf";

/** Changes the message. True: a zero with a sign is in it, which plain `JSON.stringify` would lose. What is packed in an `Any`, or free JSON, is left as it is. */
export function shortenFloats(desc: DescMessage, message: Message): boolean {
  const fields = numberFields(desc);
  let hasMinusZero = false;
  const values = message as unknown as Record<string, unknown>; // as its descriptor says
  for (const field of fields) {
    const place = field.oneof === undefined ? values : chosen(values, field);
    if (place === undefined) continue;
    const name = field.oneof === undefined ? field.localName : "value";
    const value = place[name];
    if (field.fieldKind === "list" || field.fieldKind === "map") {
      const items = value as Record<string, unknown>; // an array is one, too
      for (const key in items) hasMinusZero = shorten(field, items, key) || hasMinusZero;
    } else if (value !== undefined) hasMinusZero = shorten(field, place, name) || hasMinusZero;
  }
  return hasMinusZero;
}

/** As text, with the signs of its zeros. */
export function jsonText(json: JsonValue, hasMinusZero: boolean): string {
  return hasMinusZero
    ? JSON.stringify(json, (_, value) => (Object.is(value, -0) ? MINUS_ZERO : value))
    : JSON.stringify(json);
}

/** The types of the language do not know it yet. */
const MINUS_ZERO = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON("-0");

/** The one place of a oneof, where it holds this field. */
function chosen(values: Record<string, unknown>, { localName, oneof }: DescField): Record<string, unknown> | undefined {
  const place = values[oneof!.localName] as Record<string, unknown> | undefined;
  return place?.case === localName ? place : undefined;
}

function shorten(field: DescField, place: Record<string, unknown>, name: string): boolean {
  const value = place[name];
  if (typeof value !== "number") return field.message !== undefined && shortenFloats(field.message, value as Message);
  const scalar = field.message === undefined ? field.scalar : field.message.fields[0]!.scalar; // a wrapper stands there as its value
  if (scalar === ScalarType.FLOAT) place[name] = shortest(value);
  return Object.is(value, -0);
}

/** Up to here floats are whole numbers that are written in full anyway. */
const WHOLE_MAX = 2 ** 24;
/** So many digits say every float, and fewer most. */
const DIGITS_MIN = 6;
/** Below it floats have fewer digits. */
const NORMAL_MIN = 2 ** -126;
/** From here on all places behind the point are within what a double holds. */
const DECIMALS_FROM = 1e-6;
const DIGITS_MAX = 9;

function shortest(float: number): number {
  if (!Number.isFinite(float) || (Number.isInteger(float) && Math.abs(float) <= WHOLE_MAX)) return float;
  const size = Math.abs(float);
  const magnitude = size >= DECIMALS_FROM && size < WHOLE_MAX ? Math.floor(Math.log10(size)) : undefined;
  for (let digits = size < NORMAL_MIN ? 1 : DIGITS_MIN; digits < DIGITS_MAX; digits++) {
    const short = magnitude === undefined ? Number(float.toPrecision(digits)) : rounded(float, digits - 1 - magnitude);
    if (Math.fround(short) === float) return short;
  }
  return Number(float.toPrecision(DIGITS_MAX));
}

/** To so many places behind the point; exact, for both numbers are: a third of the time that a text takes. */
function rounded(value: number, places: number): number {
  const scale = 10 ** Math.max(0, places);
  return Math.round(value * scale) / scale;
}

const known = new WeakMap<DescMessage, readonly DescField[]>();

/** Those of the message's fields that are, or may hold, such numbers. */
function numberFields(desc: DescMessage): readonly DescField[] {
  let fields = known.get(desc);
  if (fields === undefined) {
    fields = FREE_JSON.has(desc.typeName) ? [] : desc.fields.filter((field) => holdsNumbers(field, new Set([desc])));
    known.set(desc, fields);
  }
  return fields;
}

const FREE_JSON: ReadonlySet<string> = new Set([
  "google.protobuf.Any",
  "google.protobuf.ListValue",
  "google.protobuf.Struct",
  "google.protobuf.Value",
]);

/** `seen`: types on the way here; a message within itself holds what its other fields hold. */
function holdsNumbers({ message, scalar }: DescField, seen: Set<DescMessage>): boolean {
  if (message === undefined) return scalar === ScalarType.FLOAT || scalar === ScalarType.DOUBLE;
  if (FREE_JSON.has(message.typeName)) return false;
  if (seen.has(message)) return true; // to be sure
  seen.add(message);
  return message.fields.some((field) => holdsNumbers(field, seen));
}
