import { expect, test } from "bun:test";
import { lanOptions } from "../../../src/protocol/swim/index.ts";
import { runSeed } from "../run/index.ts";
import { QUIET_NODES, quietScenario } from "./swim-quiet.ts";
import { SCALE_SIZES, swimScaleScenario } from "./swim-scale.ts";

const SEEDS = [1, 2];

async function suspicionsOfHealthy(healthMax: number): Promise<number> {
  const options = { ...lanOptions(QUIET_NODES), healthMax };
  const scenario = quietScenario({ options, suspicionsMax: Number.POSITIVE_INFINITY });
  let sum = 0;
  for (const seed of SEEDS)
    sum += (await runSeed(scenario, { seed })).measures["suspicions of the healthy"] ?? Number.NaN;
  return sum;
}

test("Swim raises at least 20 times more suspicions of healthy nodes in an hour when local health is switched off", async () => {
  const { healthMax } = lanOptions(QUIET_NODES);
  const [on, off] = [await suspicionsOfHealthy(healthMax), await suspicionsOfHealthy(0)];
  expect(on).toBeGreaterThan(0);
  expect(off / on).toBeGreaterThanOrEqual(20);
});

test("Swim sends no more from 200 nodes each than from 50, and a join is known in ten periods", async () => {
  for (const size of [50, 200] as const) {
    const { failed, report } = await runSeed(swimScaleScenario, { seed: SCALE_SIZES.indexOf(size) + 1 });
    expect(failed).toBeUndefined();
    expect(report.at(-1)).toContain(` ${size} `);
  }
});
