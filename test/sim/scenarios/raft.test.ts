import { describe, expect, test } from "bun:test";
import { findBug, firstFailing, runSeed } from "../run/index.ts";
import { raftDamageScenario, raftLeaseScenario, raftMembershipScenario, raftScenario } from "./raft.ts";
import type { RAFT_BUGS } from "./raft-bugs.ts";

/** Seeds that are cheap enough for every run of the tests; `npm run sim -- --seeds 10000` runs more. */
const SEEDS = 20;
/** Where bugs were found that the first seeds do not show; when the machine has changed they are looked for from seed 1. */
const FOUND_AT: Readonly<Partial<Record<keyof typeof RAFT_BUGS, number>>> = {
  "vote-not-synced": 18,
  "entries-not-synced": 3,
  "torn-end-kept": 18,
  "elects-stale": 11,
  "no-match": 26,
  "keeps-conflicts": 5,
  "leads-on": 69,
  "unconfirmed-read": 27,
  "read-before-own-term": 21,
  "applies-twice": 4,
  "sessions-forgotten": 275,
  "no-drift-margin": 16,
  "lease-from-answer": 43,
  "not-sticky": 561,
  "transfer-keeps-lease": 60,
  "changes-overlap": 3,
  "never-joint": 2,
  "one-majority": 2,
  "remembers-the-lost": 612,
};

const SCENARIOS = [raftScenario, raftLeaseScenario, raftMembershipScenario, raftDamageScenario];

for (const scenario of SCENARIOS) {
  describe(`scenario ${scenario.name}`, () => {
    test(`holds for seeds 1 to ${SEEDS}`, async () => {
      expect((await firstFailing(scenario, undefined, SEEDS))?.failed).toBeUndefined();
    });

    for (const bug of Object.keys(scenario.bugs) as (keyof typeof RAFT_BUGS)[]) {
      test(`fails within 1,000 seeds when the bug ${bug} is planted`, async () => {
        const outcome = await findBug(scenario, bug, { foundAt: FOUND_AT[bug] });
        expect(outcome?.failed?.kind).toMatch(/^(safety|convergence|crash)$/);
      });
    }
  });
}

test("the scenarios of Raft reach what they are about when 20 seeds of each are run", async () => {
  const sums: Record<string, number> = {};
  for (const scenario of SCENARIOS) {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { measures } = await runSeed(scenario, { seed });
      for (const [name, value] of Object.entries(measures)) sums[name] = (sums[name] ?? 0) + value;
    }
  }
  for (const [name, value] of Object.entries(sums)) expect([name, value > SEEDS]).toEqual([name, true]);
});

test("runSeed() of a scenario of Raft does the same when run again with the same seed", async () => {
  for (const scenario of SCENARIOS) {
    for (let seed = 1; seed <= 2; seed++) {
      expect(await runSeed(scenario, { seed })).toEqual(await runSeed(scenario, { seed }));
    }
  }
});
