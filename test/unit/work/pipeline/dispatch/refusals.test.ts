/** Who is left alone, for how long, and who is remembered for it. */
import { expect, test } from "bun:test";
import { Refusals, SUSPENDED_MS } from "../../../../../src/work/pipeline/dispatch/refusals.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";

test("add() has a worker left alone for a while, unless it is another one by then, or runs them after all", () => {
  const clock = new SteppedClock();
  const refusals = new Refusals(clock);
  for (const worker of ["w1", "w2", "w3"]) refusals.add(worker);
  refusals.delete("w2");
  refusals.runs(0, "w3");
  expect(["w1", "w2", "w3"].map((worker) => refusals.has(worker))).toEqual([true, false, false]);
  clock.advance(SUSPENDED_MS - 1);
  expect(refusals.leftMs("w1")).toBe(1);
  clock.advance(1);
  expect(refusals.has("w1")).toBe(false);
});

test("blame() is for one segment, and lasts until that runs there, or for a while elsewhere", () => {
  const clock = new SteppedClock();
  const refusals = new Refusals(clock);
  const blamed = (): string[] =>
    [0, 1].flatMap((segment) =>
      ["w1", "w2"].filter((id) => refusals.isBlamed(segment, id)).map((id) => `${id}/${segment}`),
    );
  refusals.blame(0, "w1");
  refusals.blame(0, "w2");
  refusals.blame(1, "w1");
  clock.advance(10 * SUSPENDED_MS);
  expect(blamed()).toEqual(["w1/0", "w2/0", "w1/1"]);
  refusals.runs(0, "w1");
  expect(blamed()).toEqual(["w2/0", "w1/1"]);
  refusals.delete("w1");
  expect(blamed()).toEqual(["w2/0"]);
  refusals.forgive(0);
  expect(blamed()).toEqual([]);
});
