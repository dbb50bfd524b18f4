import { expect, test } from "bun:test";
import { seededRandom } from "../../../src/base/random.ts";
import { CALM, type FaultMix, FaultRunner, planFaults } from "./index.ts";
import { notebooks } from "./support.ts";

const RHYTHM = { everyMs: 500, forMs: 300 };
const MIX: FaultMix = {
  kinds: {
    weather: RHYTHM,
    split: RHYTHM,
    clog: RHYTHM,
    pause: RHYTHM,
    slow: RHYTHM,
    kill: RHYTHM,
    drift: RHYTHM,
    jump: RHYTHM,
  },
  acts: { leave: RHYTHM },
  killedForGood: 0.2,
};

test("planFaults() draws all kinds over the seeds, not all of them in each, and the same for the same seed", () => {
  const plans = Array.from({ length: 50 }, (_, seed) => planFaults(seededRandom(seed), MIX, 5, 10_000));
  const kinds = plans.map((plan) => new Set(plan.map(({ fault }) => fault.kind)));
  expect([...kinds.reduce<ReadonlySet<string>>((all, some) => all.union(some), new Set())].sort()).toEqual(
    [...Object.keys(MIX.kinds), "act"].sort(),
  );
  expect(kinds.some(({ size }) => size < 9)).toBe(true);
  expect(planFaults(seededRandom(7), MIX, 5, 10_000)).toEqual(plans[7]!);
  for (const plan of plans)
    expect(plan.map(({ atMs }) => atMs)).toEqual(plan.map(({ atMs }) => atMs).toSorted((a, b) => a - b));
});

test("FaultRunner.heal() ends every fault, and starts whom it killed unless for good", () => {
  for (let seed = 0; seed < 50; seed++) {
    const { world } = notebooks(5, seed);
    const acts: string[] = [];
    const runner = new FaultRunner(world, { weather: CALM, upMin: 2, act: (name) => acts.push(name) });
    const plan = planFaults(seededRandom(seed), { ...MIX, isComplete: true }, 5, 10_000);
    runner.plan(plan);
    for (let atMs = 100; atMs <= 10_000; atMs += 100) {
      world.run(atMs);
      expect(world.nodes.filter(({ isUp }) => isUp).length).toBeGreaterThanOrEqual(2);
    }
    expect(acts).toHaveLength(plan.filter(({ fault }) => fault.kind === "act").length);
    runner.heal();
    world.run(60_000);
    for (const { index, isUp, isPaused, serviceMs } of world.nodes) {
      expect({ isUp, isPaused, serviceMs }).toEqual({
        isUp: !runner.goneForGood.has(index),
        isPaused: false,
        serviceMs: 0,
      });
    }
    expect(world.network.weather).toEqual(CALM);
    expect(world.nodes.every(({ index }) => world.network.isOpen(0, index) && world.network.isOpen(index, 0))).toBe(
      true,
    );
  }
});

test("FaultRunner.apply() cuts what a one-way split says: what the side sends, or what it should hear", () => {
  const { world } = notebooks(3);
  const runner = new FaultRunner(world, { weather: CALM, upMin: 0, act: () => {} });
  const open = (): boolean[] => [world.network.isOpen(0, 2), world.network.isOpen(2, 0), world.network.isOpen(0, 1)];
  runner.apply({ kind: "split", side: [0, 1], way: "sends", forMs: 100 });
  expect(open()).toEqual([false, true, true]);
  runner.apply({ kind: "split", side: [0], way: "hears", forMs: 50 });
  expect([...open(), world.network.isOpen(1, 0)]).toEqual([false, false, true, false]);
  world.run(70);
  expect(open()).toEqual([false, true, true]);
  world.run(200);
  expect(open()).toEqual([true, true, true]);
});
