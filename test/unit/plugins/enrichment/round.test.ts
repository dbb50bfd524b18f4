import { expect, test } from "bun:test";
import fc from "fast-check";
import { roundTo } from "../../../../plugins/enrichment/round.ts";

test.each([
  [1.005, 2, 1.01],
  [-1.005, 2, -1.01],
  [2.5, 0, 3],
  [21.989000000000001, 2, 21.99],
  [1.0049999, 2, 1],
  [0.1 + 0.2, 10, 0.3],
  [1e300, 2, 1e300],
  [0, 3, 0],
])("roundTo(%p, %p) is %p", (value, decimals, expected) => {
  expect(roundTo(value, decimals)).toBe(expected);
});

test("roundTo() gives what exact decimal arithmetic gives for any amount in thousandths", () => {
  fc.assert(
    fc.property(fc.integer({ min: -(10 ** 9), max: 10 ** 9 }), (thousandths) => {
      const cents = Math.sign(thousandths) * Math.floor((Math.abs(thousandths) + 5) / 10);
      expect(roundTo(thousandths / 1000, 2) + 0).toBe(cents / 100 + 0);
    }),
  );
});
