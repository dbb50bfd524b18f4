import { describe, expect, test } from "bun:test";
import { RoundRobin } from "../../../../../src/edge/gateway/guard/round-robin.ts";
import { BusyClock } from "./mask-rig.ts";

interface Work {
  readonly name: string;
  left: number;
}

function roundRobin(sliceMs: number) {
  const clock = new BusyClock(1);
  const told: string[] = [];
  const turns = new RoundRobin<Work>(clock, sliceMs, (work, turn) => {
    told.push(work.name);
    if (work.name === "broken") throw new Error("broken");
    while (--work.left > 0) if (turn.isOverNow()) return false;
    return true;
  });
  return { clock, told, turns };
}

describe("RoundRobin", () => {
  test("add() lets each go on in turn, and the one that a turn had no time for first in the next", () => {
    const { clock, told, turns } = roundRobin(4);
    for (const [name, left] of [["a", 9], ["b", 1], ["c", 1]] as const) turns.add({ name, left }); // biome-ignore format: a table
    expect([told, turns.waiting, clock.timers]).toEqual([[], 3, 1]);
    while (clock.turn());
    expect([told, turns.waiting, clock.timers]).toEqual([["a", "b", "c", "a", "a"], 0, 0]);
  });

  test("remove() takes one out that waits, and none that does not", () => {
    const { clock, told, turns } = roundRobin(4);
    const [first, second] = [{ name: "a", left: 1 }, { name: "b", left: 1 }]; // biome-ignore format: a pair
    turns.add(first);
    turns.add(second);
    expect([turns.remove(first), turns.remove(first), turns.waiting]).toEqual([true, false, 1]);
    while (clock.turn());
    expect([told, turns.remove(second)]).toEqual([["b"], false]);
  });

  test("add() lets the others go on when one breaks, which is gone", () => {
    const { clock, told, turns } = roundRobin(4);
    turns.add({ name: "broken", left: 1 });
    turns.add({ name: "a", left: 1 });
    expect(() => clock.turn()).toThrow("broken");
    while (clock.turn());
    expect([told, turns.waiting]).toEqual([["broken", "a"], 0]);
  });
});
