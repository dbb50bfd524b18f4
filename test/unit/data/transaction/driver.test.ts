import { expect, test } from "bun:test";
import {
  type DistributedPlan,
  type DistributedResult,
  recover,
  runDistributed,
} from "../../../../src/data/transaction/index.ts";
import { type Fate, markOf, transferPart, turns, World } from "./world.ts";

const NEVER = new AbortController().signal;
const TIMEOUT_MS = 1_000;
/** begin, prepare twice, decide, commit twice, finished twice. */
const STEPS = 8;

function twoAccounts(): World {
  const world = new World("north", "south");
  world.group("north").counters.add({ type: "counter.add", counter: "alice", by: 100 }, { nowMs: 0, index: 0 });
  return world;
}

function plan(id: string, amount = 30): DistributedPlan {
  const parts = new Map([
    ["north", transferPart(id, "alice", -amount)],
    ["south", transferPart(id, "bob", amount)],
  ]);
  return { id, coordinator: "north", parts, timeoutMs: TIMEOUT_MS };
}

/** What the accounts hold, and whether all that was prepared has ended. */
function outcome(world: World): { alice: number; bob: number; isQuiet: boolean } {
  const north = world.group("north");
  const south = world.group("south");
  const isQuiet = north.isQuiet && south.isQuiet;
  return { alice: north.counters.get("alice"), bob: south.counters.get("bob"), isQuiet };
}

/** Leaders of both groups look for work, twice, long after. */
async function recoverAll(world: World): Promise<void> {
  let driver = 1_000;
  for (let round = 0; round < 2; round++) {
    for (const group of world.groups.values()) group.pass(10 * TIMEOUT_MS);
    for (const [name, group] of world.groups) {
      const done = recover(name, group.transactions.due(group.nowMs), world.ports(driver++), NEVER);
      await turns();
      await world.settleAll();
      expect((await done).failures).toEqual([]);
    }
  }
}

async function run(world: World, fates: (step: number) => Fate, which = plan("t")): Promise<DistributedResult> {
  const running = runDistributed(which, world.ports(0), NEVER);
  running.catch(() => {}); // looked at below
  await turns();
  for (let step = 0; world.sent.length > 0; step++) await world.settle(0, fates(step));
  return await running;
}

test("runDistributed() moves the money and leaves nothing behind when nothing goes wrong", async () => {
  const world = twoAccounts();
  let steps = 0;
  const result = await run(world, (step) => {
    steps = step + 1;
    return "delivered";
  });
  expect(steps).toBe(STEPS);
  expect(result).toMatchObject({ decision: "commit", unfinished: [] });
  expect(result.replies.get("south")).toEqual([{ value: 30 }, { value: 1 }]);
  expect(outcome(world)).toEqual({ alice: 70, bob: 30, isQuiet: true });
});

test("runDistributed() aborts with the reason when a comparison does not hold", async () => {
  const world = twoAccounts();
  const result = await run(world, () => "delivered", plan("t", 101));
  expect(result).toMatchObject({ decision: "abort", retryable: false, unfinished: [] });
  expect(result.reason).toContain("alice is 100");
  expect(outcome(world)).toEqual({ alice: 100, bob: 0, isQuiet: true });
});

test("runDistributed() is refused and can be tried anew when another one has prepared the same account", async () => {
  const world = twoAccounts();
  void runDistributed(plan("first"), world.ports(1), NEVER);
  await turns();
  for (let step = 0; step < 3; step++) await world.settle(0, "delivered");
  world.sent.length = 0;
  world.kill(1);
  const result = await run(world, () => "delivered", plan("second"));
  expect(result).toMatchObject({ decision: "abort", retryable: true });
  expect(result.reason).toContain("counter alice");
  await recoverAll(world);
  expect(await run(world, () => "delivered", plan("third"))).toMatchObject({ decision: "commit" });
  expect(outcome(world)).toEqual({ alice: 70, bob: 30, isQuiet: true });
});

