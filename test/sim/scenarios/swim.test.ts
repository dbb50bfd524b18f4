import { describe, expect, test } from "bun:test";
import { type AnyScenario, findBug, firstFailing, runSeed } from "../run/index.ts";
import { swimScenario } from "./swim.ts";
import { swimLeaveScenario } from "./swim-leave.ts";
import { swimPartitionScenario } from "./swim-partition.ts";
import { swimQuietScenario } from "./swim-quiet.ts";

/** Seeds that are cheap enough for every run of the tests; `npm run sim -- --seeds 10000` runs more. */
const SEEDS: readonly (readonly [AnyScenario, number])[] = [
  [swimScenario, 40],
  [swimLeaveScenario, 40],
  [swimPartitionScenario, 40],
  [swimQuietScenario, 0], // swim-targets.test.ts runs an hour of it
];
/** Where bugs were found that the first seeds do not show. */
const FOUND_AT: Readonly<Record<string, number>> = { "replay-accepted": 98, "no-anti-entropy": 9, "no-reconnect": 12 };

for (const [scenario, seeds] of SEEDS) {
  describe(`scenario ${scenario.name}`, () => {
    if (seeds > 0) {
      test(`holds for seeds 1 to ${seeds}`, async () => {
        expect((await firstFailing(scenario, undefined, seeds))?.failed).toBeUndefined();
      });
    }

    for (const bug of Object.keys(scenario.bugs)) {
      test(`fails within 1,000 seeds when the bug ${bug} is planted`, async () => {
        const outcome = await findBug(scenario, bug, { foundAt: FOUND_AT[bug] });
        expect(outcome?.failed?.kind).toMatch(/^(safety|convergence)$/);
      });
    }
  });
}

test("runSeed() does the same with 16 members and all faults when run again with the same seed", async () => {
  for (let seed = 1; seed <= 5; seed++) {
    const lines: string[] = [];
    const verbose = await runSeed(swimScenario, { seed, print: (line) => lines.push(line) });
    const again: string[] = [];
    expect(await runSeed(swimScenario, { seed, print: (line) => again.push(line) })).toEqual(verbose);
    expect(Bun.hash(again.join("\n"))).toBe(Bun.hash(lines.join("\n")));
    expect(await runSeed(swimScenario, { seed })).toEqual(verbose);
  }
});
