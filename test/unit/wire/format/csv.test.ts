import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type CsvFormat, csvSeparator, csvToJson, cut, parseCsvHeader } from "../../../../src/wire/format/index.ts";
import { naiveCsv } from "./naive-csv.ts";

const ABC: CsvFormat = { kind: "csv", separator: ",", columns: ["a", "b", "c"], types: "auto" };

function convert(text: string, format: CsvFormat = ABC, line = 1) {
  const { text: json, malformed, rows } = csvToJson(Buffer.from(text), format, line);
  const lines = Buffer.from(json).toString().split("\n").slice(0, -1);
  expect(lines.length).toBe(rows);
  return { lines, malformed, records: lines.map((each) => JSON.parse(each)) };
}

/** Text made of what matters to CSV, so that short texts meet every rule. */
const csvText = fc
  .array(
    fc.constantFrom(",", '"', "\n", "\r\n", "\r", "a", "1", "0", "-2.5", "true", " ", "é", "\u0000", '""', "x,y,z\n"),
    {
      maxLength: 40,
    },
  )
  .map((parts) => parts.join(""));

describe("csvToJson", () => {
  test("csvToJson() keeps numbers byte for byte when types are auto", () => {
    const { lines } = convert("1.0,1e999,12345678901234567890\n");
    expect(lines).toEqual(['{"a":1.0,"b":1e999,"c":12345678901234567890}']);
  });

  test("csvToJson() leaves text as text when it is not exactly a JSON number", () => {
    expect(convert("007,+1,.5\n1.,0x1F,1e\n 1,-,NaN\n--1,1_0,١\n").records).toEqual([
      { a: "007", b: "+1", c: ".5" },
      { a: "1.", b: "0x1F", c: "1e" },
      { a: " 1", b: "-", c: "NaN" },
      { a: "--1", b: "1_0", c: "١" },
    ]);
  });

  test("csvToJson() makes everything text when types are string", () => {
    expect(convert('1,true,\n"",x,"2"\n', { ...ABC, types: "string" }).records).toEqual([
      { a: "1", b: "true", c: null },
      { a: "", b: "x", c: "2" },
    ]);
  });

  test("csvToJson() tells empty from empty text when the field is quoted", () => {
    expect(convert(',"",true\n"1","true",false').records).toEqual([
      { a: null, b: "", c: true },
      { a: "1", b: "true", c: false },
    ]);
  });

  test("csvToJson() reads quotes, separators and line feeds inside quoted fields", () => {
    expect(convert('"a ""b"" c","x,y","one\r\ntwo"\r\n1,2,3\r\n').records).toEqual([
      { a: 'a "b" c', b: "x,y", c: "one\r\ntwo" },
      { a: 1, b: 2, c: 3 },
    ]);
  });

  test("csvToJson() counts lines right when records before span several", () => {
    const { malformed } = convert('"1\n2\n3",x,y\n\nbad\n"4\n5",x,y\nworse,\n', ABC, 100);
    expect(malformed.map(({ line, row, text }) => ({ line, row, text }))).toEqual([
      { line: 104, row: 1, text: "bad" },
      { line: 107, row: 2, text: "worse," },
    ]);
  });

  test("csvToJson() says what is wrong when a record is malformed", () => {
    const { malformed, records } = convert('1,2\n1,2,3,4\n"a"b,2,3\n1,"2,3\n4,5,6\n');
    expect(malformed.map(({ line, reason }) => `${line}: ${reason}`)).toEqual([
      "1: 2 fields where the header has 3",
      "2: 4 fields where the header has 3",
      "3: field 1: text after the closing quote",
      "4: a quoted field is never closed",
    ]);
    expect(records).toEqual([{ a: 4, b: 5, c: 6 }]);
  });

  test("csvToJson() refuses only the record when bytes are not UTF-8", () => {
    const bytes = Buffer.concat([Buffer.from("1,2,3\n4,"), Buffer.from([0xff, 0xfe]), Buffer.from(",6\n7,8,9\n")]);
    const { rows, malformed } = csvToJson(bytes, ABC, 1);
    expect(rows).toBe(2);
    expect(malformed).toEqual([{ row: 1, line: 2, reason: "not valid UTF-8", text: "4,\ufffd\ufffd,6" }]);
  });

  test("csvToJson() skips the byte order mark when it begins the input only", () => {
    expect(convert("\ufeff1,2,3\n").records[0].a).toBe(1);
    expect(convert("\ufeff1,2,3\n", ABC, 2).records[0].a).toBe("\ufeff1");
  });

  test("csvToJson() writes valid JSON when names and values need escapes", () => {
    const columns = ['q"uote', "line\nfeed", "\u0001"];
    const values = ["back\\slash", "\u0000\u001f\b\f", "😀"];
    const { records } = convert(`${values.join(",")}\n`, { ...ABC, columns });
    expect(records).toEqual([Object.fromEntries(columns.map((name, i) => [name, values[i]]))]);
  });

  test("csvToJson() agrees with a naive reader on any text", () => {
    fc.assert(
      fc.property(csvText, fc.constantFrom("auto", "string"), (text, types) => {
        const { records, malformed } = convert(text, { ...ABC, types: types as "auto" | "string" });
        const naive = naiveCsv(text, ABC.columns, ",", types === "auto");
        expect(records).toEqual([...naive.records]);
        expect(malformed.map(({ line }) => line)).toEqual([...naive.badLines]);
      }),
      { numRuns: 3000 },
    );
  });

  test("csvToJson() never throws and accounts for each record when bytes are arbitrary", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const { text, rows, malformed } = csvToJson(bytes, ABC, 1);
        const lines = Buffer.from(text).toString().split("\n").slice(0, -1);
        expect(lines.length).toBe(rows);
        for (const line of lines) expect(Object.keys(JSON.parse(line))).toEqual(["a", "b", "c"]);
        for (const bad of malformed) expect(bad.row).toBeLessThanOrEqual(rows);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("cut with csvToJson", () => {
  test("cut() gives what the whole gives when the input is cut anywhere", () => {
    fc.assert(
      fc.property(csvText, fc.integer({ min: 1, max: 5 }), (text, rows) => {
        const bytes = Buffer.from(text);
        const whole = csvToJson(bytes, ABC, 1);
        const parts: string[] = [];
        const bad: unknown[] = [];
        let line = 1;
        let before = 0;
        for (let at = 0; at < bytes.length; ) {
          const size = cut(bytes.subarray(at), { rows, bytes: bytes.length }, ABC, true);
          expect(size.rows).toBeGreaterThan(0);
          expect(size.rows).toBeLessThanOrEqual(rows);
          const part = csvToJson(bytes.subarray(at, at + size.bytes), ABC, line);
          parts.push(Buffer.from(part.text).toString());
          bad.push(...part.malformed.map((each) => ({ ...each, row: each.row + before })));
          before += part.rows;
          line += size.lines;
          at += size.bytes;
        }
        expect(parts.join("")).toBe(Buffer.from(whole.text).toString());
        expect(bad).toEqual([...whole.malformed]);
      }),
      { numRuns: 3000 },
    );
  });
});

describe("parseCsvHeader", () => {
  test("parseCsvHeader() gives the names when some are quoted or numbers", () => {
    expect(parseCsvHeader(Buffer.from('id,"a ""b""",3,\r\nrest\n'), ",")).toEqual(["id", 'a "b"', "3", ""]);
    expect(parseCsvHeader(Buffer.from("a;b,c"), ";")).toEqual(["a", "b,c"]);
  });

  test("parseCsvHeader() gives undefined when there is no header to read", () => {
    expect(parseCsvHeader(Buffer.from(""), ",")).toBeUndefined();
    expect(parseCsvHeader(Buffer.from('"a,b'), ",")).toBeUndefined();
    expect(parseCsvHeader(Buffer.from('"a"b,c\n'), ",")).toBeUndefined();
  });
});

describe("csvSeparator", () => {
  test("csvSeparator() takes a name or a character, and the file's ending when nothing is asked for", () => {
    expect([
      csvSeparator("tab", ""),
      csvSeparator("|", ""),
      csvSeparator(undefined, "a.tsv.gz"),
      csvSeparator(undefined, "a.csv"),
    ]).toEqual(["\t", "|", "\t", ","]);
  });

  test("csvSeparator() refuses what would make CSV ambiguous", () => {
    for (const bad of ['"', "\n", "\r", "", "ab", "é", "constructor"])
      expect(() => csvSeparator(bad, "")).toThrow("separator");
  });
});
