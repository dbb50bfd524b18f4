import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Distinct } from "../../../../plugins/aggregation/distinct.ts";
import { decodeKey, encodeKey, type Key } from "../../../../plugins/aggregation/keys.ts";
import { Moments } from "../../../../plugins/aggregation/moments.ts";
import { Quantiles } from "../../../../plugins/aggregation/quantiles.ts";
import { seededRandom } from "../../../../src/base/random.ts";

const throughJson = <T>(state: T): T => JSON.parse(JSON.stringify(state));

describe("Moments", () => {
  test("Moments sum() loses nothing where plain addition does", () => {
    const moments = new Moments();
    for (const value of [1e16, 1, -1e16, 0.1, 0.1, 0.1, Number.NaN]) moments.add(value);
    expect(moments.sum()).toBe(1.3);
    expect([moments.min(), moments.max()]).toEqual([-1e16, 1e16]);
  });

  test("Moments sum() is null and stays so when a sum is too great for a double", () => {
    const moments = new Moments();
    for (const value of [1e308, 1e308, -1e308, Number.POSITIVE_INFINITY]) moments.add(value);
    const restored = Moments.restore(throughJson(moments.snapshot()));
    restored.add(1);
    for (const each of [moments, restored])
      expect([each.sum(), each.mean(), each.min(), each.max()]).toEqual([null, null, -1e308, 1e308]);
  });

  test("Moments is null throughout when there was no number", () => {
    const moments = new Moments();
    moments.add(Number.NaN);
    expect([moments.sum(), moments.mean(), moments.min(), moments.max()]).toEqual([null, null, null, null]);
  });
});

describe("Quantiles", () => {
  const fill = (values: readonly number[]): Quantiles => {
    const quantiles = new Quantiles();
    for (const value of values) quantiles.add(value);
    return quantiles;
  };

  test("quantile() is the exact nearest rank for up to 512 values", () => {
    const quantiles = fill(Array.from({ length: 100 }, (_unused, at) => 100 - at));
    expect([0.01, 0.5, 0.505, 0.99].map((share) => quantiles.quantile(share))).toEqual([1, 50, 51, 99]);
    expect(new Quantiles().quantile(0.5)).toBeNull();
  });

  test("quantile() stays within 0.5 % of the exact rank when a sketch has taken over", () => {
    const value = fc.double({ min: -1e6, max: 1e6, noNaN: true }).map((each) => (Math.abs(each) < 1e-6 ? 0 : each));
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 520, maxLength: 900 }),
        fc.constantFrom(0.01, 0.25, 0.5, 0.9, 0.99, 0.999),
        (values, share) => {
          const exact = values.toSorted((a, b) => a - b)[Math.ceil(share * values.length - 1e-9) - 1]!;
          expect(Math.abs(fill(values).quantile(share)! - exact)).toBeLessThanOrEqual(
            Math.abs(exact) * 0.005 * (1 + 1e-9),
          );
        },
      ),
      { numRuns: 50 },
    );
  });

  test("quantile() does not depend on the order of the values", () => {
    const random = seededRandom(7);
    const values = Array.from({ length: 2000 }, () => random.next() ** 8 * 1e9 - 10);
    expect(fill(values.toReversed()).snapshot()).toEqual(fill(values).snapshot());
  });

  test("Quantiles keeps a bounded number of buckets and the upper quantiles when values span everything", () => {
    const values = Array.from({ length: 12_000 }, (_unused, at) => 10 ** (at / 20 - 300));
    const quantiles = fill(values);
    expect(quantiles.snapshot().positive!.length).toBe(4096);
    expect(Math.abs(quantiles.quantile(0.99)! / values[11_879]! - 1)).toBeLessThan(0.005);
  });
});

describe("Distinct", () => {
  const count = (keys: Iterable<Key>): number => {
    const distinct = new Distinct();
    for (const key of keys) distinct.add(key);
    return distinct.count();
  };

  test("count() is exact for up to 1,024 values and tells types apart", () => {
    expect(count(["1", 1, true, "true", 1n, null, undefined, "1"])).toBe(5);
    expect(count(Array.from({ length: 3000 }, (_unused, at) => at % 1024))).toBe(1024);
  });

  test.each([1025, 5000, 20_000, 100_000])("count() stays within 5 %% of %p different values", (expected) => {
    const found = count(
      (function* () {
        for (let at = 0; at < expected * 2; at++) yield `customer-${at % expected}`;
      })(),
    );
    expect(Math.abs(found / expected - 1)).toBeLessThan(0.05); // three standard errors
  });
});

test("trackers go on from a snapshot as if nothing had happened, wherever the cut", () => {
  const values = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 700 });
  fc.assert(
    fc.property(values, fc.nat(700), (all, cut) => {
      const at = Math.min(cut, all.length);
      const whole = [new Moments(), new Quantiles(), new Distinct()] as const;
      const first = [new Moments(), new Quantiles(), new Distinct()] as const;
      for (const value of all) for (const tracker of whole) tracker.add(value);
      for (const value of all.slice(0, at)) for (const tracker of first) tracker.add(value);
      const second = [
        Moments.restore(throughJson(first[0].snapshot())),
        Quantiles.restore(throughJson(first[1].snapshot())),
        Distinct.restore(throughJson(first[2].snapshot())),
      ];
      for (const value of all.slice(at)) for (const tracker of second) tracker.add(value);
      expect(second.map((each) => throughJson(each.snapshot()))).toEqual(
        whole.map((each) => throughJson(each.snapshot())),
      );
    }),
    { numRuns: 60 },
  );
});

test("Distinct goes on from a snapshot of its registers", () => {
  const first = new Distinct();
  for (let at = 0; at < 4000; at++) first.add(at);
  const second = Distinct.restore(throughJson(first.snapshot()));
  expect(second.count()).toBe(first.count());
  for (let at = 4000; at < 9000; at++) for (const each of [first, second]) each.add(at);
  expect(second.snapshot()).toEqual(first.snapshot());
});

test("decodeKey() gives back any key", () => {
  const key = fc.oneof(
    fc.string(),
    fc.double({ noNaN: true }).map((each) => each + 0),
    fc.bigInt(),
    fc.boolean(),
    fc.constantFrom(null, undefined),
  );
  fc.assert(fc.property(key, (each) => expect(decodeKey(encodeKey(each))).toBe(each)));
});
