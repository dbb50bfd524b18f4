import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { RATE_BUCKETS, RateWindow } from "../../../../src/protocol/breaker/rate-window.ts";

const call = fc.record({ failed: fc.boolean(), passMs: fc.constantFrom(0, 1, 4, 9, 10, 11, 35, 120) });

describe("RateWindow", () => {
  test("exceeded() says what a list of all calls says when the buckets go round", () => {
    const found = new Set<boolean>();
    fc.assert(
      fc.property(fc.array(call, { maxLength: 100 }), fc.integer({ min: 1, max: 9 }), (calls, minimumCalls) => {
        const window = new RateWindow({ failureRate: 0.5, minimumCalls, windowMs: 100 });
        const all: { readonly bucket: number; readonly failed: boolean }[] = [];
        let nowMs = 0;
        for (const { failed, passMs } of calls) {
          nowMs += passMs;
          const bucket = Math.floor(nowMs / 10);
          window.add(failed, nowMs);
          all.push({ bucket, failed });
          const recent = all.filter((each) => each.bucket > bucket - RATE_BUCKETS);
          const failures = recent.filter((each) => each.failed).length;
          const expected = recent.length >= minimumCalls && failures * 2 >= recent.length;
          expect(window.exceeded(nowMs)).toBe(expected);
          found.add(expected);
        }
      }),
      { numRuns: 500 },
    );
    expect(found.size).toBe(2);
  });

  test("exceeded() forgets when time passes without a call, and when it is cleared", () => {
    const window = new RateWindow({ failureRate: 1, minimumCalls: 1, windowMs: 100 });
    window.add(true, 5);
    expect([99, 100].map((nowMs) => window.exceeded(nowMs))).toEqual([true, false]);
    window.add(true, 100);
    window.clear();
    expect(window.exceeded(100)).toBe(false);
  });
});
