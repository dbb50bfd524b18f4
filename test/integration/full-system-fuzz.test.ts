/** Random pipelines against a model that walks the records one by one. DISTRIBUTED_SYSTEM_FUZZ_SEED repeats one of them. */
import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../src/base/random.ts";
import { FUZZ_RECORDS, type FuzzRecord, randomPipeline, walk } from "../support/fuzz-pipeline.ts";
import { orders } from "../support/orders.ts";
import { Workspace } from "../support/workspace.ts";

const PIPELINES = 20;
const given = process.env.DISTRIBUTED_SYSTEM_FUZZ_SEED;
const first = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
const SEEDS = Array.from({ length: given === undefined ? PIPELINES : 1 }, (_, index) => first + index);

describe("run against a model", () => {
  for (const seed of SEEDS) {
    test(`run does what the model says when the pipeline is random (DISTRIBUTED_SYSTEM_FUZZ_SEED=${seed})`, async () => {
      const pipeline = randomPipeline(seededRandom(seed));
      using space = new Workspace();
      const input = orders(FUZZ_RECORDS, { seed });
      space.write("in.ndjson", input);
      const lines = pipeline.stages.map(({ source, policy, params }, index) => {
        space.write(`stage${index}.ts`, source);
        return `stage${index}|stage${index}.ts|${params}|true|${policy}|1|10s`;
      });
      space.pipeline(lines, { settings: pipeline.settings });
      const { code, summary, stderr } = await space.run();
      const said = `${space.text("pipeline.txt")}\n${stderr}`;
      expect(code, said).toBe(0);
      const records = space.records("in.ndjson") as unknown as FuzzRecord[]; // orders() numbers them
      const expected = walk(pipeline, records);
      const counts = summary.stages
        .slice(1)
        .map((each) => [each.in, each.out, each.filtered, each.deadLettered, each.skipped]);
      expect(counts, said).toEqual(expected.counts.map((each) => [...each]));
      const found = space.records("out.ndjson") as unknown as FuzzRecord[];
      if (!pipeline.ordered) found.sort((a, b) => a.id - b.id);
      expect(found, said).toEqual([...expected.records]);
    });
  }
});