for (let step = 0; step < STEPS; step++) {
  for (const isApplied of [false, true]) {
    test(`recover() ends it everywhere alike when the driver dies ${isApplied ? "after" : "before"} step ${step}`, async () => {
      const world = twoAccounts();
      void runDistributed(plan("t"), world.ports(1), NEVER);
      await turns();
      for (let count = 0; count < step; count++) await world.settle(0, "delivered");
      if (isApplied) {
        world.kill(1);
        await world.settle(0, "delivered");
      }
      world.kill(1);
      world.sent.length = 0;
      for (const group of world.groups.values()) group.restart();
      await recoverAll(world);
      // The decision is the fourth step.
      const isDone = step > 3 || (step === 3 && isApplied);
      expect(outcome(world)).toEqual(
        isDone ? { alice: 70, bob: 30, isQuiet: true } : { alice: 100, bob: 0, isQuiet: true },
      );
    });

    test(`recover() ends it everywhere alike when step ${step} is lost ${isApplied ? "on its way back" : "on its way"}`, async () => {
      const world = twoAccounts();
      const running = run(world, (at) => (at !== step ? "delivered" : isApplied ? "answer lost" : "lost"));
      const result = await running.catch(({ code }) => code);
      await recoverAll(world);
      const { alice, bob, isQuiet } = outcome(world);
      expect(isQuiet).toBe(true);
      expect(alice + bob).toBe(100);
      if (typeof result !== "string") expect(bob).toBe(result.decision === "commit" ? 30 : 0);
      else expect(result).toBe(step === 0 ? "link.lost" : "data.distributed.undecided");
    });
  }

  test(`runDistributed() does it once when step ${step} comes twice, the second time at the very end`, async () => {
    const world = twoAccounts();
    let repeated: World["sent"] = [];
    const result = await run(world, (at) => {
      if (at === step) repeated = [world.sent[0]!];
      return "delivered";
    });
    expect(result.decision).toBe("commit");
    world.sent.push(...repeated.map((sent) => ({ ...sent, answer: () => {}, fail: () => {} })));
    await world.settleAll();
    expect(outcome(world)).toEqual({ alice: 70, bob: 30, isQuiet: true });
    expect(world.group("south").counters.get(markOf("t"))).toBe(1);
  });
}

test("runDistributed() tells the decision when it is run again under its id, whoever made it", async () => {
  const world = twoAccounts();
  await expect(run(world, (step) => (step === 3 ? "answer lost" : "delivered"))).rejects.toMatchObject({
    code: "data.distributed.undecided",
    retryable: true,
  });
  expect(await run(world, () => "delivered")).toMatchObject({ decision: "commit" });
  expect(await run(world, () => "delivered")).toMatchObject({ decision: "commit" });
  expect(outcome(world)).toEqual({ alice: 70, bob: 30, isQuiet: true });
});

test("runDistributed() ends as the first decision says when a leader has aborted it meanwhile", async () => {
  const world = twoAccounts();
  const running = runDistributed(plan("t"), world.ports(1), NEVER);
  await turns();
  for (let step = 0; step < 3; step++) await world.settle(0, "delivered");
  world.group("north").pass(TIMEOUT_MS);
  await world.settleAll();
  expect(await running).toMatchObject({ decision: "abort", retryable: true });
  expect(outcome(world)).toEqual({ alice: 100, bob: 0, isQuiet: true });
});

test("runDistributed() does it once when two run it under one id at the same time", async () => {
  const world = twoAccounts();
  const both = [runDistributed(plan("t"), world.ports(1), NEVER), runDistributed(plan("t"), world.ports(2), NEVER)];
  await turns();
  await world.settleAll();
  expect((await Promise.all(both)).map(({ decision }) => decision)).toEqual(["commit", "commit"]);
  expect(outcome(world)).toEqual({ alice: 70, bob: 30, isQuiet: true });
});

test("recover() aborts a part that came behind the end of its transaction, when its time is over", async () => {
  const world = twoAccounts();
  await run(world, () => "delivered");
  const south = world.group("south");
  south.pass(24 * 60 * 60_000);
  world.group("north").pass(24 * 60 * 60_000);
  const part = transferPart("t", "bob", 30);
  south.take({ type: "distributed.prepare", id: "t", coordinator: "north", part, timeoutMs: TIMEOUT_MS });
  expect(south.isQuiet).toBe(false);
  await recoverAll(world);
  expect(outcome(world)).toEqual({ alice: 70, bob: 30, isQuiet: true });
});

test("recover() tells what failed and goes on with the rest when a participant cannot be reached", async () => {
  const world = twoAccounts();
  void runDistributed(plan("t"), world.ports(1), NEVER);
  await turns();
  for (let step = 0; step < 4; step++) await world.settle(0, "delivered");
  world.kill(1);
  world.sent.length = 0;
  const north = world.group("north");
  const done = recover("north", north.transactions.due(north.nowMs, { afterMs: 0 }), world.ports(2), NEVER);
  await turns();
  await world.settle(1, "lost");
  await world.settleAll();
  expect(await done).toMatchObject({ settled: 1, failures: [{ code: "link.lost" }] });
  expect(north.transactions.show("t", 0)).toMatchObject([
    { side: "coordinator", state: "committed", groups: ["south"] },
  ]);
  await recoverAll(world);
  expect(outcome(world)).toEqual({ alice: 70, bob: 30, isQuiet: true });
});

test("runDistributed() says so when a participant has ended it otherwise than decided", async () => {
  const world = twoAccounts();
  const running = runDistributed(plan("t"), world.ports(1), NEVER);
  await turns();
  for (let step = 0; step < 4; step++) await world.settle(0, "delivered");
  world.group("south").take({ type: "distributed.abort", id: "t" });
  const failed = running.catch(({ code }) => code);
  await world.settleAll();
  expect(await failed).toBe("data.distributed.contradiction");
});
