/** Hosts that do not answer as they should are replaced: with hosts that are no processes. */
import { describe, expect, test } from "bun:test";
import { FakeHosts, type FakeLibrary } from "../../../../support/fake-hosts.ts";
import { StageRig } from "../../../../support/stage-rig.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";

const STATEFUL_PLAN = { stateful: true, sequential: true } as const;
const HEALTH = { health: { intervalMs: 1_000, timeoutMs: 100 } } as const;

/** Numbers the batches; `health` decides. */
function checked(health: FakeLibrary["health"], more: FakeLibrary = {}): FakeLibrary {
  return { loaded: STATEFUL_PLAN, batch: (_text, host) => `${++host.count}\n`, ...(health && { health }), ...more };
}

async function pass(clock: SteppedClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 50) {
    await new Promise(setImmediate);
    clock.advance(50);
  }
  await new Promise(setImmediate);
}

describe("HostHealth", () => {
  for (const [what, answer, words] of [
    ["throws", new Error("no connection"), /failed 3 in a row: no connection/],
    ["does not answer", "hang", /failed 3 in a row: no answer within 100 ms/],
  ] as const) {
    test(`an idle host is replaced, with its state, when its health ${what} three times in a row`, async () => {
      const clock = new SteppedClock();
      let sick = false;
      const fakes = new FakeHosts({ a: checked((host) => (sick && host === fakes.all[0] ? answer : undefined)) });
      await using rig = new StageRig({ plan: { library: "a", ...STATEFUL_PLAN, ...HEALTH }, fakes, clock });
      await rig.start();
      await rig.put("x\n");
      await pass(clock, 5_000);
      expect(fakes.all).toHaveLength(1);
      sick = true;
      await pass(clock, 1_900);
      expect(fakes.all).toHaveLength(1);
      await pass(clock, 2_500);
      expect(fakes.all[0]!.alive).toBe(false);
      expect(await rig.put("x\n")).toBe("2\n");
      expect(rig.named("host_exited")).toMatchObject([{ reason: expect.stringMatching(words) }]);
      expect(rig.at.progress().restarts).toBe(1);
      await pass(clock, 10_000);
      expect(fakes.all).toHaveLength(2);
    });
  }

  test("nobody is asked while a batch is inside, however long that takes", async () => {
    const clock = new SteppedClock();
    const slow = checked(() => "hang", { batch: () => "hang" });
    const fakes = new FakeHosts({ a: slow });
    const plan = { library: "a", ...STATEFUL_PLAN, ...HEALTH, timeoutMs: 60_000 };
    await using rig = new StageRig({ plan, fakes, clock });
    await rig.start();
    rig.put("x\n").catch(() => {}); // the test ends before
    await pass(clock, 30_000);
    expect(fakes.all[0]!.said.filter((said) => said === "health").length).toBe(0);
    expect(fakes.all[0]!.alive).toBe(true);
  });

  test("a standby is asked too, and replaced", async () => {
    const clock = new SteppedClock();
    const fakes = new FakeHosts({ a: checked((host) => (host === fakes.all[1] ? new Error("dead") : undefined)) });
    const plan = { library: "a", ...STATEFUL_PLAN, ...HEALTH, standby: 1 };
    await using rig = new StageRig({ plan, fakes, clock });
    await rig.start();
    await pass(clock, 4_500);
    expect(fakes.all[0]!.alive).toBe(true);
    expect(fakes.all[1]!.alive).toBe(false);
    expect(rig.named("standby_exited")).toMatchObject([{ reason: expect.stringMatching(/health check failed/) }]);
  });

  test("no host is asked when the plan wants no checks", async () => {
    const clock = new SteppedClock();
    const fakes = new FakeHosts({ a: checked(() => new Error("dead")) });
    await using rig = new StageRig({ plan: { library: "a", ...STATEFUL_PLAN }, fakes, clock });
    await rig.start();
    await pass(clock, 20_000);
    expect(fakes.all).toHaveLength(1);
    expect(fakes.all[0]!.said).not.toContain("health");
  });
});
