import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { TopList } from "../../../src/base/top-list.ts";

const LIMIT = 3;
const values = fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 30 });

function listOf(numbers: readonly number[]): TopList<number> {
  const list = new TopList<number>(LIMIT, (left, right) => left - right);
  for (const number of numbers) list.add(number);
  return list;
}

describe("TopList", () => {
  test("list() is the beginning of the sorted values, each of them once", () => {
    fc.assert(
      fc.property(values, (numbers) => {
        const sorted = [...new Set(numbers)].toSorted((left, right) => left - right);
        expect(listOf(numbers).list()).toEqual(sorted.slice(0, LIMIT));
      }),
    );
  });

  test("list() is the same when lists are added up in parts, and twice", () => {
    fc.assert(
      fc.property(values, values, (first, second) => {
        const [left, right] = [listOf(first).list(), listOf(second).list()];
        expect(listOf([...right, ...left, ...left]).list()).toEqual(listOf([...first, ...second]).list());
      }),
    );
  });

  test("takes() is false only for what the list would not keep", () => {
    const list = listOf([1, 3, 5]);
    expect([0, 4, 5, 6].map((value) => list.takes(value))).toEqual([true, true, false, false]);
  });
});
