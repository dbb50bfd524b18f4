import { expect, test } from "bun:test";
import fc from "fast-check";
import { decodePath } from "../../../../../../src/edge/waf/engine/body/urlencoded.ts";
import { form } from "./readers.ts";

test("readUrlencoded() takes names and values apart and decodes both", () => {
  expect(form("x=%41+b&%41=1=2&n").args).toEqual([
    ["x", "A b"],
    ["A", "1=2"],
    ["n", ""],
  ]);
});

test("readUrlencoded() makes an argument without a name of an empty piece, but not of an empty end", () => {
  expect(form("a=1&&=v&").args).toEqual([
    ["a", "1"],
    ["", ""],
    ["", "v"],
  ]);
});

test("readUrlencoded() keeps an invalid escape as it is and tells when there is one", () => {
  expect(form("a=%zz%4")).toMatchObject({ args: [["a", "%zz%4"]], fault: "invalid escapes" });
  expect(form("a=%00").fault).toBeUndefined();
});

test("readUrlencoded() stops when there are more arguments than allowed", () => {
  const read = form("a=1&b=2&c=3", "&", 2);
  expect(read.args).toHaveLength(2);
  expect(read.isOverflown).toBe(true);
});

test("readUrlencoded() reads what URLSearchParams writes", () => {
  const pairs = fc.array(fc.tuple(fc.string({ unit: "binary-ascii" }), fc.string({ unit: "binary-ascii" })), {
    maxLength: 8,
  });
  fc.assert(
    fc.property(pairs, (given) => {
      const text = given.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join("&");
      expect(form(text).args.map(([name, value]) => [name, value])).toEqual(given);
    }),
  );
});

test("decodePath() decodes escapes but no plus signs", () => {
  expect(decodePath("/a%20b+c%3fz%zz")).toBe("/a b+c?z%zz");
});
