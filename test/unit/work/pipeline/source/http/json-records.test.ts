/** JSON documents to lines: the records' bytes stay, and what is no JSON is refused with its place. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../../../../../../src/base/errors.ts";
import { formatOf, recordsOf } from "../../../../../../src/work/pipeline/source/http/records.ts";

function linesOf(text: string | Uint8Array, format: "json" | "ndjson" = "json"): { text: string; count: number } {
  const { lines, count } = recordsOf(Buffer.from(text as string), format);
  return { text: Buffer.from(lines).toString(), count };
}

function refusal(text: string | Uint8Array, format: "json" | "ndjson" = "json"): Failure {
  try {
    recordsOf(Buffer.from(text as string), format);
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown;
    throw thrown;
  }
  throw new Error("it was taken");
}

describe("recordsOf() of JSON", () => {
  test("keeps every byte of the records but line breaks between tokens", () => {
    const records = [
      '{"id":12345678901234567890,"price":1.10,"note":"  two  blanks [] {} , \\" \\\\"}',
      '{ "b" : 1e400, "a" : [ 1 , {"c":null} ] }',
      '{"é":"\\u0000"}',
    ];
    expect(linesOf(`[${records.join(",")}]`)).toEqual({ text: `${records.join("\n")}\n`, count: 3 });
    expect(linesOf(` [\r\n ${records.join(" ,\n\t")}\n]\n `)).toEqual({ text: `${records.join("\n")}\n`, count: 3 });
    expect(linesOf('\ufeff{"a":\n[1,\r\n2]}')).toEqual({ text: '{"a": [1,  2]}\n', count: 1 });
    expect(linesOf("[]")).toEqual({ text: "", count: 0 });
  });

  test("gives the records of any array of objects, however it is printed", () => {
    const objects = fc.array(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })), { maxLength: 6 });
    fc.assert(
      fc.property(objects, fc.constantFrom(0, 1, "\t", "\n"), (records, indent) => {
        const text = JSON.stringify(records, null, indent);
        const { lines, count } = recordsOf(Buffer.from(text), "json");
        const found = Buffer.from(lines).toString().split("\n").slice(0, -1);
        expect(count).toBe(records.length);
        expect(found.map((line) => JSON.parse(line))).toEqual(JSON.parse(text));
      }),
      { numRuns: 300 },
    );
  });

  test("takes what JSON.parse takes and nothing else, where the text is an array of objects with one byte changed", () => {
    const base = '[{"a":[1,-2.5e3,true],"b":{"c":"x\\n\\u00e9"}},{"d":null}]';
    fc.assert(
      fc.property(fc.integer({ min: 0, max: base.length - 1 }), fc.integer({ min: 0, max: 127 }), (at, code) => {
        const text = base.slice(0, at) + String.fromCharCode(code) + base.slice(at + 1);
        let isTaken = true;
        try {
          linesOf(text);
        } catch (thrown) {
          if (/twice/.test(String(thrown))) return; // JSON.parse takes the last one of them
          isTaken = false;
        }
        expect(isTaken).toBe(isArrayOfObjects(text));
      }),
      { numRuns: 2000 },
    );
  });

  test("refuses with the place and what is required", () => {
    expect(refusal('[{"a":1},5]')).toMatchObject({ code: "source.http.malformed", data: { byte: 9, record: 2 } });
    expect(refusal('[{"a":1} {"b":2}]').message).toContain("a comma or the end of the array");
    expect(refusal('[{"a":1}] x').message).toContain("the end of the document");
    expect(refusal('[{"a":1},{"b":}]').data).toMatchObject({ record: 2, reason: "expected a value at column 6" });
    for (const text of ["", " ", "7", '"a"', "[", "[{", '[{"a":"', '[{"a":1},', '[{"a":1},]', '{"a":"\n"}', "{}{}"]) {
      expect(refusal(text).code).toBe("source.http.malformed");
    }
  });
});

describe("recordsOf() of NDJSON", () => {
  test("keeps the bytes, ends the last line, and leaves a byte order mark out", () => {
    expect(linesOf('\ufeff{"a":1}\r\n\n{"b":2}', "ndjson")).toEqual({ text: '{"a":1}\r\n\n{"b":2}\n', count: 2 });
    expect(linesOf("", "ndjson")).toEqual({ text: "", count: 0 });
    expect(linesOf("\n\n", "ndjson")).toEqual({ text: "\n\n", count: 0 });
  });

  test("refuses the whole body with the first bad line", () => {
    const failure = refusal('{"a":1}\n\n{"a"\n[1]\n', "ndjson");
    expect(failure.data).toEqual({ line: 3, reason: "expected : after the field name at column 5" });
    expect(failure.message).toContain("and 1 more are wrong");
    expect(refusal(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), "ndjson").message).toContain("UTF-8");
  });
});

test("formatOf() knows the types that are taken, and no character set but UTF-8", () => {
  expect(formatOf("application/x-ndjson")).toBe("ndjson");
  expect(formatOf("Text/Plain; charset=UTF-8")).toBe("ndjson");
  expect(formatOf('application/json;charset="utf-8"')).toBe("json");
  for (const type of [undefined, "", "text/html", "application/json; charset=latin1", "constructor"]) {
    expect(formatOf(type)).toBeUndefined();
  }
});

function isArrayOfObjects(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    const records = Array.isArray(value) ? value : [value];
    const isRecord = (each: unknown) => typeof each === "object" && each !== null && !Array.isArray(each);
    return records.every(isRecord);
  } catch {
    return false;
  }
}
