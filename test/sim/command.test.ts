import { expect, test } from "bun:test";
import { join } from "node:path";
import { parseOptions } from "../../scripts/sim/options.ts";

const ROOT = join(import.meta.dir, "..", "..");

async function sim(...words: readonly string[]): Promise<{ readonly code: number; readonly text: string }> {
  const child = Bun.spawn([process.execPath, "scripts/sim.ts", ...words], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [text, errors] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, text: text + errors };
}

/** Without what depends on the machine's speed. */
function timeless(text: string): string {
  return text.replace(/in [\d.]+ s, \d+ times real time per core, \d+ k events\/s/g, "");
}

test("sim says how many seeds hold and how fast, with one process or two", async () => {
  const one = await sim("--scenario", "register", "--seeds", "120");
  expect(one.code).toBe(0);
  expect(one.text).toMatch(/^register: 120 seeds, 0 failed; [\d.]+ s simulated in [\d.]+ s, \d+ times real time/);
  const two = await sim("--scenario", "register", "--seeds", "120", "--jobs", "2");
  expect([two.code, timeless(two.text)]).toEqual([0, timeless(one.text)]);
});

test("sim prints the command that runs a failing seed again, and what of its schedule is needed", async () => {
  const { code, text } = await sim("--scenario", "register", "--bug", "no-sync", "--minimize");
  expect(code).toBe(0);
  expect(text).toContain("npm run sim -- --scenario register --seed 1 --bug no-sync --verbose");
  expect(text).toMatch(/these faults suffice: safety: node \d has told \d+ and comes back with \d+\n {4}planned /);
});

test("sim exits with 1 when a planted bug is not found", async () => {
  const { code, text } = await sim("--scenario", "register", "--bug", "no-wait", "--seed", "1");
  expect([code, text]).toEqual([1, expect.stringContaining("the planted bug no-wait was not found")]);
});

test("sim prints what happens in a seed when it is verbose, and lists scenarios with their bugs", async () => {
  const { text } = await sim("--scenario", "register", "--seed", "2", "--verbose");
  expect(text).toMatch(/^planned /);
  expect(text).toMatch(/ node \d datagram from \d: have \d+/);
  expect((await sim("--list")).text).toContain("  --bug no-sync: ");
});

test("parseOptions() refuses what it does not know, and takes one seed as a run of one", () => {
  expect(parseOptions(["--seed", "7"])).toMatchObject({ from: 7, seeds: 1, isSingle: true });
  expect(parseOptions(["--seeds", "20", "--from", "5"])).toMatchObject({ from: 5, seeds: 20, isSingle: false });
  expect(parseOptions(["--help"])).toBeUndefined();
  expect(() => parseOptions(["--seeds", "0"])).toThrow('--seeds is "0"; a whole number from 1');
  expect(() => parseOptions(["--sed", "1"])).toThrow();
});
