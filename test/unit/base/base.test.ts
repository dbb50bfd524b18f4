import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { pause, systemClock } from "../../../src/base/clock.ts";
import { Failure, toFailure } from "../../../src/base/errors.ts";
import { Histogram } from "../../../src/base/histogram.ts";
import { seededRandom } from "../../../src/base/random.ts";
import {
  formatBytes,
  formatCount,
  formatDurationMs,
  parseDurationMs,
  parseSizeBytes,
} from "../../../src/base/units.ts";

describe("Failure", () => {
  test("fromJSON() rebuilds the failure when it crossed a process border", () => {
    const failure = new Failure("a.b", "went wrong", { data: { n: 1 }, retryable: true });
    const back = Failure.fromJSON(JSON.parse(JSON.stringify(failure)));
    expect(back).toMatchObject({ code: "a.b", message: "went wrong", data: { n: 1 }, retryable: true });
  });

  test("toFailure() keeps a failure and wraps anything else when it was thrown", () => {
    const failure = new Failure("a", "b");
    expect(toFailure(failure, "x")).toBe(failure);
    expect(toFailure("plain", "x.y")).toMatchObject({ code: "x.y", message: "plain" });
    expect(toFailure(Object.create(null), "x.y")).toMatchObject({ code: "x.y", message: "an object" });
  });
});

describe("units", () => {
  for (const [text, ms] of [
    ["10000", 10_000],
    ["500ms", 500],
    ["10s", 10_000],
    ["1.5m", 90_000],
    ["2h", 7_200_000],
    ["1d", 86_400_000],
  ] as const) {
    test(`parseDurationMs() gives ${ms} when the text is ${text}`, () => {
      expect(parseDurationMs(text)).toBe(ms);
    });
  }
  for (const [text, bytes] of [
    ["65536", 65_536],
    ["64KiB", 65_536],
    ["64MiB", 67_108_864],
    ["10MB", 10_000_000],
  ] as const) {
    test(`parseSizeBytes() gives ${bytes} when the text is ${text}`, () => {
      expect(parseSizeBytes(text)).toBe(bytes);
    });
  }
  for (const text of ["", "s", "-1s", "1e3", "10 parsecs", "1.0001ms", "99999999999999999s", "toString"]) {
    test(`parseDurationMs() and parseSizeBytes() give nothing when the text is ${JSON.stringify(text)}`, () => {
      expect(parseDurationMs(text)).toBeUndefined();
      expect(parseSizeBytes(text)).toBeUndefined();
    });
  }
  test("the formats read well when the values are usual", () => {
    expect([
      formatDurationMs(0.5),
      formatDurationMs(2.34),
      formatDurationMs(456),
      formatDurationMs(1234),
      formatDurationMs(125_000),
    ]).toEqual(["500 µs", "2.3 ms", "456 ms", "1.2 s", "2 m 5 s"]);
    expect([formatBytes(5), formatBytes(2048), formatBytes(3 * 2 ** 30)]).toEqual(["5 B", "2.0 KiB", "3.0 GiB"]);
    expect(formatCount(1234567.4)).toBe("1,234,567");
  });
});

describe("formatDurationMs()", () => {
  for (const [ms, text] of [
    [119_700, "2 m 0 s"],
    [3_599_400, "59 m 59 s"],
    [3_599_600, "1 h 0 m"],
    [5_400_000, "1 h 30 m"],
    [86_399_999, "1 d 0 h"],
    [273_600_000, "3 d 4 h"],
  ] as const) {
    test(`formatDurationMs() gives ${text} when it is ${ms} ms`, () => {
      expect(formatDurationMs(ms)).toBe(text);
    });
  }
});

describe("Histogram", () => {
  test("quantileMs() is within 5 % of the sorted list when durations are any", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.01, max: 1e6, noNaN: true }), { minLength: 1 }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        (list, quantile) => {
          const histogram = new Histogram();
          for (const ms of list) histogram.record(ms);
          const exact = list.toSorted((a, b) => a - b)[Math.ceil(quantile * list.length) - 1]!;
          expect(histogram.quantileMs(quantile) / exact).toBeWithin(0.95, 1.05);
        },
      ),
    );
  });

  test("quantileMs() is zero when nothing was recorded", () => {
    expect(new Histogram().quantileMs(0.99)).toBe(0);
  });
});

describe("seededRandom()", () => {
  test("seededRandom() gives the same stream for a seed and another for another", () => {
    const stream = (seed: number) => Array.from({ length: 20 }, seededRandom(seed).next);
    expect(stream(7)).toEqual(stream(7));
    expect(stream(7)).not.toEqual(stream(8));
    expect(Math.min(...stream(7))).toBeGreaterThanOrEqual(0);
    expect(Math.max(...stream(7))).toBeLessThan(1);
  });
});

describe("pause()", () => {
  test("pause() ends at once when the signal aborts", async () => {
    const abort = new AbortController();
    const waiting = pause(systemClock, 3_600_000, abort.signal);
    abort.abort();
    await waiting;
    await pause(systemClock, 3_600_000, abort.signal);
    expect(abort.signal.aborted).toBe(true);
  });
});
