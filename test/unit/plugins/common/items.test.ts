import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { namedItems, show, splitItems } from "../../../../plugins/common/items.ts";

describe("splitItems", () => {
  test("splitItems() trims items and leaves empty ones out", () => {
    expect(splitItems(" a; b ;;c;")).toEqual(["a", "b", "c"]);
  });

  test("splitItems() keeps an escaped semicolon and every other backslash when the item is a pattern", () => {
    expect(splitItems(String.raw`a\;b;\d+\\;c`)).toEqual(["a;b", String.raw`\d+\\`, "c"]);
  });

  test("splitItems() gives back any list of items whose semicolons were escaped", () => {
    const item = fc
      .string({ unit: "grapheme", minLength: 1 })
      .filter((each) => each.trim() === each && !each.includes("\\"));
    fc.assert(
      fc.property(fc.array(item), (items) => {
        expect(splitItems(items.map((each) => each.replaceAll(";", "\\;")).join(";"))).toEqual(items);
      }),
    );
  });
});

describe("namedItems", () => {
  test("namedItems() cuts at the first colon that is not escaped", () => {
    expect(namedItems("p", String.raw`a:1;b\:c: x:y`)).toEqual([
      { name: "a", rest: "1" },
      { name: "b:c", rest: "x:y" },
    ]);
  });

  test("namedItems() names parameter and item when there is no colon", () => {
    expect(() => namedItems("ranges", "amount")).toThrow('parameter ranges: item "amount" has no name and colon');
  });
});

test("show() cuts long values and takes bigints", () => {
  expect(show(12345678901234567890n)).toBe('"12345678901234567890"');
  expect(show("x".repeat(100))).toHaveLength(61);
  expect(show(undefined)).toBe("nothing");
});
