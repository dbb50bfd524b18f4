/** A balancer of one's own in a real process: what it says, what is done when it hangs or dies, and that nothing of it stays behind. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CustomBalancer, SILENT_MAX } from "../../../../src/app/master/custom-balancer.ts";
import { hostsOf, killHard } from "../../../support/processes.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";
import { until } from "../../../support/until.ts";

/** More than a choice is waited for, and more than the first restart. */
const ANSWER_MS = 200;
const RESTART_MS = 1_000;

/** Chooses the last; hangs when the first is called so. */
const LIBRARY = `import { defineBalancer } from "distributed-system";
export default defineBalancer({
  info: { name: "last", version: "1.0.0", description: "the last" },
  select({ candidates }) {
    while (candidates[0].id === "hang");
    return candidates.at(-1).id;
  },
});
`;

let directory: string;
let clock: SteppedClock;
let told: string[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "distributed-system-test-"));
  clock = new SteppedClock();
  told = [];
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

function opened(source = LIBRARY): Promise<CustomBalancer> {
  const library = join(directory, "balancer.ts");
  writeFileSync(library, source);
  return CustomBalancer.open(library, "p", (text) => told.push(text), clock);
}

type Choose = Parameters<CustomBalancer["choose"]>;

/** What it says of a batch, when workers of these names are there. */
async function chosen(balancer: CustomBalancer, ...ids: readonly string[]): Promise<string | undefined> {
  const batch = `batch for ${ids.join()}`;
  const workers = ids.map((id) => ({ id, weight: 1, active: 0, stopping: 0, isDraining: false, isSilent: false }));
  const choice = { batch, bytes: 1, workers } as unknown as Choose[1]; // what is handed on
  const asked = balancer.choose({ plans: [{ name: "s" }] } as unknown as Choose[0], choice);
  if (ids[0] === "hang") clock.advance(ANSWER_MS);
  await asked;
  return balancer.select([], { key: batch } as Parameters<CustomBalancer["select"]>[1], 0);
}

test("choose() keeps what the plugin says; when it hangs it is ended after a few batches, and is there again later", async () => {
  const balancer = await opened();
  const [first] = hostsOf(process.pid);
  expect(await chosen(balancer, "a", "b")).toBe("b");
  for (let at = 0; at < SILENT_MAX; at++) expect(await chosen(balancer, "hang")).toBeUndefined();
  await until("its end is told", () => told.some((text) => text.includes("choices in a row had no answer")));
  expect(hostsOf(process.pid)).not.toContain(first);
  expect(await chosen(balancer, "a", "c")).toBeUndefined(); // at once: there is nobody to wait for
  clock.advance(RESTART_MS);
  expect(await until("it answers again", () => chosen(balancer, "a", "d"))).toBe("d");
  await balancer.close();
  expect({ hosts: hostsOf(process.pid), timers: clock.timers }).toEqual({ hosts: [], timers: 0 });
});

test("close() ends a start under way, and leaves no process and no timer", async () => {
  const balancer = await opened();
  killHard(hostsOf(process.pid)[0]!);
  await until("its end is told", () => told.length > 0);
  clock.advance(RESTART_MS);
  await until("it starts again", () => hostsOf(process.pid).length > 0);
  await balancer.close();
  expect({ hosts: hostsOf(process.pid), timers: clock.timers }).toEqual({ hosts: [], timers: 0 });
  expect(told).toHaveLength(1); // that it did not become ready was asked for
});

test("close() ends the wait before a restart", async () => {
  const balancer = await opened();
  killHard(hostsOf(process.pid)[0]!);
  await until("its end is told", () => told.length > 0);
  await balancer.close();
  expect({ hosts: hostsOf(process.pid), timers: clock.timers }).toEqual({ hosts: [], timers: 0 });
});

test("open() fails with why the library is no balancer, and leaves no process", async () => {
  await expect(opened("export default 1;")).rejects.toMatchObject({ code: expect.stringContaining("plugin.") });
  await until("its process is gone", () => hostsOf(process.pid).length === 0);
});
