import { expect, test } from "bun:test";
import { lanOptions, type SwimOptions } from "../../../src/protocol/swim/index.ts";
import { runSeed } from "../run/index.ts";
import { QUIET_NODES, quietScenario } from "./swim-quiet.ts";
import { SCALE_SIZES, swimScaleScenario } from "./swim-scale.ts";

async function suspicionsOfHealthy(options: SwimOptions, isJudged: boolean): Promise<number> {
  const { failed, measures } = await runSeed(quietScenario({ options, isJudged }), { seed: 1 });
  expect(failed).toBeUndefined();
  return measures["suspicions of the healthy"]!;
}

test("Swim takes nobody for dead in an hour, and suspects the healthy 20 times more often without local health", async () => {
  const options = lanOptions(QUIET_NODES);
  const on = await suspicionsOfHealthy(options, true);
  const off = await suspicionsOfHealthy({ ...options, healthMax: 0 }, false);
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
