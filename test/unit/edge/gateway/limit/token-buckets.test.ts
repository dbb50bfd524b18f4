/** Token buckets against a dumber one, and under a flood of keys. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { TokenBuckets } from "../../../../../src/edge/gateway/limit/token-buckets.ts";
import { limitPlan } from "../../../../support/limit-plans.ts";

/** Counts tokens as people do. */
class DumbBucket {
  #tokens: number;
  #atMs = 0;
  constructor(
    readonly burst: number,
    readonly perMs: number,
  ) {
    this.#tokens = burst;
  }

  take(nowMs: number): boolean {
    this.#tokens = Math.min(this.burst, this.#tokens + (nowMs - this.#atMs) * this.perMs);
    this.#atMs = nowMs;
    if (this.#tokens < 1 - 1e-7) return false;
    this.#tokens -= 1;
    return true;
  }
}

function tryTake(buckets: TokenBuckets, key: string, nowMs: number): boolean {
  if (buckets.look(key, nowMs) > 0) return false;
  buckets.take(key, nowMs);
  return true;
}

describe("TokenBuckets.take()", () => {
  test("take() lets through what a bucket of counted tokens does when asked at any times", () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 0, max: 3 })), {
      minLength: 1,
      maxLength: 200,
    });
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 20 }), (all, limit, burst) => {
        const buckets = new TokenBuckets(limitPlan({ limit, burst }));
        const dumb = Array.from({ length: 4 }, () => new DumbBucket(burst, limit / 1000));
        let nowMs = 0;
        for (const [pauseMs, key] of all) {
          nowMs += pauseMs;
          expect(tryTake(buckets, `k${key}`, nowMs)).toBe(dumb[key]!.take(nowMs));
        }
      }),
      { numRuns: 200 },
    );
  });

  test("look() says when the next token is there when there is none", () => {
    const buckets = new TokenBuckets(limitPlan({ limit: 100, windowMs: 60_000, burst: 2 }));
    expect([tryTake(buckets, "a", 0), tryTake(buckets, "a", 0), buckets.look("a", 0)]).toEqual([true, true, 600]);
    expect([buckets.look("a", 599), buckets.look("a", 600), buckets.remaining("a", 600)]).toEqual([1, 0, 1]);
    expect([buckets.remaining("a", 0), buckets.resetMs("a", 0), buckets.remaining("b", 0)]).toEqual([0, 1200, 2]);
  });

  test("take() forgets buckets that are full again and takes no more places than are in use when keys come and go", () => {
    const buckets = new TokenBuckets(limitPlan({ keysMax: 100_000 }));
    for (let at = 0; at < 50_000; at++) expect(tryTake(buckets, `key ${at}`, at)).toBe(true);
    expect(buckets.counts().keys).toBeLessThan(1_000);
    expect(buckets.counts().evicted).toBe(0);
  });

  test("take() gives no key more than its limit when an attacker floods it with other keys", () => {
    const limit = 10;
    const buckets = new TokenBuckets(limitPlan({ limit, windowMs: 60_000, keysMax: 200 }));
    let passed = 0;
    for (let round = 0; round < 40; round++) {
      for (let other = 0; other < 500; other++) tryTake(buckets, `flood ${round} ${other}`, round);
      if (tryTake(buckets, "attacker", round)) passed++;
    }
    expect(passed).toBeLessThanOrEqual(limit);
    expect(buckets.counts()).toEqual({ keys: 200, evicted: expect.any(Number) });
    expect(buckets.counts().evicted).toBeGreaterThan(0);
  });

  test("take() gives nobody more than a bucket of counted tokens when places are few", () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 30 })), {
      minLength: 50,
      maxLength: 400,
    });
    fc.assert(
      fc.property(steps, (all) => {
        const buckets = new TokenBuckets(limitPlan({ limit: 5, keysMax: 4 }));
        const dumb = new Map<number, DumbBucket>();
        let nowMs = 0;
        for (const [pauseMs, key] of all) {
          nowMs += pauseMs;
          const own = dumb.get(key) ?? new DumbBucket(5, 5 / 1000);
          dumb.set(key, own);
          if (tryTake(buckets, `k${key}`, nowMs)) expect(own.take(nowMs)).toBe(true);
        }
        expect(buckets.counts().keys).toBeLessThanOrEqual(4);
      }),
      { numRuns: 100 },
    );
  });
});
