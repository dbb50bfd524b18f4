/** Parameters of the engine that are wrong together or for a stage: what is said of them does not contradict itself. */
import { expect, test } from "bun:test";
import { engineParamConflicts, engineSchema } from "../../../../../src/work/pipeline/file/engine-params.ts";

test("engineParamConflicts() refuses CUSTOM as the balancer of a stage, and does not name it as allowed", () => {
  for (const [balancer, message] of [
    ["CUSTOM", '"CUSTOM" is a balancer of whole pipelines and not of a stage'],
    ["random_one", '"random_one" is no balancer'],
  ] as const) {
    const [conflict, ...more] = engineParamConflicts({ balancer });
    expect(more).toEqual([]);
    expect(conflict).toMatchObject({ name: "balancer", message });
    expect(conflict!.allowed).toStartWith("one of ROUND_ROBIN, ");
    expect(conflict!.allowed).not.toContain("CUSTOM");
  }
  expect(engineParamConflicts({ balancer: "LEAST_LOAD" })).toEqual([]);
  expect(JSON.stringify(engineSchema.balancer)).not.toContain("CUSTOM");
});
