/** Thousands of schedules against the model; and defects planted on purpose, which it has to notice. */
import { describe, expect, test } from "bun:test";
import { Simulation } from "./simulation.ts";

const SEEDS = 60;

describe("Cache", () => {
  test("get() never gives what its node knew to be outdated when Redis fails, lies silent and loses data", async () => {
    let sharedHits = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const outcome = await new Simulation(seed).run();
      expect({ seed, violations: outcome.violations, errors: outcome.errors }).toEqual({
        seed,
        violations: [],
        errors: [],
      });
      expect({ seed, isOpen: outcome.isOpen, journal: outcome.journal }).toEqual({ seed, isOpen: true, journal: 0 });
      expect(outcome.answered).toBeGreaterThan(100);
      sharedHits += outcome.sharedHits;
    }
    expect(sharedHits).toBeGreaterThan(SEEDS);
  });

  for (const planted of ["apply is ignored", "an old snapshot goes unnoticed", "versions come again"] as const) {
    test(`the model notices it when ${planted}`, async () => {
      for (let seed = 1; seed <= 4 * SEEDS; seed++) {
        const { violations } = await new Simulation(seed, planted).run();
        if (violations.length > 0) return;
      }
      throw new Error(`no violation in ${4 * SEEDS} schedules`);
    });
  }
});
