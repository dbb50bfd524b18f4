import { expect, test } from "bun:test";
import fc from "fast-check";
import { json } from "./readers.ts";

test("readJson() names leaves as libmodsecurity does", () => {
  expect(json('{"a":1.50,"b":{"c":[1,{"d":"x\\n"},[true,null]],"":"e"},"n":-1e5,"em":{},"ea":[]}').args).toEqual([
    ["json.a", "1.50"],
    ["json.b.c.array_0", "1"],
    ["json.b.c.array_1.d", "x\n"],
    ["json.b.c.array_2.array_0", "true"],
    ["json.b.c.array_2.array_1", ""],
    ["json.b.empty-key", "e"],
    ["json.n", "-1e5"],
  ]);
  expect(json('"str"').args).toEqual([["json", "str"]]);
});

test("readJson() keeps each of two equal keys", () => {
  expect(json('{"a":1,"a":2}').args).toEqual([
    ["json.a", "1"],
    ["json.a", "2"],
  ]);
});

test("readJson() decodes escapes into UTF-8 bytes", () => {
  expect(json('["\\u00e9\\ud83d\\ude00\\ud800\\/"]').args[0]![1]).toBe(Buffer.from("é😀?/").toString("latin1"));
});

test.each([
  '{"a":1',
  '{"a":1} x',
  "{'a':1}",
  '{"a" 1}',
  "[1,]",
  "[01]",
  "[1.]",
  "[.5]",
  "[1e]",
  "[+1]",
  "[NaN]",
  "[tru]",
  '["\\x41"]',
  '["\\u12"]',
  '["a\nb"]',
  '{"a":1,}',
  "[1 2]",
  '"a',
  "/* c */ 1",
])("readJson() refuses %p", (text) => {
  expect(json(text).fault).toStartWith("JSON with");
});

test("readJson() refuses more levels than allowed, and takes as many", () => {
  expect(json("[[[1]]]", 3).fault).toBeUndefined();
  expect(json("[[[1]]]", 2).fault).toContain("more than 2 levels");
  expect(json("[".repeat(100_000)).fault).toContain("levels");
});

test("readJson() stops at more values than allowed, and when names repeat a long path too often", () => {
  expect(json("[1,2,3]", 64, 2)).toMatchObject({
    isOverflown: true,
    args: [
      ["json.array_0", "1"],
      ["json.array_1", "2"],
    ],
  });
  expect(json(`{"${"k".repeat(60_000)}":[${"1,".repeat(4_000)}1]}`).isOverflown).toBe(true);
});

test("readJson() takes nothing for an empty body", () => {
  expect(json(" \n")).toMatchObject({ fault: undefined, args: [] });
});

test("readJson() finds the leaves that JSON.parse finds", () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      const read = json(text);
      expect(read.fault).toBeUndefined();
      expect(read.args.map(([, value]) => value).sort()).toEqual(leaves(JSON.parse(text)).sort());
    }),
  );
});

test("readJson() refuses exactly what JSON.parse refuses", () => {
  const alphabet = fc.constantFrom(...'[]{},:"\\u01-+.eE tfn/'.split(""), "true", "null", '"a"');
  fc.assert(
    fc.property(fc.array(alphabet, { minLength: 1, maxLength: 8 }), (pieces) => {
      const text = pieces.join("");
      if (text.trim() === "") return;
      expect(json(text).fault === undefined).toBe(isJson(text));
    }),
    { numRuns: 2_000 },
  );
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Numbers as they were written cannot be had back: JSON.parse's spelling of them is what fast-check wrote. */
function leaves(value: unknown): string[] {
  if (value === null) return [""];
  if (typeof value === "object") return Object.values(value).flatMap(leaves);
  return [Buffer.from(typeof value === "number" ? JSON.stringify(value) : String(value)).toString("latin1")];
}
