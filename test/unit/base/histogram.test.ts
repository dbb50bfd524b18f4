import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { HISTOGRAM_ERROR_MAX, Histogram } from "../../../src/base/histogram.ts";

/** Below it, durations share one bucket. */
const LEAST_MS = 2 ** -10;
const LIMIT_MS = 2 ** 40;

/** Of all sizes, borders of buckets and their neighbours among them. */
const duration = fc.oneof(
  fc.double({ min: 0, max: LIMIT_MS, maxExcluded: true, noNaN: true }),
  fc.integer({ min: -12, max: 39 }).chain((power) => fc.constantFrom(2 ** power, 2 ** power * (1 - 2 ** -53))),
  fc.integer({ min: 0, max: 5000 }),
);
const durations = fc.array(duration, { minLength: 1, maxLength: 200 });

function histogramOf(list: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const ms of list) histogram.record(ms);
  return histogram;
}

function sumOf(...histograms: readonly Histogram[]): Histogram {
  const sum = new Histogram();
  for (const histogram of histograms) sum.merge(histogram);
  return sum;
}

describe("Histogram", () => {
  test("quantileMs() is within the stated error of the sorted list when durations are any", () => {
    fc.assert(
      fc.property(durations, fc.double({ min: 0, max: 1, noNaN: true }), (list, quantile) => {
        const rank = Math.max(1, Math.ceil(quantile * list.length));
        const exact = list.toSorted((left, right) => left - right)[rank - 1]!;
        const found = histogramOf(list).quantileMs(quantile);
        expect(Math.abs(found - exact)).toBeLessThanOrEqual(Math.max(exact * HISTOGRAM_ERROR_MAX, LEAST_MS));
      }),
      { numRuns: 500 },
    );
    expect(HISTOGRAM_ERROR_MAX).toBeLessThan(0.01);
  });

  test("minMs, maxMs and total are exact, and meanMs is within the stated error", () => {
    fc.assert(
      fc.property(durations, (list) => {
        const histogram = histogramOf(list);
        expect(histogram).toMatchObject({
          total: list.length,
          minMs: Math.min(...list),
          maxMs: Math.max(...list),
        });
        const mean = list.reduce((sum, ms) => sum + ms / list.length, 0);
        const allowed = Math.max(mean * HISTOGRAM_ERROR_MAX, LEAST_MS) * (1 + 1e-9); // the sums round too
        expect(Math.abs(histogram.meanMs - mean)).toBeLessThanOrEqual(allowed);
      }),
    );
  });

  test("atMost() counts no fewer than lie at or below a bound, and no more than its bucket's width allows", () => {
    const bounds = [0, 0.0001, 0.5, 1, 2.5, 10, 1_000, 60_000, LIMIT_MS];
    fc.assert(
      fc.property(durations, (list) => {
        const found = histogramOf(list).atMost(bounds);
        const below = (limit: number): number => list.filter((ms) => ms <= limit).length;
        bounds.forEach((bound, index) => {
          expect(found[index]).toBeGreaterThanOrEqual(below(bound));
          expect(found[index]).toBeLessThanOrEqual(below(Math.max(bound * (1 + 2 * HISTOGRAM_ERROR_MAX), LEAST_MS)));
        });
      }),
    );
  });

  test("sumMs is exact to the microsecond, in any order of merging, and within the stated error after a trip as JSON", () => {
    const short = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 100 });
    fc.assert(
      fc.property(short, short, (left, right) => {
        const sum = [...left, ...right].reduce((all, ms) => all + ms, 0);
        const merged = sumOf(histogramOf(left), histogramOf(right));
        expect(merged.sumMs).toBe(sumOf(histogramOf(right), histogramOf(left)).sumMs);
        expect(Math.abs(merged.sumMs - sum)).toBeLessThanOrEqual(0.001 * (left.length + right.length));
        const sent = Histogram.fromJson(JSON.parse(JSON.stringify(merged.toJson())));
        const allowed = sum * HISTOGRAM_ERROR_MAX + LEAST_MS * merged.total + 0.001;
        expect(Math.abs(sent.sumMs - sum)).toBeLessThanOrEqual(allowed * (1 + 1e-9));
      }),
    );
  });

  test("merge() gives what recording everything gives, in any order and grouping", () => {
    fc.assert(
      fc.property(durations, durations, durations, (first, second, third) => {
        const [a, b, c] = [first, second, third].map(histogramOf) as [Histogram, Histogram, Histogram];
        const all = histogramOf([...first, ...second, ...third]).toJson();
        expect(sumOf(sumOf(a, b), c).toJson()).toEqual(all);
        expect(sumOf(c, sumOf(b, a)).toJson()).toEqual(all);
        expect(sumOf(a, b, c).meanMs).toBe(sumOf(c, b, a).meanMs);
      }),
    );
  });

  test("merge() doubles when it is given itself", () => {
    const histogram = histogramOf([0, 1, 5]);
    histogram.merge(histogram);
    expect(histogram.toJson()).toEqual(histogramOf([0, 0, 1, 1, 5, 5]).toJson());
  });

  test("fromJson() gives what toJson() was asked of, by way of text", () => {
    fc.assert(
      fc.property(durations, (list) => {
        const json = histogramOf(list).toJson();
        const back = Histogram.fromJson(JSON.parse(JSON.stringify(json)));
        expect(back.toJson()).toEqual(json);
        expect(back.quantileMs(0.9)).toBe(histogramOf(list).quantileMs(0.9));
      }),
    );
  });

  test("record() with a count is the same as recording so often", () => {
    const histogram = new Histogram();
    histogram.record(7, 3);
    expect(histogram.toJson()).toEqual(histogramOf([7, 7, 7]).toJson());
  });

  test("everything is zero when nothing was recorded, also after merging and by way of JSON", () => {
    const histogram = sumOf(new Histogram(), Histogram.fromJson(new Histogram().toJson()));
    expect(histogram).toMatchObject({ total: 0, minMs: 0, maxMs: 0, meanMs: 0 });
    expect(histogram.quantileMs(0.99)).toBe(0);
    expect(histogram.toJson()).toEqual({ version: 1, minMs: 0, maxMs: 0, buckets: [] });
  });

  test("toJson() is small when durations are alike", () => {
    const histogram = histogramOf(Array.from({ length: 10_000 }, (_, index) => 1 + index / 10_000));
    expect(histogram.toJson().buckets.length).toBe(2 * 64);
  });

  for (const ms of [-1, -0.0001, Number.NaN, Number.POSITIVE_INFINITY, LIMIT_MS]) {
    test(`record() refuses, and counts nothing, when the duration is ${ms}`, () => {
      const histogram = new Histogram();
      expect(() => histogram.record(ms)).toThrow(expect.objectContaining({ code: "histogram.value" }));
      expect(histogram.total).toBe(0);
    });
  }

  for (const count of [0, -1, 1.5, Number.NaN, 2 ** 53]) {
    test(`record() refuses when the count is ${count}`, () => {
      expect(() => new Histogram().record(1, count)).toThrow(expect.objectContaining({ code: "histogram.count" }));
    });
  }

  test("record() and merge() refuse, and change nothing, when there would be more than can be counted", () => {
    const full = new Histogram();
    full.record(1, Number.MAX_SAFE_INTEGER);
    expect(() => full.record(1)).toThrow(expect.objectContaining({ code: "histogram.count" }));
    expect(() => full.merge(histogramOf([1]))).toThrow(expect.objectContaining({ code: "histogram.count" }));
    expect(full.total).toBe(Number.MAX_SAFE_INTEGER);
  });

  const good = histogramOf([1, 3]).toJson();
  for (const [what, json] of [
    ["nothing", undefined],
    ["null", null],
    ["of another version", { ...good, version: 2 }],
    ["without buckets", { version: 1, minMs: 1, maxMs: 3 }],
    ["of half a pair", { ...good, buckets: [1] }],
    ["of a gap of nothing", { ...good, buckets: [0, 1] }],
    ["of a broken count", { ...good, buckets: [1, 1.5] }],
    ["of text", { ...good, buckets: ["1", "1"] }],
    ["beyond the last bucket", { ...good, buckets: [3202, 1] }],
    ["of too much", { ...good, buckets: [1, Number.MAX_SAFE_INTEGER, 1, 1] }],
    ["of another least", { ...good, minMs: 0.5 }],
    ["of another greatest", { ...good, maxMs: 4 }],
    ["without a least", { ...good, minMs: null }],
    ["turned around", { version: 1, minMs: 1.002, maxMs: 1.001, buckets: histogramOf([1]).toJson().buckets }],
  ] as const) {
    test(`fromJson() refuses when it is ${what}`, () => {
      expect(() => Histogram.fromJson(json)).toThrow(expect.objectContaining({ code: "histogram.malformed" }));
    });
  }
});
