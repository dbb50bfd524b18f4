import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { seededRandom } from "../../../../src/base/random.ts";
import { HealthChecker, type HealthInput, type HealthState } from "../../../../src/protocol/health/index.ts";
import { type CompleteOptions, ModelChecker } from "./model.ts";
import { run } from "./transcript.ts";

const TRANSCRIPTS = join(import.meta.dir, "transcripts");

describe("HealthChecker transcripts", () => {
  for (const name of readdirSync(TRANSCRIPTS)) {
    test(`step() writes ${name} when replayed`, () => {
      const path = join(TRANSCRIPTS, name);
      const golden = readFileSync(path, "utf8");
      const replayed = run(golden);
      if (process.env.UPDATE_TRANSCRIPTS === "1") writeFileSync(path, replayed);
      else expect(replayed).toBe(golden);
    });
  }
});

const options: fc.Arbitrary<CompleteOptions> = fc.record({
  intervalMs: fc.integer({ min: 1, max: 30 }),
  timeoutMs: fc.integer({ min: 1, max: 40 }),
  failureThreshold: fc.integer({ min: 1, max: 3 }),
  successThreshold: fc.integer({ min: 1, max: 3 }),
  jitter: fc.constant(0),
});
const KINDS = ["tick", "tick", "passed", "passed", "failed", "failed", "pause", "resume", "resume", "start", "stop"];
const event = fc.record({
  kind: fc.constantFrom(...KINDS),
  /** An answer is for the newest check, or the one before. */
  old: fc.boolean(),
  /** Starts and stops happen only when this is 0: a run must come to something. */
  rare: fc.nat({ max: 7 }),
  passMs: fc.constantFrom(0, 1, 2, 5, 20, 60),
});
type Event = { kind: string; old: boolean; rare: number; passMs: number };
const events = fc.array(event, { maxLength: 120 });

function inputOf({ kind, old, rare }: Event, checks: number): HealthInput {
  if (kind === "passed" || kind === "failed") {
    const check = Math.max(1, checks - Number(old && rare < 3));
    if (checks === 0) return { type: "tick" };
    return kind === "passed" ? { type: kind, check } : { type: "failed", check, reason: "tired" };
  }
  if ((kind === "start" || kind === "stop") && rare > 0) return { type: "tick" };
  return { type: kind as "start" | "stop" | "pause" | "resume" | "tick" };
}

const CHANCE = seededRandom(1);

describe("HealthChecker", () => {
  test("step() decides as the dumber model does whatever happens", () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(options, events, (given, happened) => {
        const checker = new HealthChecker(given, CHANCE);
        const model = new ModelChecker(given);
        const changes: (readonly [HealthState, number])[] = [];
        const begunMs: number[] = [];
        let nowMs = 0;
        for (const each of [{ kind: "start", old: false, rare: 0, passMs: 0 }, ...happened]) {
          nowMs += each.passMs;
          const input = inputOf(each, begunMs.length);
          model.liveUntil(nowMs);
          model.give(input);
          for (const effect of checker.step(input, nowMs)) {
            if (effect.type === "check") begunMs.push(nowMs);
            else changes.push([effect.to, effect.atMs]);
            if (effect.type === "changed") seen.add(`${effect.from} → ${effect.to}`);
          }
          expect(checker.state).toBe(model.state);
          expect(begunMs).toEqual(model.begunMs);
        }
        expect(changes).toEqual(model.changes);
      }),
      { numRuns: 1500 },
    );
    expect([...seen].sort()).toEqual([
      "healthy → unhealthy",
      "healthy → unknown",
      "unhealthy → healthy",
      "unhealthy → unknown",
      "unknown → healthy",
      "unknown → unhealthy",
    ]);
  });

  test("step() has one check under way at most, and counts every answer, whatever happens", () => {
    fc.assert(
      fc.property(options, events, (given, happened) => {
        const checker = new HealthChecker(given, CHANCE);
        let nowMs = 0;
        let answers = 0;
        checker.step({ type: "start" }, nowMs);
        for (const each of happened) {
          nowMs += each.passMs;
          const before = checker.counts();
          const input = inputOf(each, before.checks);
          const begun = checker.step(input, nowMs).filter(({ type }) => type === "check").length;
          if ("check" in input) answers++;
          expect(begun).toBeLessThanOrEqual(1);
        }
        const { checks, failed, late, passed, timedOut } = checker.counts();
        expect(passed + failed - timedOut + late).toBe(answers);
        expect(passed + failed).toBeLessThanOrEqual(checks);
      }),
      { numRuns: 500 },
    );
  });

  test("step() begins the first check within the jitter's share of an interval, at the same time for the same seed", () => {
    const firstMs = (seed: number, jitter: number): number => {
      const checker = new HealthChecker({ intervalMs: 1000, timeoutMs: 10, jitter }, seededRandom(seed));
      return checker.step({ type: "start" }, 0).length > 0 ? 0 : checker.nextDeadlineMs!;
    };
    const times = Array.from({ length: 200 }, (_, seed) => firstMs(seed, 0.3));
    expect(Math.max(...times)).toBeLessThan(300);
    expect(Math.max(...times)).toBeGreaterThan(250);
    expect(Math.min(...times)).toBeLessThan(50);
    expect(times).toEqual(Array.from({ length: 200 }, (_, seed) => firstMs(seed, 0.3)));
    expect(firstMs(7, 0)).toBe(0);
  });

  test("step() throws when the check was never asked for, or time goes back", () => {
    const checker = new HealthChecker({ intervalMs: 10, timeoutMs: 10 }, CHANCE);
    expect(() => checker.step({ type: "passed", check: 1 }, 0)).toThrow("check 1 was never asked for");
    checker.step({ type: "tick" }, 5);
    expect(() => checker.step({ type: "tick" }, 4)).toThrow("time went back from 5 to 4 ms");
  });
});
