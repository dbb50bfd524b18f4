import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { parseRegressions, REGRESSIONS_FILE, runSeed } from "./run/index.ts";
import { SCENARIOS } from "./scenarios/index.ts";

for (const { scenario: name, seed, line } of parseRegressions(readFileSync(REGRESSIONS_FILE, "utf8"))) {
  test(`scenario ${name} holds when run with seed ${seed} (regressions.txt:${line})`, async () => {
    const scenario = SCENARIOS.find((each) => each.name === name);
    if (scenario === undefined) throw new Error(`regressions.txt:${line}: no scenario ${name}`);
    expect((await runSeed(scenario, { seed })).failed).toBeUndefined();
  });
}

test("parseRegressions() takes scenarios and seeds, and refuses other lines with their number", () => {
  expect(parseRegressions("# no\n\nswim 12 # why\n")).toEqual([{ scenario: "swim", seed: 12, line: 3 }]);
  expect(() => parseRegressions("swim 1\nswim twelve\n")).toThrow('regressions.txt:2: "swim twelve"');
});
