import { describe, expect, test } from "bun:test";
import { findBug, firstFailing, runSeed } from "../run/index.ts";
import { partitionCutScenario } from "./partition-cut.ts";
import { partitionScenario } from "./partition-split.ts";

const SEEDS = 4;
/** Cheap ones: a tenth of a second each. */
const CUT_SEEDS = 20;
/** Where bugs were found that the first seeds do not show. */
const FOUND_AT: Readonly<Record<string, number>> = {
  "tie-undecided": 16,
  "no-stable-after": 3,
  "quorum-too-small": 2,
  "down-votes": 7,
};

describe("scenario partition", () => {
  test(`holds for seeds 1 to ${SEEDS}, and is judged in each`, async () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { failed, measures } = await runSeed(partitionScenario, { seed });
      expect([seed, failed]).toEqual([seed, undefined]);
      expect(measures.judged).toBeGreaterThan(0);
    }
  });

  for (const bug of Object.keys(partitionScenario.bugs)) {
    test(`fails within 100 seeds when the bug ${bug} is planted`, async () => {
      const outcome = await findBug(partitionScenario, bug, { foundAt: FOUND_AT[bug], seedsMax: 100 });
      expect(outcome?.failed).toMatchObject({ kind: "safety", message: expect.stringContaining("are up") });
    });
  }
});

describe("scenario partition-cut", () => {
  test(`holds for seeds 1 to ${CUT_SEEDS}, and somebody is given up in each`, async () => {
    for (let seed = 1; seed <= CUT_SEEDS; seed++) {
      const { failed, measures } = await runSeed(partitionCutScenario, { seed });
      expect([seed, failed]).toEqual([seed, undefined]);
      expect(measures["given up"]).toBeGreaterThan(0);
    }
  });

  for (const bug of Object.keys(partitionCutScenario.bugs)) {
    test(`fails within 100 seeds when the bug ${bug} is planted`, async () => {
      const outcome = await firstFailing(partitionCutScenario, bug, 100);
      expect(outcome?.failed).toMatchObject({ kind: "safety", message: expect.stringContaining("has given up") });
    });
  }
});
