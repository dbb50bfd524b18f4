import { describe, expect, test } from "bun:test";
import { wholeNumber } from "../../../../scripts/bench/common/whole-number.ts";
import { MEASUREMENTS, parseOptions } from "../../../../scripts/bench/recovery/options.ts";

describe("wholeNumber()", () => {
  test("takes separators, and the default when nothing is written", () => {
    expect(wholeNumber("kills", "10,000", 1)).toBe(10_000);
    expect(wholeNumber("kills", "10_000", 1)).toBe(10_000);
    expect(wholeNumber("kills", undefined, 7)).toBe(7);
  });

  test("names the flag and the value when it is no whole number above 0", () => {
    for (const text of ["0", "-1", "1.5", "ten", ""]) {
      expect(() => wholeNumber("kills", text, 1)).toThrow(`--kills is ${JSON.stringify(text)}`);
    }
  });
});

describe("parseOptions() of the recovery bench", () => {
  test("measures everything unless some are named", () => {
    expect(parseOptions([])?.only).toEqual([...MEASUREMENTS]);
    expect(parseOptions(["--only", "swap,peers", "--kills", "30"])).toMatchObject({
      only: ["swap", "peers"],
      kills: 30,
    });
  });

  test("refuses a measurement that there is not, and shows the usage when asked", () => {
    expect(() => parseOptions(["--only", "swaps"])).toThrow('--only has "swaps"');
    expect(parseOptions(["--help"])).toBeUndefined();
  });
});
