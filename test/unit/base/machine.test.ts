import { expect, test } from "bun:test";
import { type Machine, Pump, type Tick } from "../../../src/base/machine.ts";
import { SteppedClock } from "../../support/stepped-clock.ts";

type Input = { readonly type: "say"; readonly words: readonly string[]; readonly dueMs?: number };

/** Says what it is told to, and "tick at …" when its deadline has come. */
class Echo implements Machine<Input, string> {
  nextDeadlineMs: number | undefined;

  step(input: Input | Tick, nowMs: number): readonly string[] {
    if (input.type === "say") {
      this.nextDeadlineMs = input.dueMs ?? this.nextDeadlineMs;
      return input.words;
    }
    if (this.nextDeadlineMs === undefined || nowMs < this.nextDeadlineMs) return [];
    this.nextDeadlineMs = undefined;
    return [`tick at ${nowMs}`];
  }
}

function rig(carryOut: (effect: string) => void | Promise<void>) {
  const clock = new SteppedClock();
  const failures: unknown[] = [];
  const pump = new Pump(new Echo(), { clock, carryOut, failed: (thrown) => failures.push(thrown) });
  return { clock, failures, pump };
}

test("Pump carries out effects in order, those of inputs that effects bring about behind the ones that wait", () => {
  const said: string[] = [];
  const { pump } = rig((effect) => {
    said.push(effect);
    if (effect === "a") pump.feed({ type: "say", words: ["c"] });
  });
  pump.feed({ type: "say", words: ["a", "b"] });
  expect(said).toEqual(["a", "b", "c"]);
});

test("Pump holds back what follows an effect that takes time, also effects of later inputs", async () => {
  const said: string[] = [];
  const disk = Promise.withResolvers<void>();
  const { pump } = rig((effect) => {
    said.push(effect);
    return effect === "persist" ? disk.promise : undefined;
  });
  pump.feed({ type: "say", words: ["persist", "send"] });
  pump.feed({ type: "say", words: ["more"] });
  expect(said).toEqual(["persist"]);
  disk.resolve();
  await Promise.resolve();
  await Promise.resolve();
  expect(said).toEqual(["persist", "send", "more"]);
});

test("Pump ticks at the deadline, moves its timer for an earlier one and sets none when nothing is due", () => {
  const said: string[] = [];
  const { clock, pump } = rig((effect) => void said.push(effect));
  pump.feed({ type: "say", words: [], dueMs: 500 });
  pump.feed({ type: "say", words: [], dueMs: 200 });
  expect(clock.timers).toBe(1);
  clock.advance(1_000);
  expect(said).toEqual(["tick at 200"]);
  expect(clock.timers).toBe(0);
});

test("Pump keeps its timer when the deadline moves away, and ticks again at the new one", () => {
  const said: string[] = [];
  const { clock, pump } = rig((effect) => void said.push(effect));
  pump.feed({ type: "say", words: [], dueMs: 200 });
  pump.feed({ type: "say", words: [], dueMs: 300 });
  clock.advance(1_000);
  expect(said).toEqual(["tick at 300"]);
});

test("Pump reports an effect that fails, at once or later, and carries out nothing more", async () => {
  for (const fail of [() => Promise.reject(new Error("disk full")), () => raise(new Error("disk full"))]) {
    const said: string[] = [];
    const { failures, pump } = rig((effect) => {
      said.push(effect);
      return effect === "persist" ? fail() : undefined;
    });
    pump.feed({ type: "say", words: ["persist", "send"], dueMs: 1 });
    await Promise.resolve();
    await Promise.resolve();
    pump.feed({ type: "say", words: ["more"] });
    expect(said).toEqual(["persist"]);
    expect(failures).toEqual([new Error("disk full")]);
  }
});

test("Pump does nothing more once stopped", () => {
  const said: string[] = [];
  const { clock, pump } = rig((effect) => {
    said.push(effect);
    pump.stop();
  });
  pump.feed({ type: "say", words: ["a", "b"], dueMs: 100 });
  clock.advance(1_000);
  expect(said).toEqual(["a"]);
  expect(clock.timers).toBe(0);
});

function raise(thrown: Error): never {
  throw thrown;
}
