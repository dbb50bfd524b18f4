import { expect, test } from "bun:test";
import fc from "fast-check";
import { parseCsv } from "../../../../plugins/enrichment/csv.ts";

test("parseCsv() reads types of unquoted fields and keeps quoted ones text", () => {
  expect(
    parseCsv('\uFEFFsku,price,live,code,note\r\nA1,12.50,true,007,\nB2,"12",false,-3e2,"two\nlines, ""quoted"""\n'),
  ).toEqual([
    { sku: "A1", price: 12.5, live: true, code: "007", note: null },
    { sku: "B2", price: "12", live: false, code: -300, note: 'two\nlines, "quoted"' },
  ]);
});

test("parseCsv() keeps integers beyond 2^53 exact and skips blank lines", () => {
  expect(parseCsv("id\n\n12345678901234567890\n\n")).toEqual([{ id: 12345678901234567890n }]);
});

test.each([
  ["a,b\n1\n", "line 2 has 1 fields; the header has 2"],
  ['a,b\n"x\ny",1\n1,2,3\n', "line 4 has 3 fields; the header has 2"],
  ['a\n"open\n', "line 2: a quote stands inside a field or is never closed"],
  ['a\nb"c\n', "line 2: a quote"],
  ["", "the file is empty"],
])("parseCsv(%p) is refused", (text, message) => {
  expect(() => parseCsv(text)).toThrow(message);
});

test("parseCsv() gives back any table of texts when every field is quoted", () => {
  const field = fc.string({ unit: fc.constantFrom("a", '"', ",", "\n", "\r", "ü", " ", "1") });
  const rows = fc.array(fc.tuple(field, field), { minLength: 1 });
  fc.assert(
    fc.property(rows, (table) => {
      const quoted = table.map((row) => row.map((each) => `"${each.replaceAll('"', '""')}"`).join(",")).join("\r\n");
      expect(parseCsv(`x,y\r\n${quoted}`)).toEqual(table.map(([x, y]) => ({ x, y })));
    }),
  );
});
