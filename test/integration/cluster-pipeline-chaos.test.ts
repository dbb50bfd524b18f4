/**
 * Nothing is lost and nothing comes twice when processes of a cluster die or stop at any moment: hosts, workers, the master. A
 * short form of `npm run bench:cluster -- chaos`, which repeats a failed seed, and takes a million records.
 */
import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { type ChaosOptions, type ChaosResult, runChaos } from "../../scripts/bench/cluster/chaos.ts";
import { makeInput } from "../../scripts/bench/common/orders.ts";
import { EXECUTABLE } from "../support/program.ts";
import { Workspace } from "../support/workspace.ts";

/** Kills only and pauses too, with one stage that keeps a state and with two; 11 and 15 once wrote their dead letters twice. */
const SEEDS = [11, 15];
const RECORDS = 10_000;
/** Each deed costs a recovery: on a busy machine time alone would bring ever more of them. */
const OPTIONS = { everyMs: 750, minutes: 0.06, workers: 2, deedsMax: 9 };
/** Of the run in which nothing strikes. */
const PLANTED_RECORDS = 3_000;
/** What a busy machine takes, several times over. */
const TEST_TIMEOUT_MS = 240_000;

async function chaos(seed: number, records = RECORDS, more: Partial<ChaosOptions> = {}): Promise<ChaosResult> {
  using space = new Workspace();
  mkdirSync(space.at("site"));
  const site = { directory: space.at("site"), executable: EXECUTABLE, input: makeInput(space.path, records) };
  return await runChaos(site, { ...OPTIONS, seed, ...more });
}

for (const seed of SEEDS) {
  test(
    `a master meets every obligation to its orders when processes are killed and stopped by seed ${seed}`,
    async () => {
      const { deeds, faults } = await chaos(seed);
      const { everyMs, minutes, workers } = OPTIONS;
      const words = `--seed ${seed} --records ${RECORDS} --every ${everyMs}ms --minutes ${minutes} --workers ${workers}`;
      expect(faults, `replay: npm run bench:cluster -- chaos ${words}`).toEqual([]);
      expect(deeds.length).toBeGreaterThan(5);
      expect(deeds.length).toBeLessThanOrEqual(OPTIONS.deedsMax);
    },
    TEST_TIMEOUT_MS,
  );
}

test(
  "the chaos run finds a batch that was acknowledged and not written",
  async () => {
    const env = { DISTRIBUTED_SYSTEM_PLANT_LOST_BATCH: "3" };
    const { faults } = await chaos(2, PLANTED_RECORDS, { everyMs: TEST_TIMEOUT_MS, minutes: 0.01, env });
    expect(faults.join("\n")).toMatch(/\d+ lost: /);
    expect(faults).toContain("the output is not the undisturbed run's, byte for byte");
  },
  TEST_TIMEOUT_MS,
);
