/** Lanes stopped and started by hand, and what people see of them: with hosts that are no processes. */
import { describe, expect, test } from "bun:test";
import { FakeHosts, type FakeLibrary } from "../../../../support/fake-hosts.ts";
import { StageRig } from "../../../../support/stage-rig.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";

const STATEFUL_PLAN = { stateful: true, sequential: true } as const;

/** Numbers the batches over all its life. */
function counts(): FakeLibrary {
  return { loaded: STATEFUL_PLAN, batch: (_text, host) => `${++host.count}\n` };
}

const upTo = (count: number): string[] => Array.from({ length: count }, (_, index) => `${index + 1}\n`);

/** A library whose `init` fails when a test says so. */
function refusable(): { readonly fakes: FakeHosts; readonly library: { initError: string | undefined } } {
  const library: { initError: string | undefined } = { initError: undefined };
  const fakes = new FakeHosts({
    a: {
      get initError() {
        return library.initError as string; // nothing is no error
      },
    },
  });
  return { fakes, library };
}

async function turn(clock: SteppedClock): Promise<void> {
  await new Promise(setImmediate);
  clock.advance(1);
}

describe("StageHosts", () => {
  test("stopChild() lets the host clean up, and batches wait until restartChild()", async () => {
    const fakes = new FakeHosts({ a: counts() });
    await using rig = new StageRig({ plan: { library: "a", ...STATEFUL_PLAN }, fakes });
    await rig.start();
    const flow = rig.flow(() => "x\n");
    await rig.put("x\n");
    await rig.at.hosts.stopChild("lane 0");
    expect(fakes.all.map(({ alive, cleanedUp }) => [alive, cleanedUp])).toEqual([[false, true]]);
    const done = flow.done();
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    expect(flow.done()).toBe(done);
    await rig.at.hosts.restartChild("lane 0");
    await rig.put("x\n");
    await flow.stop();
    expect(rig.outputs).toEqual(upTo(rig.outputs.length));
    expect(rig.at.stage.retries).toBe(0);
  });

  for (const [what, plan, library] of [
    ["with state", STATEFUL_PLAN, counts()],
    ["with three lanes", { lanes: 3 }, { batch: (text: string) => text }],
  ] as const) {
    test(`restartAll() loses and doubles nothing under load: ${what}`, async () => {
      const fakes = new FakeHosts({ a: library });
      await using rig = new StageRig({ plan: { library: "a", standby: 1, ...plan }, fakes });
      await rig.start();
      const flow = rig.flow((index) => `${index + 1}\n`, 6);
      for (let round = 0; round < 10; round++) {
        await rig.put("x\n");
        await rig.at.hosts.restartAll();
      }
      await flow.stop();
      const numbers = rig.outputs.filter((text) => text !== "x\n");
      expect(numbers).toEqual(upTo(numbers.length));
      expect(rig.at.stage.retries).toBe(0);
      expect(rig.failure).toBeUndefined();
      expect(fakes.all.length).toBeGreaterThan(10);
    });
  }

  test("stopAll() stops the stage, and a swap meanwhile decides what is started again", async () => {
    const fakes = new FakeHosts({ a: counts(), b: counts() });
    await using rig = new StageRig({ plan: { library: "a", ...STATEFUL_PLAN, standby: 1 }, fakes });
    await rig.start();
    await rig.put("x\n");
    await rig.at.hosts.stopAll();
    expect(fakes.all.filter(({ alive }) => alive)).toEqual([]);
    expect(await rig.swap("b")).toMatchObject({ to: "b", trial: "passed" });
    expect(fakes.of("b")).toEqual([]);
    await rig.at.hosts.restartAll();
    expect(await rig.put("x\n")).toBe("2\n");
    expect(fakes.living("b").length).toBeGreaterThan(0);
  });

  test("describe() shows every process, since when it serves and how the last one ended", async () => {
    const fakes = new FakeHosts({ a: counts(), b: counts() });
    await using rig = new StageRig({
      plan: { library: "a", ...STATEFUL_PLAN, standby: 1 },
      fakes,
      swapWindowMs: 60_000,
    });
    await rig.start();
    while (rig.named("standby_ready").length === 0) await new Promise(setImmediate);
    await rig.put("x\n");
    const [lane, spare] = fakes.all;
    expect(rig.at.describe()).toMatchObject({
      name: "stage",
      kind: "supervisor",
      state: "running",
      children: [
        { name: "lane 0", kind: "worker", state: "running", pid: lane!.pid, restarts: 0, uptimeMs: expect.any(Number) },
        { name: "standby 0", state: "running", pid: spare!.pid, restarts: 0, uptimeMs: expect.any(Number) },
      ],
    });
    lane!.kill();
    await rig.put("x\n");
    expect(rig.at.describe().children[0]).toMatchObject({
      pid: spare!.pid,
      restarts: 1,
      lastExit: { code: null, signal: "SIGKILL", reason: "was killed by SIGKILL" },
    });
    const flow = rig.flow(() => "x\n");
    await rig.swap("b");
    await flow.stop();
    const beside = rig.at.describe().children.filter(({ name }) => name.startsWith("beside"));
    expect(beside.map(({ pid }) => pid)).toContain(spare!.pid);
    expect(rig.at.describe().children[0]).toMatchObject({ restarts: 1 });
  });

  for (const [what, stop] of [
    ["stopChild()", (rig: StageRig) => rig.at.hosts.stopChild("lane 0")],
    ["stopAll()", (rig: StageRig) => rig.at.hosts.stopAll()],
  ] as const) {
    test(`restartAll() gives up, and the stage stays stopped, when ${what} comes while starts fail`, async () => {
      const clock = new SteppedClock();
      const { fakes, library } = refusable();
      await using rig = new StageRig({ plan: { library: "a", lanes: 2 }, fakes, clock });
      await rig.start();
      library.initError = "not now";
      const restarting = rig.at.hosts.restartAll().catch(({ code }) => code);
      while (fakes.all.length < 5) await turn(clock);
      await stop(rig);
      library.initError = undefined;
      const code = await restarting;
      for (let left = 0; left < 20; left++) await turn(clock);
      expect(code).toBe("supervision.stopped");
      expect(fakes.all.filter(({ alive }) => alive)).toHaveLength(what === "stopAll()" ? 0 : 1);
    });
  }

  test("restartChild() gives up when more starts have failed than the intensity allows, whoever asked for them", async () => {
    const clock = new SteppedClock();
    const { fakes, library } = refusable();
    await using rig = new StageRig({ plan: { library: "a" }, fakes, clock, maxRestarts: 3 });
    await rig.start();
    library.initError = "no";
    for (const failedBefore of [4, 5]) {
      let code: string | undefined;
      const restarting = rig.at.hosts.restartChild("lane 0").catch((thrown) => {
        code = thrown.code;
      });
      while (code === undefined) await turn(clock);
      await restarting;
      expect(code).toBe("supervision.start_failed");
      expect(fakes.all).toHaveLength(1 + failedBefore);
    }
  });

  test("progress() and describe() count the processes that were over a limit", async () => {
    const fakes = new FakeHosts({ a: counts() });
    await using rig = new StageRig({ plan: { library: "a", ...STATEFUL_PLAN }, fakes });
    await rig.start();
    expect(rig.at.progress().limits).toBeUndefined();
    for (const limit of ["memory", "cpu", "memory"] as const) {
      fakes.living("a")[0]!.kill(`was over ${limit}`, limit);
      await rig.put("x\n");
    }
    expect(rig.at.progress().limits).toEqual({ memory: 2, cpu: 1 });
    expect(rig.at.describe().detail).toBe("3 over limits: memory 2, cpu 1");
  });
});
