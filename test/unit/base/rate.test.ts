import { describe, expect, test } from "bun:test";
import { ratePerSecond } from "../../../src/base/rate.ts";

describe("ratePerSecond()", () => {
  test("ratePerSecond() gives what was counted in a second when a counter grew", () => {
    expect(ratePerSecond(100, 350, 500)).toBe(500);
    expect(ratePerSecond(7, 7, 1_000)).toBe(0);
  });

  test("ratePerSecond() gives nothing when a reading is missing, no time has passed, or the counter began anew", () => {
    expect(ratePerSecond(undefined, 5, 1_000)).toBeUndefined();
    expect(ratePerSecond(5, undefined, 1_000)).toBeUndefined();
    expect(ratePerSecond(1, 5, 0)).toBeUndefined();
    expect(ratePerSecond(1, 5, Number.NaN)).toBeUndefined();
    expect(ratePerSecond(9, 3, 1_000)).toBeUndefined();
  });
});
