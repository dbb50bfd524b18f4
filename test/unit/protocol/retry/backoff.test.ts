import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Random, seededRandom } from "../../../../src/base/random.ts";
import { backoffBoundMs, backoffDelayMs, retryDelayMs } from "../../../../src/protocol/retry/index.ts";

const always = (value: number): Random => ({ next: () => value, below: (bound) => Math.floor(value * bound) });

describe("backoffBoundMs()", () => {
  test("backoffBoundMs() doubles up to the cap when no factor is given", () => {
    const bounds = [1, 2, 3, 4, 5].map((attempt) => backoffBoundMs({ initialMs: 50, maxMs: 300 }, attempt));
    expect(bounds).toEqual([50, 100, 200, 300, 300]);
  });

  test("backoffBoundMs() stays at the cap when attempts run into the thousands", () => {
    expect(backoffBoundMs({ initialMs: 50, maxMs: 5000 }, 100_000)).toBe(5000);
    expect(backoffBoundMs({ initialMs: 0, maxMs: 5000 }, 100_000)).toBe(0);
  });

  test("backoffBoundMs() throws when the attempt is not counted from 1", () => {
    expect(() => backoffBoundMs({ initialMs: 1, maxMs: 1 }, 0)).toThrow("counts from 1");
  });
});

describe("backoffDelayMs()", () => {
  test("backoffDelayMs() spreads over the whole bound by default and over the given share otherwise", () => {
    const policy = { initialMs: 100, maxMs: 1000 };
    expect([backoffDelayMs(policy, 1, always(0)), backoffDelayMs(policy, 1, always(0.5))]).toEqual([0, 50]);
    expect(backoffDelayMs({ ...policy, jitter: 0.2 }, 1, always(0))).toBe(80);
    expect(backoffDelayMs({ ...policy, jitter: 0 }, 2, always(0.9))).toBe(200);
    expect(() => backoffDelayMs({ ...policy, jitter: 2 }, 1, always(0))).toThrow("jitter is 2");
  });

  test("backoffDelayMs() stays within its bound and repeats for the same seed", () => {
    const policies = fc.record({
      initialMs: fc.integer({ min: 0, max: 1000 }),
      maxMs: fc.integer({ min: 0, max: 10_000 }),
      factor: fc.double({ min: 1, max: 4, noNaN: true }),
      jitter: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(policies, fc.integer({ min: 1, max: 2000 }), fc.integer(), (policy, attempt, seed) => {
        const delayMs = backoffDelayMs(policy, attempt, seededRandom(seed));
        const boundMs = backoffBoundMs(policy, attempt);
        expect(delayMs).toBeGreaterThanOrEqual(boundMs * (1 - policy.jitter) - 1e-9);
        expect(delayMs).toBeLessThanOrEqual(boundMs + 1e-9);
        expect(backoffDelayMs(policy, attempt, seededRandom(seed))).toBe(delayMs);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("retryDelayMs()", () => {
  test("retryDelayMs() gives up after the allowed number of retries", () => {
    const policy = { initialMs: 10, maxMs: 100, jitter: 0, retriesMax: 2 };
    expect([1, 2, 3].map((attempt) => retryDelayMs(policy, attempt, always(0)))).toEqual([10, 20, undefined]);
    expect(retryDelayMs({ ...policy, retriesMax: 0 }, 1, always(0))).toBeUndefined();
  });
});
