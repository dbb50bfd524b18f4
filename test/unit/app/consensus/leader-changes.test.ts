import { describe, expect, test } from "bun:test";
import { LeaderChanges } from "../../../../src/app/consensus/leader-changes.ts";

describe("LeaderChanges", () => {
  test("pauseMs() is nothing for a few leaders, and grows to a bound when more follow each other", () => {
    const changes = new LeaderChanges();
    const pauses = Array.from({ length: 10 }, (_, at) => {
      changes.led(at + 1, at * 100);
      return changes.pauseMs(at * 100);
    });
    expect(pauses).toEqual([0, 0, 0, 250, 500, 1_000, 2_000, 4_000, 4_000, 4_000]);
  });

  test("pauseMs() forgets what is long ago, and counts each term once", () => {
    const changes = new LeaderChanges();
    for (let at = 0; at < 10; at++) changes.led(1, at);
    expect(changes.pauseMs(10)).toBe(0);
    for (let term = 2; term < 10; term++) changes.led(term, 20);
    expect(changes.pauseMs(20)).toBeGreaterThan(0);
    expect(changes.pauseMs(20_000)).toBe(0);
  });
});
