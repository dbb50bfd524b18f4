/** Spares beside the lanes: with hosts that are no processes. */
import { describe, expect, test } from "bun:test";
import { type FakeHost, FakeHosts, type FakeLibrary } from "../../../../support/fake-hosts.ts";
import { StageRig } from "../../../../support/stage-rig.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";

const STATEFUL = { loaded: { stateful: true, sequential: true } } as const;
const STATEFUL_PLAN = { stateful: true, sequential: true } as const;

/** Numbers the batches over all its life. */
function counts(more: FakeLibrary = {}): FakeLibrary {
  return { ...STATEFUL, batch: (_text, host) => `${++host.count}\n`, ...more };
}

/** Lets the fakes go on until the condition holds; time passes. */
async function until(clock: SteppedClock, holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1000 && !holds(); turn++) {
    await new Promise(setImmediate);
    clock.advance(10);
  }
  expect(holds()).toBe(true);
}

const readyStandbys = (rig: StageRig): number => rig.named("standby_ready").length;

describe("StandbyHosts", () => {
  test("start() does not wait for standbys, and none is started before the lanes serve", async () => {
    const startedBefore: string[][] = [];
    const plugin: FakeLibrary = {};
    const fakes = new FakeHosts({ a: plugin });
    const clock = new SteppedClock();
    await using rig = new StageRig({ plan: { library: "a", lanes: 2, standby: 2 }, fakes, clock });
    const starting = rig.start();
    startedBefore.push(fakes.all.map(({ number }) => `${number}`));
    await starting;
    await until(clock, () => readyStandbys(rig) === 2);
    expect(startedBefore).toEqual([["0", "1"]]);
    expect(fakes.all.map(({ number, initialised }) => [number, initialised])).toEqual(
      [0, 1, 2, 3].map((n) => [n, true]),
    );
    expect(rig.at.progress().restarts).toBe(0);
  });

  test("a lane takes the standby, with the state, when its host dies; the next is started a moment later", async () => {
    const clock = new SteppedClock();
    const fakes = new FakeHosts({ a: counts() });
    await using rig = new StageRig({ plan: { library: "a", ...STATEFUL_PLAN, standby: 1 }, fakes, clock });
    await rig.start();
    await until(clock, () => readyStandbys(rig) === 1);
    for (let index = 0; index < 5; index++) await rig.put("x\n");
    const [first, spare] = fakes.all as [FakeHost, FakeHost];
    first.kill();
    expect(await rig.put("x\n")).toBe("6\n");
    expect(rig.at.progress().pids).toEqual([spare.pid]);
    expect(fakes.all).toHaveLength(2);
    clock.advance(49);
    expect(fakes.all).toHaveLength(2);
    await until(clock, () => readyStandbys(rig) === 2);
    expect(fakes.all).toHaveLength(3);
    expect(fakes.all[2]!.number).toBe(0); // the lowest number that is free
    expect(rig.at.progress().restarts).toBe(1);
  });

  test("a standby that is still starting is not waited for", async () => {
    const clock = new SteppedClock();
    const fakes = new FakeHosts({ a: counts() });
    await using rig = new StageRig({ plan: { library: "a", ...STATEFUL_PLAN, standby: 1 }, fakes, clock });
    await rig.start();
    fakes.all[0]!.kill();
    expect(await rig.put("x\n")).toBe("1\n");
    expect(rig.at.progress().pids).not.toEqual([fakes.all[0]!.pid]);
  });

  test("a standby that dies is replaced, ever more slowly, and never ends the stage", async () => {
    const clock = new SteppedClock();
    const fakes = new FakeHosts({ a: counts() });
    const plan = { library: "a", ...STATEFUL_PLAN, standby: 1 };
    await using rig = new StageRig({ plan, fakes, clock, maxRestarts: 2 });
    await rig.start();
    for (let death = 1; death <= 6; death++) {
      await until(clock, () => readyStandbys(rig) === death);
      fakes.all.at(-1)!.kill();
      await until(clock, () => rig.named("standby_exited").length === death);
    }
    expect(rig.failure).toBeUndefined();
    expect(await rig.put("x\n")).toBe("1\n");
    expect(rig.at.progress().restarts).toBeGreaterThanOrEqual(5);
    expect(clock.monotonic()).toBeGreaterThan(50 * (2 + 4 + 8 + 16 + 32));
  });

  test("a standby of an exclusive plugin is loaded, and initialised when the one before is gone", async () => {
    const clock = new SteppedClock();
    const fakes = new FakeHosts({ a: counts({ loaded: { ...STATEFUL.loaded, exclusive: true } }) });
    const plan = { library: "a", ...STATEFUL_PLAN, exclusive: true, standby: 1 };
    await using rig = new StageRig({ plan, fakes, clock });
    await rig.start();
    await until(clock, () => readyStandbys(rig) === 1);
    const [first, spare] = fakes.all as [FakeHost, FakeHost];
    expect(spare.initialised).toBe(false);
    await rig.put("x\n");
    first.kill();
    expect(await rig.put("x\n")).toBe("2\n");
    expect(spare.initialised).toBe(true);
  });

  test("swap() gives the stage standbys of the new plugin, and the old ones clean up", async () => {
    const clock = new SteppedClock();
    const fakes = new FakeHosts({ a: counts(), b: counts() });
    await using rig = new StageRig({ plan: { library: "a", ...STATEFUL_PLAN, standby: 2 }, fakes, clock });
    await rig.start();
    await until(clock, () => readyStandbys(rig) === 2);
    let swapped = false;
    void rig.swap("b").then(() => {
      swapped = true;
    });
    await until(clock, () => swapped && readyStandbys(rig) === 4);
    await rig.put("x\n");
    await until(clock, () => fakes.living("a").length === 0);
    expect(fakes.of("a").every(({ cleanedUp }) => cleanedUp)).toBe(true);
    expect(fakes.living("b")).toHaveLength(3);
    const [lane] = rig.at.progress().pids;
    fakes.all.find(({ pid }) => pid === lane)!.kill();
    expect(await rig.put("x\n")).toBe("2\n");
    expect(fakes.of("b")).toHaveLength(3);
  });

  test("stop() lets standbys clean up, and abort() leaves none", async () => {
    for (const how of ["stop", "abort"] as const) {
      const clock = new SteppedClock();
      const fakes = new FakeHosts({ a: counts() });
      await using rig = new StageRig({ plan: { library: "a", ...STATEFUL_PLAN, standby: 2 }, fakes, clock });
      await rig.start();
      await until(clock, () => readyStandbys(rig) === 2);
      await rig.at.hosts[how]();
      expect(fakes.all.map(({ alive, cleanedUp }) => [alive, cleanedUp])).toEqual(
        [0, 1, 2].map(() => [false, how === "stop"]),
      );
    }
  });

  test("a standby warms up with a batch of the stage, and its plugin sees none of it", async () => {
    const clock = new SteppedClock();
    const fakes = new FakeHosts({ a: counts() });
    await using rig = new StageRig({ plan: { library: "a", ...STATEFUL_PLAN, standby: 1 }, fakes, clock });
    await rig.start();
    await until(clock, () => readyStandbys(rig) === 1);
    await rig.put("x\n");
    await until(clock, () => fakes.all[1]!.said.includes("warm"));
    expect(fakes.all[1]!.seen).toBe(0);
    await rig.put("y\n");
    expect(fakes.all[1]!.said).toEqual(["start", "warm"]); // once
    expect(fakes.all[0]!.said).not.toContain("warm");
  });
});
