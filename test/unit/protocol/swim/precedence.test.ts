import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { compareNews, type Member } from "../../../../src/protocol/swim/index.ts";
import { newsOfOne } from "./arbitraries.ts";

const merge = (a: Member, b: Member): Member => (compareNews(a, b) >= 0 ? a : b);

const base: Member = {
  id: "a",
  address: { host: "10.0.0.1", port: 1 },
  bornMs: 5,
  meta: { name: "", roles: [], capacities: {}, labels: {} },
  incarnation: 3,
  state: "suspect",
};

describe("compareNews()", () => {
  const cases: readonly [string, Partial<Member>, -1 | 0 | 1][] = [
    ["the same news", {}, 0],
    ["a newer life, whatever its incarnation", { bornMs: 6, incarnation: 0, state: "alive" }, 1],
    ["an older life, even when it has left", { bornMs: 4, incarnation: 9, state: "left" }, -1],
    ["a higher incarnation, even alive", { incarnation: 4, state: "alive" }, 1],
    ["a lower incarnation, even dead", { incarnation: 2, state: "dead" }, -1],
    ["alive at the same incarnation", { state: "alive" }, -1],
    ["dead at the same incarnation", { state: "dead" }, 1],
    ["left at the same incarnation", { state: "left" }, 1],
  ];
  for (const [name, changed, expected] of cases) {
    test(`compareNews() gives ${expected} when the news is ${name}`, () => {
      expect(Math.sign(compareNews({ ...base, ...changed }, base))).toBe(expected);
    });
  }

  test("compareNews() puts left above dead when the rest is the same", () => {
    expect(compareNews({ ...base, state: "left" }, { ...base, state: "dead" })).toBeGreaterThan(0);
  });

  test("compareNews() holds two records for the same when only the order of keys differs", () => {
    const a = { ...base, meta: { ...base.meta, labels: { x: "1", y: "2" } } };
    const b = { ...base, meta: { ...base.meta, labels: { y: "2", x: "1" } } };
    expect(compareNews(a, b)).toBe(0);
  });

  test("compareNews() is a total order over any news of one id", () => {
    fc.assert(
      fc.property(newsOfOne, newsOfOne, newsOfOne, (a, b, c) => {
        expect(Math.sign(compareNews(a, b))).toBe(-Math.sign(compareNews(b, a)) || 0);
        if (compareNews(a, b) <= 0 && compareNews(b, c) <= 0) expect(compareNews(a, c)).toBeLessThanOrEqual(0);
      }),
    );
  });

  test("compareNews() makes a merge that is commutative, associative and idempotent", () => {
    const isSame = (a: Member, b: Member): void => expect(compareNews(a, b)).toBe(0);
    fc.assert(
      fc.property(newsOfOne, newsOfOne, newsOfOne, (a, b, c) => {
        isSame(merge(a, b), merge(b, a));
        isSame(merge(a, merge(b, c)), merge(merge(a, b), c));
        isSame(merge(a, a), a);
      }),
    );
  });
});
