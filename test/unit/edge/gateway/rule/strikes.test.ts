/** Files that rest. */
import { expect, test } from "bun:test";
import { Strikes } from "../../../../../src/edge/gateway/rule/strikes.ts";

test("rests() says yes for a while when a file was killed too often in a short time, and of no other file", () => {
  const strikes = new Strikes();
  for (const atMs of [0, 100, 200, 300]) strikes.kill(1, atMs);
  expect(strikes.rests(1, 300)).toBe(false);
  strikes.kill(1, 10_050);
  expect(strikes.rests(1, 10_050)).toBe(false);
  strikes.kill(1, 10_060);
  expect([strikes.rests(1, 10_060), strikes.rests(2, 10_060)]).toEqual([true, false]);
  expect([strikes.rests(1, 15_059), strikes.rests(1, 15_060), strikes.rests(1, 15_061)]).toEqual([true, false, false]);
});
