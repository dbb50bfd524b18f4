/** From what a master told to how long a killed worker's batches waited. */
import { describe, expect, test } from "bun:test";
import type { Told } from "../../../../../scripts/bench/cluster/member.ts";
import type { Deed } from "../../../../../scripts/bench/cluster/mischief.ts";
import { recoveriesOf } from "../../../../../scripts/bench/cluster/recoveries.ts";

const PINNED = [1];

function told(timeMs: number, what: string, worker: string, segment: number): Told {
  return { event: "dispatch", timeMs, what, worker, segment };
}

const START = [told(10, "deployed", "a", 0), told(11, "deployed", "a", 1), told(12, "flowing", "a", 1)];
const kill = (member: string, timeMs: number): Deed => ({ kind: "worker", member, timeMs });

describe("recoveriesOf()", () => {
  test("measures an owner until its stages get batches in the run's next life", () => {
    const after = [told(1_100, "deployed", "b", 1), told(1_250, "flowing", "b", 0), told(1_300, "flowing", "b", 1)];
    const found = recoveriesOf([kill("a", 1_000)], [...START, ...after], PINNED);
    expect(found).toEqual({ owners: [300], others: [], idle: 0, unmeasured: 0 });
  });

  test("measures any other worker until the last of its batches was given to somebody", () => {
    const after = [told(1_020, "moved", "b", 0), told(1_030, "moved", "b", 2), told(5_000, "moved", "c", 0)];
    const found = recoveriesOf([kill("b", 1_000)], [...START, ...after], PINNED);
    expect(found).toEqual({ owners: [], others: [30], idle: 0, unmeasured: 0 });
  });

  test("leaves out workers that had nothing, and those whose master died meanwhile", () => {
    const deeds: readonly Deed[] = [
      kill("b", 1_000),
      kill("a", 20_000),
      { kind: "master", member: "m", timeMs: 20_100 },
    ];
    const found = recoveriesOf(deeds, [...START, told(21_000, "flowing", "b", 1)], PINNED);
    expect(found).toEqual({ owners: [], others: [], idle: 1, unmeasured: 1 });
  });
});
