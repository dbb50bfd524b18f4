/** What a newcomer runs first: the shipped pipelines over the shipped samples. Their output depends on the input alone. */
import { describe, expect, test } from "bun:test";
import { cpSync, existsSync, readdirSync, readFileSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { seededRandom } from "../../src/base/random.ts";
import { Workspace } from "../support/workspace.ts";

const ROOT = join(import.meta.dir, "../..");
const PIPELINES = readdirSync(join(ROOT, "config")).filter((name) => name.endsWith("_pipeline.txt"));

const KILLS = 6;
const SEED = Number(process.env.DISTRIBUTED_SYSTEM_CHAOS_SEED ?? Math.floor(Math.random() * 2 ** 31));

/** A copy of what a checkout offers, somewhere else. */
function checkout(): Workspace {
  const space = new Workspace();
  for (const folder of ["config", "plugins"]) cpSync(join(ROOT, folder), space.at(folder), { recursive: true });
  return space;
}

/** All it gives: standard output and files. Dead letters say when they were written, audit lines in which run. */
async function outputsOf(space: Workspace, pipeline: string): Promise<Map<string, string>> {
  const { code, stdout, stderr } = await space.exec(["run", pipeline]);
  expect(code, stderr).toBe(0);
  expect(stderr).toContain("Every record is accounted for");
  const folder = space.at("output");
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const files = names.filter((name) => /^(?!audit).*\.(ndjson|csv)$/.test(name));
  const texts = files.map((name) => [name, readFileSync(join(folder, name), "utf8").replace(/"time":"[^"]*",/g, "")]);
  return new Map([["standard output", stdout], ...(texts as [string, string][])]);
}

function touchSamples(space: Workspace, timeS: number): void {
  const folder = space.at("config", "sample");
  for (const name of readdirSync(folder)) utimesSync(join(folder, name), timeS, timeS);
}

describe("the shipped pipelines", () => {
  for (const name of PIPELINES) {
    test(`config/${name} gives the same bytes in another directory, at another time, from files of another date`, async () => {
      using here = checkout();
      touchSamples(here, 1_000_000_000);
      const first = await outputsOf(here, `config/${name}`);
      using there = checkout();
      touchSamples(there, 1_700_000_000);
      const second = await outputsOf(there, `config/${name}`);
      expect([...first.values()].join("").length).toBeGreaterThan(500);
      expect(second).toEqual(first);
    });
  }

  test("config/basic_pipeline.txt shows every path, and its audit file verifies", async () => {
    using space = checkout();
    const { summary } = await space.run(["config/basic_pipeline.txt"]);
    const sum = (key: "filtered" | "deadLettered" | "added"): number =>
      summary.stages.reduce((total, stage) => total + stage[key], 0);
    expect(summary.stages[0]!.deadLettered).toBeGreaterThan(0);
    for (const key of ["filtered", "deadLettered", "added"] as const) expect(sum(key)).toBeGreaterThan(0);
    const { code, stdout } = await space.exec(["audit", "verify", "output/audit.ndjson"]);
    expect(code, stdout).toBe(0);
    const lines = space.text("output/audit.ndjson");
    space.write("output/audit.ndjson", lines.replace('"count":2', '"count":3'));
    expect((await space.exec(["audit", "verify", "output/audit.ndjson"])).code).toBe(1);
  });

  test("config/basic_pipeline.txt gives the same bytes when it is killed again and again on the way", async () => {
    const pipeline = "config/basic_pipeline.txt";
    using calm = checkout();
    const reference = await outputsOf(calm, pipeline);
    using wild = checkout();
    const random = seededRandom(SEED);
    for (let kill = 0; kill < KILLS; kill++) {
      await using program = wild.start(["run", pipeline]);
      await program.until("its plugins run", () => !program.running || program.hosts().length >= 5);
      await Bun.sleep(random.below(150)); // where it strikes is the point
      if (program.running) await program.killHard();
    }
    expect(await outputsOf(wild, pipeline), `seed ${SEED}`).toEqual(reference);
    const verified = await wild.exec(["audit", "verify", "output/audit.ndjson"]);
    expect(verified.code, verified.stdout).toBe(0);
  });
});
