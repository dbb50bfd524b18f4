/** Versions: their form, their order, and what a call may mean. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { comparePreference, fits, isVersion, readSelector } from "../../../../../src/work/service/registry/index.ts";

const number = fc.integer({ min: 0, max: 3 });
const release = fc.tuple(number, number, number).map((numbers) => numbers.join("."));
const before = fc.array(fc.constantFrom("1", "2", "10", "a", "b"), { minLength: 1, maxLength: 3 });
const version = fc.oneof(
  release,
  fc.tuple(release, before).map(([numbers, words]) => `${numbers}-${words.join(".")}`),
);

describe("versions", () => {
  test("comparePreference() puts the highest release first and pre-releases behind all releases", () => {
    const sorted = ["2.0.0", "1.10.0", "1.9.1", "0.1.0", "3.0.0-rc.1", "3.0.0-beta.11", "3.0.0-beta.2", "3.0.0-beta"];
    expect(sorted.toReversed().toSorted(comparePreference)).toEqual(sorted);
  });

  test("comparePreference() is a total order", () => {
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        expect(Math.sign(comparePreference(a, b))).toBe(-Math.sign(comparePreference(b, a)) + 0);
        if (comparePreference(a, b) === 0) expect(a).toBe(b);
        if (comparePreference(a, b) <= 0 && comparePreference(b, c) <= 0)
          expect(comparePreference(a, c)).toBeLessThanOrEqual(0);
      }),
    );
  });

  test("isVersion() takes semantic versions only", () => {
    for (const good of ["0.0.0", "1.2.3", "1.2.3-beta.1", "1.2.3+build.7"])
      expect([good, isVersion(good)]).toEqual([good, true]);
    for (const bad of ["", "1", "1.2", "01.2.3", "1.2.3.4", "v1.2.3", "1.2.3-", "1.2.3 ", "1.2.99999999999"])
      expect([bad, isVersion(bad)]).toEqual([bad, false]);
  });

  test("readSelector() reads a name, and a version or its beginning; fits() goes by it", () => {
    const all = ["1.2.0", "1.2.5", "1.3.0", "2.0.0"];
    const meant = (text: string) => {
      const selector = readSelector(text);
      return selector && all.filter((each) => fits(each, selector));
    };
    expect(meant("users")).toEqual(all);
    expect(meant("users@1")).toEqual(["1.2.0", "1.2.5", "1.3.0"]);
    expect(meant("users@1.2")).toEqual(["1.2.0", "1.2.5"]);
    expect(meant("users@1.2.5")).toEqual(["1.2.5"]);
    expect(meant("users@7")).toEqual([]);
    for (const bad of ["", "@1", "users@", "users@x", "users@1.", "users@1.2.3.4", "users@1@2"])
      expect([bad, meant(bad)]).toEqual([bad, undefined]);
  });
});
