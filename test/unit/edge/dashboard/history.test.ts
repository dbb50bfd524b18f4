import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { History } from "../../../../src/edge/dashboard/page/logic/history.ts";

const of = (values: Record<string, number>): Map<string, number> => new Map(Object.entries(values));

describe("History", () => {
  test("columns() gives times in seconds and a gap where a value was not known", () => {
    const history = new History();
    history.push(1_000, of({ a: 1 }));
    history.push(2_000, of({ b: 5 }));
    history.push(3_000, of({ a: 3, b: 6 }));
    expect(history.columns(["a", "b"], 2_000)).toEqual([
      [2, 3],
      [null, 3],
      [5, 6],
    ]);
    expect(history.latest("a")).toBe(3);
    expect(history.latest("c")).toBeUndefined();
  });

  test("push() forgets all when the clock was set back", () => {
    const history = new History();
    history.push(5_000, of({ a: 1 }));
    history.push(4_000, of({ a: 2 }));
    expect(history.columns(["a"], 0)).toEqual([[4], [2]]);
  });

  test("push() keeps no more names than allowed", () => {
    const history = new History(10, 2);
    history.push(1, of({ a: 1, b: 2, c: 3 }));
    expect(history.latest("b")).toBe(2);
    expect(history.latest("c")).toBeUndefined();
  });

  test("columns() holds what a plain list of the last samples holds when any number is pushed", () => {
    const samples = fc.array(fc.record({ gap: fc.integer({ min: 1, max: 50 }), a: fc.integer() }), { maxLength: 60 });
    fc.assert(
      fc.property(samples, fc.integer({ min: 1, max: 12 }), fc.integer({ min: 0, max: 2_000 }), (all, most, since) => {
        const history = new History(most);
        const model: { atMs: number; a: number }[] = [];
        let atMs = 0;
        for (const { a, gap } of all) {
          atMs += gap;
          history.push(atMs, of({ a }));
          model.push({ atMs, a });
        }
        const kept = model.slice(-most).filter((each) => each.atMs >= since);
        expect(history.columns(["a"], since)).toEqual([kept.map((each) => each.atMs / 1_000), kept.map(({ a }) => a)]);
        expect(history.length).toBe(Math.min(most, model.length));
      }),
    );
  });

  test("spanMs() reaches back to the first sample, within its bounds", () => {
    const history = new History();
    expect(history.spanMs(9_000, 60, 500)).toBe(60);
    history.push(1_000, of({}));
    history.push(1_100, of({}));
    expect(history.spanMs(1_200, 60, 500)).toBe(200);
    expect(history.spanMs(9_000, 60, 500)).toBe(500);
  });
});
