/** Which limits are counted together. */
import { expect, test } from "bun:test";
import { countedNames } from "../../../../../src/edge/gateway/limit/counted-names.ts";
import type { LimitPlan } from "../../../../../src/edge/gateway/words/index.ts";
import { limitPlan } from "../../../../support/limit-plans.ts";

const NAMED = limitPlan({ id: "login", routes: ["a", "b"] });
const PLACED = { ...NAMED, id: "limit-1" };

function isSame(left: LimitPlan, over: Partial<LimitPlan>): boolean {
  return countedNames([left])[0] === countedNames([{ ...left, ...over }])[0];
}

test("countedNames() gives limits of the same id one name when they count the same, and not when they count something else", () => {
  expect(isSame(NAMED, { line: 7, action: "DROP", routes: ["a"], missing: "deny", keysMax: 5 })).toBe(true);
  const others: Partial<LimitPlan>[] = [
    ...[{ id: "other" }, { limit: 11 }, { windowMs: 2_000 }, { burst: 11 }, { ipv6Prefix: 48 }, { isShared: true }],
    ...[{ algorithm: "concurrency" as const }, { key: { kind: "header" as const, name: "x" } }],
  ];
  expect(others.filter((over) => isSame(NAMED, over))).toEqual([]);
});

test("countedNames() goes by the routes when there is no id but a line's place", () => {
  expect(isSame(PLACED, { id: "limit-12", routes: ["b", "a"] })).toBe(true);
  expect(isSame(PLACED, { routes: ["a"] })).toBe(false);
  expect(isSame(PLACED, { id: "limit-x" })).toBe(false);
});

test("countedNames() tells limits that do not differ apart by their order", () => {
  const [first, second] = countedNames([PLACED, { ...PLACED, id: "limit-2" }]);
  expect(first).not.toBe(second);
  expect(countedNames([NAMED, PLACED])[1]).toBe(first);
});
