/** The order of keys and values. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { compareValues, prefixEnd, sameValue } from "../../../../src/data/words/index.ts";

const wellFormed = fc.string({ unit: "binary", maxLength: 4 });
const edges = fc.constantFrom("", "\ud7ff", "\u{10ffff}", "\uffff", "a\uffff", "\u{103ff}", "\udbff\udfff\uffff");
const text = fc.oneof(wellFormed, edges);

test("prefixEnd() parts the keys that begin with a prefix from those behind them", () => {
  fc.assert(
    fc.property(text, text, (prefix, other) => {
      const end = prefixEnd(prefix);
      expect(end === undefined || end.isWellFormed()).toBe(true);
      for (const key of [other, prefix + other]) {
        const isWithin = key >= prefix && (end === undefined || key < end);
        expect(isWithin).toBe(key.startsWith(prefix));
      }
    }),
    { numRuns: 2_000 },
  );
});

test("prefixEnd() is undefined when nothing is behind the prefix", () => {
  expect([prefixEnd(""), prefixEnd("\uffff\uffff")]).toEqual([undefined, undefined]);
});

test("compareValues() puts text before bytes, text by code units, bytes by their numbers", () => {
  const sorted = [
    "",
    "B",
    "a",
    "a\u0000",
    "\u{10000}",
    "\ue000",
    new Uint8Array(),
    new Uint8Array([1, 2]),
    new Uint8Array([2]),
  ];
  for (const [i, left] of sorted.entries()) {
    for (const [j, right] of sorted.entries()) {
      expect(Math.sign(compareValues(left, right))).toBe(Math.sign(i - j));
      expect(sameValue(left, right)).toBe(i === j);
    }
  }
});
