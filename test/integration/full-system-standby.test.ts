/** Standbys and health checks with real hosts of the executable: kill -9 of a host, and a host that is ill. */
import { describe, expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import type { StagePlan } from "../../src/work/pipeline/stages/types.ts";
import { plugin } from "../support/plugins.ts";
import { isGone, killHard } from "../support/processes.ts";
import { StageRig } from "../support/stage-rig.ts";
import { until } from "../support/until.ts";
import { Workspace } from "../support/workspace.ts";

const ROWS = 40;
const KILLS = 20;
const STATEFUL: Partial<StagePlan> = { stateful: true, sequential: true };

/** Batch n: records with the numbers from n × ROWS on. */
function batch(index: number): string {
  return Array.from({ length: ROWS }, (_, row) => `{"n":${index * ROWS + row}}\n`).join("");
}

/** For each record, how many it has seen in all its lives. */
const COUNTER = {
  top: "let seen = 0;",
  batch: "for (const row of batch) row.seen = ++seen;",
  snapshot: "return { seen };",
  restore: "seen = state.seen;",
} as const;

function expectComplete(rig: StageRig): void {
  const rows = rig.outputs.flatMap((text) =>
    text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line)),
  );
  expect(rig.failure).toBeUndefined();
  expect(rows.map(({ n }) => n)).toEqual(rows.map((_, index) => index));
  expect(rows.map(({ seen }) => seen)).toEqual(rows.map((_, index) => index + 1));
}

function pidOf(rig: StageRig, child: string): number | undefined {
  return rig.at.describe().children.find(({ name }) => name === child)?.pid;
}

/** The standby of the moment, once it waits for its turn. */
function readyStandby(rig: StageRig): Promise<number> {
  return until("a standby is ready", () => {
    const node = rig.at.describe().children.find(({ name }) => name === "standby 0");
    return node?.state === "running" && node.pid;
  });
}

describe("standby hosts", () => {
  test(`a lane goes on in its standby, with the state, when its host is killed ${KILLS} times under load`, async () => {
    using space = new Workspace();
    const library = space.write("counter.ts", plugin(COUNTER));
    await using rig = new StageRig({ plan: { library, ...STATEFUL, standby: 1 } });
    await rig.start();
    const flow = rig.flow(batch);
    for (let kill = 0; kill < KILLS; kill++) {
      const spare = await readyStandby(rig);
      killHard(pidOf(rig, "lane 0")!);
      await until("the standby has taken over", () => pidOf(rig, "lane 0") === spare);
    }
    await flow.stop();
    expectComplete(rig);
    expect(rig.at.progress().restarts).toBe(KILLS);
  }, 60_000);

  test("a standby that is killed is replaced, and the lane hears nothing of it", async () => {
    using space = new Workspace();
    const library = space.write("counter.ts", plugin(COUNTER));
    await using rig = new StageRig({ plan: { library, ...STATEFUL, standby: 1 } });
    await rig.start();
    const flow = rig.flow(batch);
    const lane = pidOf(rig, "lane 0");
    const spare = await readyStandby(rig);
    killHard(spare);
    await until("another standby is ready", async () => (await readyStandby(rig)) !== spare);
    await flow.stop();
    expect(pidOf(rig, "lane 0")).toBe(lane!);
    expectComplete(rig);
    expect(rig.at.stage.retries).toBe(0);
  });

  test("a standby has run init and nothing else, and every host has a number of its own", async () => {
    using space = new Workspace();
    const source = plugin({
      ...COUNTER,
      init: "console.log('init', context.lane);",
      batch: "console.log('batch', context.lane); for (const row of batch) row.seen = ++seen;",
    });
    await using rig = new StageRig({ plan: { library: space.write("counter.ts", source), ...STATEFUL, standby: 2 } });
    await rig.start();
    await rig.put(batch(0));
    await until("all have been initialised", () => rig.lines.filter((line) => line.startsWith("init")).length === 3);
    await rig.put(batch(1));
    await until("both batches were seen", () => rig.lines.filter((line) => line.startsWith("batch")).length === 2);
    expect(rig.lines.filter((line) => line.startsWith("init")).sort()).toEqual(["init 0", "init 1", "init 2"]);
    expect(rig.lines.filter((line) => line.startsWith("batch"))).toEqual(["batch 0", "batch 0"]);
  });
});

describe("health checks", () => {
  test("an ill host is replaced between two batches, and its state goes on", async () => {
    using space = new Workspace();
    const ill = space.at("ill");
    const source = plugin({
      ...COUNTER,
      top: `import { existsSync } from "node:fs"; let seen = 0; const born = !existsSync(${JSON.stringify(ill)});`,
      health: `if (born && existsSync(${JSON.stringify(ill)})) throw new Error("the connection is gone");`,
    });
    const health = { intervalMs: 20, timeoutMs: 5_000 };
    await using rig = new StageRig({ plan: { library: space.write("counter.ts", source), ...STATEFUL, health } });
    await rig.start();
    await rig.put(batch(0));
    const first = pidOf(rig, "lane 0")!;
    writeFileSync(ill, "");
    await until("the ill host is gone", () => isGone(first));
    await rig.put(batch(1));
    expectComplete(rig);
    expect(existsSync(ill)).toBe(true);
    expect(rig.named("host_exited")).toMatchObject([
      { reason: expect.stringMatching(/^was killed: its health check failed 3 in a row: the connection is gone/) },
    ]);
  });

  test("a busy loop outside of any batch is found by its silence", async () => {
    using space = new Workspace();
    const source = plugin({ ...COUNTER, health: "for (;;);" });
    const health = { intervalMs: 10, timeoutMs: 50 };
    await using rig = new StageRig({ plan: { library: space.write("counter.ts", source), ...STATEFUL, health } });
    await rig.start();
    const first = pidOf(rig, "lane 0")!;
    await until("the silent host is gone and told of", () => isGone(first) && rig.named("host_exited").length > 0);
    expect(rig.named("host_exited")[0]).toMatchObject({ reason: expect.stringMatching(/no answer within 50 ms/) });
  });
});
