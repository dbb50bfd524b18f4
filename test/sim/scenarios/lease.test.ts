import { describe, expect, test } from "bun:test";
import { findBug, firstFailing, runSeed } from "../run/index.ts";
import { leaseScenario } from "./lease.ts";
import { leaseScalingScenario, SCALING_ROWS } from "./lease-scaling.ts";

/** Seeds that are cheap enough for every run of the tests; `npm run sim -- --seeds 10000` runs more. */
const SEEDS = 40;
/** Where bugs were found that the first seeds do not show. */
const FOUND_AT: Readonly<Record<string, number>> = { "numbers-repeat": 50 };

describe("scenario lease", () => {
  test(`holds for seeds 1 to ${SEEDS}`, async () => {
    expect((await firstFailing(leaseScenario, undefined, SEEDS))?.failed).toBeUndefined();
  });

  test("reaches every way that a lease can go when 20 seeds are run", async () => {
    const sums: Record<string, number> = {};
    for (let seed = 1; seed <= 20; seed++) {
      const { measures } = await runSeed(leaseScenario, { seed });
      for (const [name, value] of Object.entries(measures)) sums[name] = (sums[name] ?? 0) + value;
    }
    for (const [name, value] of Object.entries(sums)) expect([name, value > 0]).toEqual([name, true]);
  });

  for (const bug of Object.keys(leaseScenario.bugs)) {
    test(`fails within 1,000 seeds when the bug ${bug} is planted`, async () => {
      const outcome = await findBug(leaseScenario, bug, { foundAt: FOUND_AT[bug] });
      expect(outcome?.failed?.kind).toMatch(/^(safety|convergence)$/);
    });
  }
});

test("runSeed() of the scenario lease does the same when run again with the same seed", async () => {
  for (let seed = 1; seed <= 5; seed++) {
    expect(await runSeed(leaseScenario, { seed })).toEqual(await runSeed(leaseScenario, { seed }));
  }
});

test("LeaseTable gets done what its workers can when they are 1, 2, 4 or 8, also with one that is ten times slower", async () => {
  for (let seed = 1; seed <= SCALING_ROWS.length; seed++) {
    expect((await runSeed(leaseScalingScenario, { seed })).failed).toBeUndefined();
  }
});
