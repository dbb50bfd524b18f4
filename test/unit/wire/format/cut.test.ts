import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { cut, type RawFormat, toRawFormat } from "../../../../src/wire/format/index.ts";

const NDJSON: RawFormat = { kind: "ndjson" };
const CSV: RawFormat = { kind: "csv", separator: ",", columns: ["a"], types: "auto" };
const ALL = { rows: 1000, bytes: 1000 };

function sizeOf(text: string, limits: { rows: number; bytes: number }, format: RawFormat, atEnd: boolean): number[] {
  const { bytes, rows, lines } = cut(Buffer.from(text), limits, format, atEnd);
  return [bytes, rows, lines];
}

describe("cut", () => {
  test("cut() stops at the last line feed when more bytes may follow", () => {
    expect(sizeOf("a\nbb\nccc", ALL, NDJSON, false)).toEqual([5, 2, 2]);
    expect(sizeOf("a\nbb\nccc", ALL, NDJSON, true)).toEqual([8, 3, 3]);
  });

  test("cut() stops at the limit of rows, and at that of bytes", () => {
    expect(sizeOf("a\nbb\nccc\n", { rows: 2, bytes: 1000 }, NDJSON, true)).toEqual([5, 2, 2]);
    expect(sizeOf("a\nbb\nccc\n", { rows: 9, bytes: 4 }, NDJSON, true)).toEqual([2, 1, 1]);
    expect(sizeOf("a\nbb\nccc\n", { rows: 9, bytes: 5 }, NDJSON, true)).toEqual([5, 2, 2]);
  });

  test("cut() gives nothing when the first record is longer than the bytes", () => {
    expect(sizeOf("abcdef\n", { rows: 9, bytes: 6 }, NDJSON, true)).toEqual([0, 0, 0]);
    expect(sizeOf('"abc\ndef', ALL, CSV, false)).toEqual([0, 0, 0]);
    expect(sizeOf("", ALL, CSV, true)).toEqual([0, 0, 0]);
  });

  test("cut() keeps a quoted line feed inside its record when the format is CSV", () => {
    expect(sizeOf('"a\nb"\nc\n', ALL, CSV, false)).toEqual([8, 2, 3]);
    expect(sizeOf('"a\nb"\nc\n', ALL, NDJSON, false)).toEqual([8, 3, 3]);
    expect(sizeOf('x,"a""\n","b\n"\nc', ALL, CSV, false)).toEqual([14, 1, 3]);
  });

  test("cut() takes a quote inside an unquoted field for an ordinary character", () => {
    expect(sizeOf('a"b\nc"\n', ALL, CSV, false)).toEqual([7, 2, 2]);
  });

  test("cut() gives an unclosed record's first line alone when the input ends", () => {
    expect(sizeOf('a\n"b\nc\nd', ALL, CSV, true)).toEqual([2, 1, 1]);
    expect(sizeOf('"b\nc\nd', ALL, CSV, true)).toEqual([3, 1, 1]);
    expect(sizeOf('"b', ALL, CSV, true)).toEqual([2, 1, 1]);
  });

  test("cut() never exceeds its limits and always ends at a border", () => {
    const text = fc
      .array(fc.constantFrom("x", "\n", '"', ",", "\r\n"), { maxLength: 60 })
      .map((parts) => parts.join(""));
    const limits = fc.record({ rows: fc.integer({ min: 1, max: 9 }), bytes: fc.integer({ min: 1, max: 70 }) });
    fc.assert(
      fc.property(text, limits, fc.constantFrom(NDJSON, CSV), fc.boolean(), (input, limit, format, atEnd) => {
        const bytes = Buffer.from(input);
        const size = cut(bytes, limit, format, atEnd);
        expect(size.bytes).toBeLessThanOrEqual(limit.bytes);
        expect(size.rows).toBeLessThanOrEqual(limit.rows);
        expect(size.bytes === 0).toBe(size.rows === 0);
        const isBorder = size.bytes === 0 || bytes[size.bytes - 1] === 10 || (atEnd && size.bytes === bytes.length);
        expect(isBorder).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("toRawFormat", () => {
  test("toRawFormat() gives back every format after a trip through JSON", () => {
    const formats: RawFormat[] = [NDJSON, CSV, { kind: "lines", field: "line" }, { kind: "apache" }, { kind: "arrow" }];
    for (const format of formats) expect(toRawFormat(JSON.parse(JSON.stringify(format)))).toEqual(format);
  });

  test("toRawFormat() refuses what it does not know", () => {
    const bad = [
      null,
      1,
      {},
      { kind: "xml" },
      { kind: "lines" },
      { ...CSV, separator: '"' },
      { ...CSV, columns: [] },
      { ...CSV, columns: [1] },
    ];
    for (const json of bad) expect(() => toRawFormat(json)).toThrow("known are");
  });
});
