import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseNdjson } from "../../../../src/wire/batch/index.ts";
import { META, ndjson, parse, recordText } from "./support.ts";

/** What is wrong with each line, or "" when the batch took it. */
function reasons(...lines: string[]): string[] {
  return lines.map((line) => {
    const { batch, malformed } = parse(line);
    expect(batch.length + malformed.length).toBe(1);
    return malformed[0]?.reason ?? "";
  });
}

describe("parseNdjson()", () => {
  test("parseNdjson() keeps untouched records byte for byte when they hold any JSON", () => {
    fc.assert(
      fc.property(fc.array(recordText, { maxLength: 8 }), (records) => {
        const { batch, malformed } = parse(records.join("\n"));
        expect(malformed).toEqual([]);
        expect(batch.length).toBe(records.length);
        expect(ndjson(batch)).toBe(records.map((record) => `${record}\n`).join(""));
      }),
      { numRuns: 400 },
    );
  });

  test("record() agrees with JSON.parse when integers fit a double", () => {
    fc.assert(
      fc.property(fc.array(recordText, { maxLength: 8 }), (records) => {
        const { batch } = parse(records.join("\n"));
        records.forEach((text, row) => {
          expect(withoutBig(batch.record(row))).toEqual(JSON.parse(text));
        });
      }),
      { numRuns: 400 },
    );
  });

  test("column() reads what JSON.parse reads when records have different fields", () => {
    fc.assert(
      fc.property(fc.array(recordText, { maxLength: 8 }), (records) => {
        const { batch } = parse(records.join("\n"));
        const plain = records.map((text) => JSON.parse(text) as Record<string, unknown>);
        const names = [...new Set(plain.flatMap(Object.keys))];
        expect([...batch.columnNames].sort()).toEqual(names.sort());
        for (const name of names) {
          const column = batch.column(name)!;
          plain.forEach((record, row) => {
            const expected = Object.hasOwn(record, name) ? record[name] : undefined;
            expect(withoutBig(column.get(row))).toEqual(expected);
            expect(column.number(row)).toBe(typeof expected === "number" ? expected : Number.NaN);
            expect(column.numbers()[row]).toBe(column.number(row));
            expect(column.string(row)).toBe(typeof expected === "string" ? expected : undefined);
          });
        }
      }),
      { numRuns: 300 },
    );
  });

  test("parseNdjson() accepts exactly the lines that JSON.parse accepts when one byte of a record is changed", () => {
    const position = fc.nat({ max: 400 });
    const byte = fc.oneof(fc.nat({ max: 127 }), fc.constantFrom(...Buffer.from('{}[]",:\\.-+eE019tfn \t\r\0')));
    fc.assert(
      fc.property(recordText, position, byte, fc.constantFrom(0, 1, 2), (text, at, code, how) => {
        const bytes = [...Buffer.from(text)];
        bytes.splice(at % bytes.length, how === 0 ? 1 : how === 1 ? 0 : 2, code);
        if (bytes.includes(10)) return;
        const line = Buffer.from(bytes);
        const { batch, malformed } = parse(line);
        const reason = malformed[0]?.reason ?? "";
        if (reason.includes("appears twice")) return;
        expect({ line: line.toString(), taken: batch.length === 1 }).toEqual({
          line: line.toString(),
          taken: isRecord(line),
        });
      }),
      { numRuns: 3000 },
    );
  });

  test("parseNdjson() never throws and accounts for every line when the bytes are arbitrary", () => {
    const soup = fc.array(fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(...Buffer.from('{}[]",:\\a1\n\n'))), {
      maxLength: 80,
    });
    fc.assert(
      fc.property(soup, (codes) => {
        const bytes = Buffer.from(codes);
        const { batch, malformed } = parse(bytes);
        const lines = bytes
          .toString("latin1")
          .split("\n")
          .filter((line) => !/^[ \t\r]*$/.test(line.replace(/^\xef\xbb\xbf/, "")));
        expect(batch.length + malformed.length).toBe(lines.length);
      }),
      { numRuns: 2000 },
    );
  });

  test("parseNdjson() says what is wrong with a line and where when it is malformed", () => {
    expect(reasons("{bad", '{"a":1,}', '{"a" 1}', "[1]", "1", '{"a":1} x', '{"a":01}', '{"a":1.}', '{"a":-}')).toEqual([
      'expected " and a field name at column 2',
      'expected " and a field name at column 8',
      "expected : after the field name at column 6",
      "expected a JSON object at column 1",
      "expected a JSON object at column 1",
      "expected the end of the line after the object at column 9",
      "a number with a leading zero at column 6",
      "expected a digit after the decimal point at column 8",
      "expected a digit at column 7",
    ]);
    expect(
      reasons('{"a":"\t"}', '{"a":"\\x"}', '{"a":"\\u12g4"}', '{"a":"open', '{"a":tru}', '{"a":1e}', '{"a":[1,]}'),
    ).toEqual([
      "a control character inside a string at column 7",
      "an unknown escape in a string at column 7",
      "\\u needs four hexadecimal digits at column 7",
      "the line ends inside a string at column 11",
      "expected a value at column 6",
      "expected a digit in the exponent at column 8",
      "expected a value at column 9",
    ]);
  });

  test("parseNdjson() refuses a record when a field appears twice, also when spelled with escapes", () => {
    expect(reasons('{"a":1,"b":2,"a":3}', '{"a":1,"\\u0061":2}', '{"":1,"":2}')).toEqual([
      'field "a" appears twice at column 14',
      'field "a" appears twice at column 8',
      'field "" appears twice at column 7',
    ]);
  });

  test("parseNdjson() takes both records when a field is last in one and below another in the next", () => {
    const text = '{"p":1,"x":2}\n{"q":1,"r":2,"x":3}\n{"p":1,"x":2,"r":3}\n{"p":1,"x":2,"r":3,"p":4}\n';
    const { batch, malformed } = parse(text);
    expect(batch.length).toBe(3);
    expect(malformed.map(({ line }) => line)).toEqual([4]);
  });

  test("parseNdjson() finds a twice-named field in linear time when a record has very many", () => {
    const names = Array.from({ length: 60_000 }, (_, at) => `"f${at}":${at}`);
    const { batch, malformed } = parse(
      `{${names.join(",")}}\n{${names.join(",")},"f7":1}\n{${names.reverse().join(",")}}`,
    );
    expect(batch.length).toBe(2);
    expect(malformed[0]?.reason).toStartWith('field "f7" appears twice');
    expect(batch.column("f59999")!.number(1)).toBe(59_999);
  });

  test("parseNdjson() bounds nesting at 128 levels", () => {
    const nested = (levels: number) => `{"a":${"[".repeat(levels - 1)}${"]".repeat(levels - 1)}}`;
    expect(reasons(nested(128))).toEqual([""]);
    expect(reasons(nested(129))[0]).toStartWith("nested deeper than 128 levels");
    expect(reasons(`{"a":${'{"b":'.repeat(127)}1${"}".repeat(127)}}`)).toEqual([""]);
    expect(reasons(`{"a":${"[".repeat(100_000)}`)[0]).toStartWith("nested deeper than 128 levels");
  });

  test("parseNdjson() ignores blank lines, carriage returns and a byte order mark when they surround records", () => {
    const { batch, malformed } = parse('\ufeff{"a":1}\r\n\r\n \t \n\n{"a":2} \r\n  {"a":3}');
    expect(malformed).toEqual([]);
    expect(ndjson(batch)).toBe('{"a":1}\n{"a":2}\n{"a":3}\n');
  });

  test("parseNdjson() tolerates a byte order mark only when the bytes begin the input", () => {
    const { malformed } = parseNdjson(Buffer.from('\ufeff{"a":1}'), { ...META, line: 7 });
    expect(malformed.map(({ line }) => line)).toEqual([7]);
  });

  test("parseNdjson() numbers malformed lines from the given line and says how many rows stood before", () => {
    const { batch, malformed } = parseNdjson(Buffer.from('{"a":1}\n\nx\n{"a":2}\ny'), { ...META, line: 100 });
    expect(batch.length).toBe(2);
    expect(malformed.map(({ line, row, text }) => ({ line, row, text }))).toEqual([
      { line: 102, row: 1, text: "x" },
      { line: 104, row: 2, text: "y" },
    ]);
  });

  test("parseNdjson() refuses only the lines that are not UTF-8 when bytes are invalid", () => {
    const bad = Buffer.concat([Buffer.from('{"a":"é"}\n{"a":"'), Buffer.from([0xff]), Buffer.from('"}\r\n{"a":2}\n')]);
    const { batch, malformed } = parse(bad);
    expect(ndjson(batch)).toBe('{"a":"é"}\n{"a":2}\n');
    expect(malformed).toEqual([
      { row: 1, line: 2, reason: "the line is not valid UTF-8 at column 1", text: '{"a":"\ufffd"}' },
    ]);
  });

  test("parseNdjson() cuts the text of a malformed line when it is very long", () => {
    const { malformed } = parse(`{"a":"${"x".repeat(200_000)}`);
    expect(malformed[0]!.text.length).toBe(64 * 1024);
  });

  test("parseNdjson() keeps its index small when records are wide and sparse", () => {
    const lines = Array.from({ length: 4000 }, (_, row) => `{"field-${row}":${row}}`).join("\n");
    const { batch } = parse(lines);
    expect(batch.documents.tape.length).toBe(4000 * 4);
    expect(batch.documents.shapes.lists.length).toBe(4000);
    expect(batch.column("field-3999")!.number(3999)).toBe(3999);
  });

  test("parseNdjson() leaves nothing in the index when a line turns out malformed", () => {
    const { batch } = parse('{"a":1} x\n{"a":1,"b":}\n{"a":2}\n');
    expect(batch.documents.tape.length).toBe(4);
  });

  test("parseNdjson() recognises records when the spaces between keys and values vary", () => {
    const text = '{"a":1,"b":2}\n{"a": 1,"b":  2}\n{"a":1 , "b":2 }\n{ "a":1,"b":2}\n{"a":\t1,"b":2}\n';
    const { batch, malformed } = parse(text);
    expect(malformed).toEqual([]);
    expect(batch.documents.shapes.lists.length).toBe(1);
    expect([...batch.column("b")!.numbers()]).toEqual([2, 2, 2, 2, 2]);
    expect(ndjson(batch)).toBe(text);
  });
});

function isRecord(line: Uint8Array): boolean {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(line));
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

/** The value with each bigint as the double that JSON.parse gives. */
function withoutBig(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) return value.map(withoutBig);
  if (typeof value !== "object" || value === null) return value;
  const copy = {};
  for (const [key, member] of Object.entries(value)) {
    Object.defineProperty(copy, key, {
      value: withoutBig(member),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return copy;
}
