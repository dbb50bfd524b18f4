import { expect, test } from "bun:test";
import type { Machine, Tick } from "../../../../../src/base/machine.ts";
import { EffectQueue } from "../../../../../src/cluster/consensus/group/effect-queue.ts";
import type { RaftEffect, RaftInput } from "../../../../../src/protocol/raft/index.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";

/** Wants a tick 100 ms after whatever it has heard last. */
class Waiting implements Machine<RaftInput, RaftEffect> {
  nextDeadlineMs: number | undefined = 100;
  readonly heard: string[] = [];

  step(input: RaftInput | Tick, nowMs: number): readonly RaftEffect[] {
    this.heard.push(`${input.type} ${nowMs}`);
    this.nextDeadlineMs = nowMs + 100;
    return [];
  }
}

function opened() {
  const clock = new SteppedClock();
  const machine = new Waiting();
  const queue = new EffectQueue(machine, {
    clock,
    carryOut: () => {},
    failed: (thrown) => {
      throw thrown;
    },
  });
  queue.feed({ type: "tick" });
  return { clock, machine, queue };
}

test("feed() hears what waits in the sockets before a tick that rings late", () => {
  const { clock, machine, queue } = opened();
  clock.sleep(400);
  clock.advance(0);
  expect(machine.heard).toEqual(["tick 0"]);
  queue.feed({ type: "unreachable", node: "b" }); // as a leader's message would
  clock.advance(50);
  expect(machine.heard).toEqual(["tick 0", "unreachable 400", "tick 405"]);
  clock.advance(100);
  expect(machine.heard.at(-1)).toBe("tick 505");
});

test("feed() ticks at once when the timer rings in time", () => {
  const { clock, machine } = opened();
  clock.advance(100);
  expect(machine.heard).toEqual(["tick 0", "tick 100"]);
});
