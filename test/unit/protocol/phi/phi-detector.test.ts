import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { seededRandom } from "../../../../src/base/random.ts";
import { PhiDetector, phiOf } from "../../../../src/protocol/phi/index.ts";

/** Heart-beats each `everyMs`, the last one at the time that is returned. */
function beat(detector: PhiDetector, count: number, everyMs: number): number {
  for (let at = 0; at <= count; at++) detector.heartbeat(at * everyMs);
  return count * everyMs;
}

describe("phiOf()", () => {
  test("phiOf() is that of the normal distribution", () => {
    const tails = [
      [0, 0.5],
      [1, 0.158655],
      [2, 0.02275],
      [3, 0.00135],
    ] as const;
    for (const [deviations, chance] of tails) expect(phiOf(deviations)).toBeCloseTo(-Math.log10(chance), 1);
  });

  test("phiOf() is finite and grows, however far out", () => {
    fc.assert(
      fc.property(fc.double({ min: -1e3, max: 1e3, noNaN: true }), (deviations) => {
        expect(Number.isFinite(phiOf(deviations))).toBe(true);
        expect(phiOf(deviations + 1)).toBeGreaterThanOrEqual(phiOf(deviations));
        expect(phiOf(deviations)).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

describe("PhiDetector", () => {
  test("phi() is 0 before the first heart-beat", () => {
    const detector = new PhiDetector();
    expect(detector.phi(1e9)).toBe(0);
    expect(detector.reachesMs(8)).toBeUndefined();
    expect(detector.lastMs).toBeUndefined();
  });

  test("phi() is small within the acceptable pause and large after it", () => {
    const detector = new PhiDetector();
    const lastMs = beat(detector, 100, 1_000);
    expect(detector.phi(lastMs + 1_000)).toBeLessThan(0.01);
    expect(detector.phi(lastMs + 3_000)).toBeLessThan(0.1);
    expect(detector.phi(lastMs + 4_000)).toBeCloseTo(Math.log10(2), 1);
    expect(detector.phi(lastMs + 6_000)).toBeGreaterThan(8);
  });

  test("phi() grows more slowly when heart-beats come irregularly", () => {
    const [regular, irregular] = [new PhiDetector(), new PhiDetector()];
    const random = seededRandom(1);
    let nowMs = 0;
    for (let at = 0; at < 200; at++) {
      nowMs += 200 + 1_600 * random.next();
      irregular.heartbeat(nowMs);
    }
    const lastMs = beat(regular, 200, 1_000);
    expect(irregular.phi(nowMs + 5_000)).toBeLessThan(regular.phi(lastMs + 5_000));
  });

  test("heartbeat() forgets intervals that leave the window", () => {
    const detector = new PhiDetector({ windowSize: 10 });
    const lastMs = beat(detector, 50, 2_000);
    for (let at = 1; at <= 10; at++) detector.heartbeat(lastMs + at * 500);
    expect(detector.meanMs).toBeCloseTo(500, 6);
    expect(detector.deviationMs).toBe(200);
  });

  test("heartbeat() does not learn from a silence that was taken for an end", () => {
    const detector = new PhiDetector();
    const lastMs = beat(detector, 50, 1_000);
    const before = detector.meanMs;
    detector.heartbeat(lastMs + 60_000);
    expect(detector.meanMs).toBe(before);
    expect(detector.phi(lastMs + 60_000)).toBeLessThan(0.01);
  });

  test("heartbeat() ignores one older than the last", () => {
    const detector = new PhiDetector();
    beat(detector, 10, 1_000);
    detector.heartbeat(5_000);
    expect(detector.lastMs).toBe(10_000);
  });

  test("reset() forgets what was", () => {
    const detector = new PhiDetector();
    beat(detector, 10, 5_000);
    detector.reset();
    expect([detector.meanMs, detector.lastMs]).toEqual([1_000, undefined]);
  });

  test("mean and deviation are those of the last intervals, summed up anew, for any intervals", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 3_000 }), { maxLength: 60 }), (intervals) => {
        const detector = new PhiDetector({ windowSize: 8, learnPhiMax: 1e9, deviationMsMin: 1e-9 });
        let nowMs = 0;
        detector.heartbeat(nowMs);
        for (const each of intervals) {
          nowMs += each;
          detector.heartbeat(nowMs);
        }
        const last = [750, 1_250, ...intervals].slice(-8);
        const mean = last.reduce((sum, each) => sum + each, 0) / last.length;
        const variance = last.reduce((sum, each) => sum + (each - mean) ** 2, 0) / last.length;
        expect(detector.meanMs).toBeCloseTo(mean, 6);
        expect(detector.deviationMs).toBeCloseTo(Math.sqrt(variance), 3);
      }),
    );
  });

  test("reachesMs() names the moment at which phi() reaches it", () => {
    const detector = new PhiDetector();
    beat(detector, 30, 900);
    for (const phi of [0.5, 1, 8, 12, 100]) {
      const atMs = detector.reachesMs(phi)!;
      expect(detector.phi(atMs)).toBeCloseTo(phi, 3);
      expect(detector.phi(atMs - 5)).toBeLessThan(phi);
    }
  });

  test("new PhiDetector() refuses options that make no sense", () => {
    expect(() => new PhiDetector({ windowSize: 1, deviationMsMin: 0 })).toThrow(
      "deviationMsMin 0, milliseconds above 0 are required; windowSize 1, a whole number from 2 to 10000 is required",
    );
  });
});
