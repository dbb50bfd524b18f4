import { expect, test } from "bun:test";
import { pause } from "../../../src/base/clock.ts";
import { type Machine, Pump, type Tick } from "../../../src/base/machine.ts";
import { MachineProcess, PartProcess, type Port, Trace, type Wait, World } from "./index.ts";

interface Told {
  readonly type: "told";
  readonly text: string;
}

/** Says back what it is told; persists first when told to; says "tick" once, at its deadline. */
class Echo implements Machine<Told, string> {
  nextDeadlineMs: number | undefined;

  constructor(deadlineMs?: number) {
    this.nextDeadlineMs = deadlineMs;
  }

  step(input: Told | Tick, nowMs: number): readonly string[] {
    if (input.type === "told") return input.text === "persist" ? ["persist", "persisted"] : [input.text];
    if (this.nextDeadlineMs === undefined || nowMs < this.nextDeadlineMs) return [];
    this.nextDeadlineMs = undefined;
    return ["tick"];
  }
}

function machineOf(
  carryOut: (effect: string) => Wait | undefined,
  deadlineMs?: number,
): MachineProcess<string, Told, string> {
  return new MachineProcess<string, Told, string>({
    machine: new Echo(deadlineMs),
    toInput: (_from, text) => ({ type: "told", text }),
    carryOut,
  });
}

test("MachineProcess holds back effects behind one that takes time, hears inputs meanwhile, and keeps its deadline", () => {
  const said: string[] = [];
  const process = machineOf((effect) => {
    if (effect === "persist") return { forMs: 10, done: () => said.push("on disk") };
    said.push(effect);
    return undefined;
  }, 105);
  process.receive(0, "persist", "datagram", 100);
  process.receive(0, "more", "datagram", 101);
  expect([said, process.wakeAtMs]).toEqual([[], 105]);
  process.wake(105);
  expect([said, process.wakeAtMs]).toEqual([[], 110]);
  process.wake(110);
  expect(said).toEqual(["on disk", "persisted", "more", "tick"]);
  expect(process.wakeAtMs).toBeUndefined();
});

/** A whole part: a pump over a clock, promises, and an answer for each message. */
function echoPart(port: Port<string>, said: string[]): PartProcess<string> {
  const clock = port.partClock();
  const pump = new Pump(new Echo(clock.monotonic() + 50), {
    clock,
    carryOut: async (effect) => {
      await pause(clock, effect === "persist" ? 10 : 1);
      said.push(`${port.index}.${port.life} ${effect}`);
      if (effect === "persisted") port.send(1 - port.index, "done");
    },
    failed: (thrown) => {
      throw thrown;
    },
  });
  pump.feed({ type: "tick" });
  return new PartProcess({ clock, receive: (_from, text) => pump.feed({ type: "told", text }) });
}

async function partRun(seed: number): Promise<readonly [readonly string[], string]> {
  const said: string[] = [];
  const trace = new Trace();
  const world: World<string> = new World<string>({
    seed,
    nodes: 2,
    trace,
    tagOf: (text) => text.length,
    describe: (text) => text,
    launch: (port) => echoPart(port, said),
  });
  world.start(0);
  world.start(1);
  world.at(5, () => world.send(0, 1, "persist"));
  world.at(60, () => world.kill(1));
  world.at(70, () => world.start(1));
  await world.runParts(200);
  return [said, trace.digest];
}

test("PartProcess runs whole parts with promises and timers, the same for the same seed, and nothing of a life that is over", async () => {
  const [said, digest] = await partRun(1);
  expect(said.filter((line) => line.startsWith("1."))).toEqual([
    "1.1 persist",
    "1.1 persisted",
    "1.1 tick",
    "1.2 tick",
  ]);
  expect(await partRun(1)).toEqual([said, digest]);
});
