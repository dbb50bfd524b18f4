import { expect, test } from "bun:test";
import fc from "fast-check";
import { Counters } from "../../../../src/data/counter/index.ts";
import type { CounterOperation } from "../../../../src/data/words/index.ts";
import { restored, stateOf } from "../../../support/data-copies.ts";

const AT = { nowMs: 0, index: 1 };

function add(counter: string, by: number): Extract<CounterOperation, { type: "counter.add" }> {
  return { type: "counter.add", counter, by };
}

test("add() refuses and changes nothing when the sum is past what a number holds exactly", () => {
  const counters = new Counters();
  expect(counters.add(add("a", Number.MAX_SAFE_INTEGER), AT)).toEqual({
    ok: true,
    reply: { value: Number.MAX_SAFE_INTEGER },
  });
  expect(counters.add(add("a", 1), AT)).toMatchObject({ ok: false, code: "data.counter.overflow", retryable: false });
  expect(counters.set({ type: "counter.set", counter: "a", to: 0.5 }, AT)).toMatchObject({ ok: false });
  expect(counters.get("a")).toBe(Number.MAX_SAFE_INTEGER);
});

test("check() refuses all operations when one behind the others overflows", () => {
  const counters = new Counters();
  const operations = [add("a", Number.MAX_SAFE_INTEGER), add("a", 1)];
  expect(counters.check(operations, AT)).toMatchObject({ code: "data.counter.overflow" });
  expect(counters.check([...operations.slice(0, 1), add("a", -1)], AT)).toBeUndefined();
  expect(counters.get("a")).toBe(0);
});

test("add() refuses a new counter when there are as many as may be, and takes it when one is 0 again", () => {
  const counters = new Counters({ countersMax: 2 });
  counters.add(add("a", 1), AT);
  counters.add(add("b", 1), AT);
  expect(counters.add(add("c", 1), AT)).toMatchObject({ ok: false, code: "data.full", retryable: true });
  expect(counters.add(add("b", 5), AT).ok).toBe(true);
  expect(counters.check([add("c", 1), add("a", -1)], AT)).toBeUndefined();
  counters.set({ type: "counter.set", counter: "a", to: -0 }, AT);
  expect(counters.add(add("c", 1), AT).ok).toBe(true);
  expect(counters.list(10)).toEqual([
    { counter: "b", value: 6 },
    { counter: "c", value: 1 },
  ]);
});

test("Counters are as a table of numbers when they are changed, captured and restored at random", () => {
  const operation = fc.record({
    type: fc.constantFrom("add" as const, "set" as const),
    counter: fc.constantFrom("a", "b", "c"),
    value: fc.integer({ min: -3, max: 3 }),
    isCopied: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
      let counters = new Counters();
      const model: Record<string, number> = {};
      for (const { type, counter, value, isCopied } of operations) {
        if (type === "add") counters.add(add(counter, value), AT);
        else counters.set({ type: "counter.set", counter, to: value }, AT);
        model[counter] = type === "add" ? (model[counter] ?? 0) + value : value;
        expect(counters.get(counter)).toBe(model[counter]!);
        if (isCopied) {
          const copy = restored(counters, new Counters());
          expect(stateOf(copy)).toBe(stateOf(counters));
          expect(copy.sizeBytes).toBe(counters.sizeBytes);
          counters = copy;
        }
      }
      const expected = Object.entries(model).filter(([, value]) => value !== 0);
      expect(counters.list(10).map(({ counter, value }) => [counter, value])).toEqual(expected.sort());
      expect(counters.sizeBytes > 0).toBe(expected.length > 0);
    }),
  );
});

test("restore() fails with data.snapshot and keeps what there is when a piece is none of a capture", () => {
  const counters = new Counters();
  counters.add(add("a", 1), AT);
  for (const piece of [
    1,
    ["a"],
    [["a", "b"]],
    [["a", 0]],
    [[1, 1]],
    [
      ["a", 1],
      ["a", 2],
    ],
    [["a", 1.5]],
  ]) {
    expect(() => counters.restore([piece])).toThrow(expect.objectContaining({ code: "data.snapshot" }));
  }
  expect(counters.get("a")).toBe(1);
});
