import { describe, expect, test } from "bun:test";
import { firstFailing, minimize, runSeed } from "../run/index.ts";
import { registerScenario } from "./register.ts";

const SEEDS = 200;

async function verbose(seed: number, bug?: string): Promise<readonly string[]> {
  const lines: string[] = [];
  const { digest, measures } = await runSeed(registerScenario, { seed, bug, print: (line) => lines.push(line) });
  return [...lines, digest, JSON.stringify(measures)];
}

describe("scenario register", () => {
  test(`holds for seeds 1 to ${SEEDS}`, async () => {
    expect(await firstFailing(registerScenario, undefined, SEEDS)).toBeUndefined();
  });

  for (const bug of Object.keys(registerScenario.bugs)) {
    test(`fails within 1,000 seeds when the bug ${bug} is planted`, async () => {
      const outcome = await firstFailing(registerScenario, bug);
      expect(outcome?.failed?.kind).toMatch(/safety|convergence/);
    });
  }
});

test("runSeed() does the same, byte for byte, when run again with the same seed, verbose or not", async () => {
  const digests = new Set<string>();
  for (let seed = 1; seed <= 20; seed++) {
    const lines = await verbose(seed);
    expect(await verbose(seed)).toEqual(lines);
    const { digest } = await runSeed(registerScenario, { seed });
    expect(lines).toContain(digest);
    digests.add(digest);
  }
  expect(digests.size).toBe(20);
});

test("runSeed() prints the schedule of faults and what happens when it is verbose", async () => {
  const lines = await verbose(3);
  expect(lines[0]).toStartWith("planned ");
  expect(
    lines.filter((line) => / fault: | node \d datagram from \d: have \d+| is killed| starts, life 2/.test(line)).length,
  ).toBeGreaterThan(100);
});

test("minimize() leaves a schedule that still fails, and not without any one fault", async () => {
  const bug = "no-sync";
  const without = await minimize(registerScenario, { seed: 1, bug });
  const whole = await runSeed(registerScenario, { seed: 1, bug });
  expect(without.size).toBeGreaterThan(0);
  expect((await runSeed(registerScenario, { seed: 1, bug, without })).failed?.kind).toBe(whole.failed!.kind);
  for (let index = 0; index < whole.faults; index++) {
    if (without.has(index)) continue;
    const less = await runSeed(registerScenario, { seed: 1, bug, without: new Set([...without, index]) });
    expect(less.failed?.kind).not.toBe(whole.failed!.kind);
  }
});
