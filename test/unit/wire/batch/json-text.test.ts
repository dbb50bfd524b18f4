import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  appendJsonBytes,
  appendJsonString,
  appendNumber,
  ByteWriter,
  jsonText,
} from "../../../../src/wire/batch/index.ts";

function written(write: (writer: ByteWriter) => void): string {
  const writer = new ByteWriter(1);
  write(writer);
  return Buffer.from(writer.view()).toString();
}

describe("JSON text", () => {
  const numbers = fc.oneof(
    fc.double(),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.integer({ min: -1e9, max: 1e9 }).map((cents) => cents / 100),
    fc.integer({ min: -1e6, max: 1e6 }).map((value) => value / 1e4),
    fc.constantFrom(
      0,
      -0,
      0.1,
      0.01,
      -0.05,
      1e15,
      1e15 + 0.5,
      2 ** 53,
      1e21,
      5e-324,
      1.005,
      99.995,
      0.29,
      Number.NaN,
      Number.POSITIVE_INFINITY,
    ),
  );

  test("appendNumber() writes what JSON.stringify writes when the integer is safe", () => {
    fc.assert(
      fc.property(numbers, (value) => {
        const text = written((writer) => appendNumber(writer, value));
        expect(JSON.parse(text)).toBe(Number.isFinite(value) ? value + 0 : null);
        if (!Number.isInteger(value) || Number.isSafeInteger(value)) expect(text).toBe(JSON.stringify(value));
        else expect(text).toMatch(/e/);
      }),
      { numRuns: 3000 },
    );
  });

  const texts = fc.oneof(
    fc.string(),
    fc.string({ unit: "binary" }),
    fc.constantFrom("\ud800", "a\udc00b", '\0\x1f"\\/\x7f\u2028'),
  );

  test("appendJsonString() writes what JSON.stringify writes when the text is any string", () => {
    fc.assert(
      fc.property(texts, (text) => {
        expect(written((writer) => appendJsonString(writer, text))).toBe(JSON.stringify(text));
      }),
      { numRuns: 1000 },
    );
  });

  test("appendJsonBytes() writes a string that parses back when the bytes are UTF-8", () => {
    fc.assert(
      fc.property(texts, fc.nat({ max: 5 }), (text, skip) => {
        const well = text.toWellFormed();
        const bytes = Buffer.from(`${"#".repeat(skip)}${well}#`);
        expect(written((writer) => appendJsonBytes(writer, bytes, skip, bytes.length - 1))).toBe(JSON.stringify(well));
      }),
      { numRuns: 1000 },
    );
  });

  test("jsonText() writes what JSON.stringify writes when the value is plain JSON", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) =>
        expect(JSON.parse(jsonText(value as null))).toEqual(JSON.parse(JSON.stringify(value))),
      ),
    );
  });

  test("jsonText() writes bigint, bytes, dates and holes when JSON.stringify would refuse or lose them", () => {
    const value = {
      big: 2n ** 80n,
      bytes: Uint8Array.of(0, 255),
      none: undefined,
      list: [undefined, Number.NaN],
      at: new Date(0),
    };
    expect(jsonText(value as never)).toBe(
      '{"big":1208925819614629174706176,"bytes":"AP8=","list":[null,null],"at":"1970-01-01T00:00:00.000Z"}',
    );
    expect(() => jsonText((() => 0) as never)).toThrow("cannot write a function as JSON");
  });
});

describe("ByteWriter", () => {
  test("copy() copies any range when the buffer has to grow", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.uint8Array({ maxLength: 60 }), fc.nat({ max: 9 })), { maxLength: 30 }),
        (parts) => {
          const writer = new ByteWriter(1);
          const expected: number[] = [];
          for (const [bytes, from] of parts) {
            writer.copy(bytes, from, bytes.length);
            expected.push(...bytes.subarray(from));
          }
          expect([...writer.view()]).toEqual(expected);
        },
      ),
    );
  });

  test("reserve() refuses to grow when the limit is reached", () => {
    const writer = new ByteWriter(4, 100);
    writer.ascii("x".repeat(100));
    expect(() => writer.byte(1)).toThrow("writing a batch needs 101 bytes; at most 100 are allowed");
    writer.clear();
    writer.byte(65);
    expect(writer.view()).toEqual(Uint8Array.of(65));
  });
});
