/** What the batch tests share: writing out a batch, and JSON text spelled in every odd but legal way. */
import fc from "fast-check";
import {
  ByteWriter,
  type Parsed,
  parseNdjson,
  type RecordBatch,
  writeNdjson,
} from "../../../../src/wire/batch/index.ts";

export const META = { id: "test@0", timeMs: 1_700_000_000_000, line: 1 };

export function parse(text: string | Uint8Array): Parsed {
  return parseNdjson(typeof text === "string" ? Buffer.from(text) : text, META);
}

export function ndjson(batch: RecordBatch): string {
  const writer = new ByteWriter();
  writeNdjson(batch, writer);
  return Buffer.from(writer.view()).toString();
}

/** Field names, the treacherous ones among them. */
export const fieldName = fc.oneof(
  fc.constantFrom("a", "b", "c", "amount", "__proto__", "constructor", "toString", "", "é", 'q"\\', "\u2028"),
  fc.string({ unit: "binary", maxLength: 6 }).filter((name) => name.isWellFormed()),
);

/** A number as JSON text, not always as JavaScript would print it. */
export const numberText = fc.oneof(
  fc.integer().map(String),
  fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }).map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  fc.constantFrom(
    "-0",
    "1.0",
    "0.10",
    "1e5",
    "1E+2",
    "2.5e-3",
    "123456789012345678",
    "9007199254740993",
    "1e400",
    "0.1e1",
  ),
);

/** A string as JSON text, some characters escaped that need not be. */
export const stringText = fc
  .tuple(fc.string({ unit: "binary", maxLength: 12 }), fc.boolean())
  .map(([text, escaped]) => {
    const plain = JSON.stringify(text);
    return escaped && !plain.includes("\\")
      ? plain.replace(/[a-m]/g, (char) => `\\u00${char.charCodeAt(0).toString(16)}`)
      : plain;
  });

const space = fc.constantFrom("", "", "", " ", "\t", "  ", "\r");

const { value } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    numberText,
    stringText,
    fc.constantFrom("null", "true", "false"),
    fc
      .tuple(fc.array(tie("value"), { maxLength: 3 }), space)
      .map(([items, gap]) => `[${gap}${items.join(`,${gap}`)}${gap}]`),
    fc
      .tuple(fc.array(fc.tuple(stringText, tie("value")), { maxLength: 3 }), space)
      .map(([members, gap]) => `{${gap}${members.map(([key, item]) => `${key}${gap}:${gap}${item}`).join(`${gap},`)}}`),
  ),
}));
export const valueText = value;

/** One record as JSON text with unique field names. */
export const recordText = fc
  .tuple(
    fc.uniqueArray(fieldName, { maxLength: 6 }),
    fc.array(value, { minLength: 6, maxLength: 6 }),
    fc.array(space, { minLength: 4, maxLength: 4 }),
  )
  .map(([names, values, [before, after, comma, end]]) => {
    const members = names.map((name, at) => `${before}${JSON.stringify(name)}${after}:${comma}${values[at]}${end}`);
    return `{${members.join(`,${comma}`)}${before}}`;
  });
