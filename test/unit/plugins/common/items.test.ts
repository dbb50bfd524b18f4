import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Faults } from "../../../../plugins/common/faults.ts";
import { compileItems, namedItems, show, splitItems } from "../../../../plugins/common/items.ts";

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
    expect(namedItems("p", String.raw`a:1;b\:c: x:y`, new Faults())).toEqual([
      { name: "a", rest: "1" },
      { name: "b:c", rest: "x:y" },
    ]);
  });

  test("namedItems() notes each item without name or colon and gives the others", () => {
    const faults = new Faults();
    expect(namedItems("ranges", "amount;a:1;:2", faults)).toEqual([{ name: "a", rest: "1" }]);
    const rule = "has no name and colon; each item is name:value, items end at ;";
    expect(faults.list).toEqual([
      { param: "ranges", message: `item "amount" ${rule}` },
      { param: "ranges", message: `item ":2" ${rule}` },
    ]);
  });
});

test("compileItems() notes what is thrown for an item and gives the other results", () => {
  const faults = new Faults();
  const made = compileItems("p", "a:1;b:2;c:3", faults, ({ name, rest }) => {
    if (name === "b") throw new Error("no b");
    return { [name]: rest };
  });
  expect(made).toEqual([{ a: "1" }, { c: "3" }]);
  expect(faults.list).toEqual([{ param: "p", message: "no b" }]);
  expect(() => faults.throwFirst()).toThrow("parameter p: no b");
});

test("show() cuts long values and takes bigints", () => {
  expect(show(12345678901234567890n)).toBe('"12345678901234567890"');
  expect(show("x".repeat(100))).toHaveLength(61);
  expect(show(undefined)).toBe("nothing");
});
