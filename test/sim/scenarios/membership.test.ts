import { describe, expect, test } from "bun:test";
import { findBug, runSeed } from "../run/index.ts";
import { membershipScenario } from "./membership-chaos.ts";
import { partitionOneWayScenario } from "./partition-one-way.ts";

const SEEDS = 4;
/** Where bugs were found that the first seeds do not show. */
const FOUND_AT: Readonly<Record<string, number>> = { "no-reconnect": 6 };

for (const scenario of [membershipScenario, partitionOneWayScenario]) {
  describe(`scenario ${scenario.name}`, () => {
    test(`holds for seeds 1 to ${SEEDS}`, async () => {
      for (let seed = 1; seed <= SEEDS; seed++) {
        const { failed } = await runSeed(scenario, { seed });
        expect([seed, failed]).toEqual([seed, undefined]);
      }
    });
  });
}

for (const bug of Object.keys(membershipScenario.bugs)) {
  test(`scenario membership fails within 100 seeds when the bug ${bug} is planted`, async () => {
    const outcome = await findBug(membershipScenario, bug, { foundAt: FOUND_AT[bug], seedsMax: 100 });
    expect(outcome?.failed?.kind).toMatch(/^(safety|convergence)$/);
  });
}

test("runSeed() does the same with whole memberships when run again with the same seed", async () => {
  const { digest, events } = await runSeed(membershipScenario, { seed: 3 });
  expect(events).toBeGreaterThan(1_000);
  expect((await runSeed(membershipScenario, { seed: 3 })).digest).toBe(digest);
});
