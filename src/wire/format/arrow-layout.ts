/**
 * How the columns of an Arrow schema lie in a record batch: which buffers each has and how wide its values are. Enough to take
 * rows out of a batch without knowing what they mean. Layouts that cannot be cut by rows without decoding (unions, views,
 * run-end encoding, big-endian data) are named instead.
 */
import { broken, readArrowPrefix } from "./arrow-message.ts";
import { FlatBuffer } from "./flatbuffer.ts";

export type ArrowLayout =
  | { readonly kind: "null" }
  /** Validity, then values of so many bits. */
  | { readonly kind: "fixed"; readonly bits: number }
  /** Validity, offsets of so many bytes, data. */
  | { readonly kind: "bytes"; readonly offsetBytes: 4 | 8 }
  | { readonly kind: "list"; readonly offsetBytes: 4 | 8; readonly child: ArrowLayout }
  | { readonly kind: "fixed-list"; readonly size: number; readonly child: ArrowLayout }
  | { readonly kind: "struct"; readonly children: readonly ArrowLayout[] };

/** Either the layouts of all columns, or why rows cannot be taken out. */
export type ArrowLayouts = { readonly columns: readonly ArrowLayout[] } | { readonly why: string };

/** Schemas nest a few levels; far more is an attack on the recursion. */
const DEPTH_MAX = 64;

const MESSAGE_HEADER = 2;
const SCHEMA = { endianness: 0, fields: 1 } as const;
const FIELD = { type: 2, details: 3, dictionary: 4, children: 5 } as const;
const DICTIONARY_INDEX = 1;

/** Members of the union Type, by their number in Schema.fbs. */
const LARGE_OFFSETS = new Set([19, 20, 21]);

/** `message` is a schema message with its prefix. Throws `format.arrow`. */
export function readArrowLayouts(message: Uint8Array): ArrowLayouts {
  const { prefixBytes } = readArrowPrefix(message);
  const buffer = new FlatBuffer(message.subarray(prefixBytes));
  try {
    const schema = buffer.table(buffer.root(), MESSAGE_HEADER);
    if (buffer.int16(schema, SCHEMA.endianness) !== 0) return { why: "its bytes are big-endian" };
    return { columns: buffer.tables(schema, SCHEMA.fields).map((field) => layoutOf(buffer, field, 0)) };
  } catch (thrown) {
    if (thrown instanceof Uncuttable) return { why: thrown.message };
    if (thrown instanceof RangeError) throw broken("a schema that is incomplete or points outside of itself");
    throw thrown;
  }
}

class Uncuttable extends Error {}

function layoutOf(buffer: FlatBuffer, field: number, depth: number): ArrowLayout {
  if (depth > DEPTH_MAX) throw new RangeError("a schema nested too deep");
  if (buffer.has(field, FIELD.dictionary)) return dictionaryIndex(buffer, buffer.table(field, FIELD.dictionary));
  const type = buffer.uint8(field, FIELD.type);
  const children = (): ArrowLayout[] =>
    buffer.tables(field, FIELD.children).map((child) => layoutOf(buffer, child, depth + 1));
  const onlyChild = (): ArrowLayout => {
    const [child, ...others] = children();
    if (child === undefined || others.length > 0) throw new RangeError("a list without its one child");
    return child;
  };
  const offsetBytes = LARGE_OFFSETS.has(type) ? 8 : 4;
  if (type === 1) return { kind: "null" };
  if (type === 4 || type === 5 || type === 19 || type === 20) return { kind: "bytes", offsetBytes };
  if (type === 12 || type === 17 || type === 21) return { kind: "list", offsetBytes, child: onlyChild() };
  if (type === 13) return { kind: "struct", children: children() };
  const details = buffer.table(field, FIELD.details);
  if (type === 16) return { kind: "fixed-list", size: positive(buffer.int32(details, 0)), child: onlyChild() };
  return { kind: "fixed", bits: positive(fixedBits(buffer, type, details)) };
}

function fixedBits(buffer: FlatBuffer, type: number, details: number): number {
  switch (type) {
    case 2: // Int: bitWidth
      return buffer.int32(details, 0);
    case 3: // FloatingPoint: half, single, double
      return 16 << buffer.int16(details, 0);
    case 6: // Bool
      return 1;
    case 7: // Decimal: precision, scale, bitWidth
      return buffer.int32(details, 2, 128);
    case 8: // Date: days or milliseconds
      return buffer.int16(details, 0, 1) === 0 ? 32 : 64;
    case 9: // Time: unit, bitWidth
      return buffer.int32(details, 1, 32);
    case 10: // Timestamp
    case 18: // Duration
      return 64;
    case 11: // Interval: year-month, day-time, month-day-nanosecond
      return 32 << buffer.int16(details, 0);
    case 15: // FixedSizeBinary
      return buffer.int32(details, 0) * 8;
    default:
      throw new Uncuttable(`it has a column of Arrow type ${type} (a union, a view or run-end encoded)`);
  }
}

function dictionaryIndex(buffer: FlatBuffer, dictionary: number): ArrowLayout {
  if (!buffer.has(dictionary, DICTIONARY_INDEX)) return { kind: "fixed", bits: 32 };
  return { kind: "fixed", bits: positive(buffer.int32(buffer.table(dictionary, DICTIONARY_INDEX), 0)) };
}

/** Bounded so that rows times width stays a safe number. */
function positive(count: number): number {
  if (count > 0 && count <= 2 ** 31 - 1) return count;
  throw new RangeError("a width that is not positive");
}
