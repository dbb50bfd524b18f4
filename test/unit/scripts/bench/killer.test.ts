import { describe, expect, test } from "bun:test";
import type { LoggedEvent } from "../../../../scripts/bench/common/event-tail.ts";
import { Killer } from "../../../../scripts/bench/recovery/killer.ts";
import type { Clock } from "../../../../src/base/clock.ts";
import { seededRandom } from "../../../../src/base/random.ts";

class TimerClock implements Clock {
  ms = 0;
  waiting: (() => void) | undefined;
  now = (): number => this.ms;
  monotonic = (): number => this.ms;
  after(_delayMs: number, callback: () => void) {
    this.waiting = callback;
    return { cancel: () => (this.waiting = undefined) };
  }
  fire(): void {
    const callback = this.waiting;
    this.waiting = undefined;
    callback?.();
  }
}

function setUp(killsMax = 10, standby = 0) {
  const clock = new TimerClock();
  const killed: number[] = [];
  const kill = (pid: number): void => void killed.push(pid);
  const killer = new Killer({ stages: 1, standby, random: seededRandom(1), killsMax, clock, kill });
  const say = (
    time: number,
    pid: number,
    event: "host_ready" | "host_exited" | "batch_done" | "standby_ready",
  ): void => {
    clock.ms = time;
    const rest = {
      host_ready: {},
      standby_ready: {},
      host_exited: { reason: "died" },
      batch_done: { batch: "b", rows: 1 },
    }[event];
    killer.take({ time, ms: time, stage: "s", lane: 0, pid, event, ...rest } as LoggedEvent);
  };
  return { clock, killed, killer, say };
}

describe("Killer", () => {
  test("take() measures from the kill to the successor's first batch", () => {
    const { clock, killed, killer, say } = setUp();
    say(100, 11, "host_ready");
    clock.ms = 150;
    clock.fire();
    say(152, 11, "host_exited");
    say(180, 12, "host_ready");
    say(190, 12, "batch_done");
    expect(killed).toEqual([11]);
    expect(killer.recoveries).toEqual([{ stage: "s", noticedMs: 2, readyMs: 30, batchMs: 40 }]);
  });

  test("take() does not count a batch that the killed host had finished before", () => {
    const { clock, killer, say } = setUp();
    say(100, 11, "host_ready");
    clock.fire();
    say(101, 11, "batch_done");
    expect(killer.recoveries).toEqual([]);
  });

  test("take() plans no kill when there have been enough", () => {
    const { clock, killed, say } = setUp(1);
    say(100, 11, "host_ready");
    clock.fire();
    say(102, 11, "host_exited");
    say(110, 12, "host_ready");
    say(120, 12, "batch_done");
    clock.fire();
    expect(killed).toEqual([11]);
  });

  test("take() waits for the next standby when one has taken over", () => {
    const { clock, killed, say } = setUp(10, 1);
    say(100, 11, "host_ready");
    clock.fire();
    expect(killed).toEqual([]);
    say(110, 12, "standby_ready");
    clock.fire();
    say(112, 12, "host_ready");
    say(113, 12, "batch_done");
    clock.fire();
    expect(killed).toEqual([11]);
    say(140, 13, "standby_ready");
    clock.fire();
    expect(killed).toEqual([11, 12]);
  });

  test("stop() forgets the kill under way and the plan when the run is over", () => {
    const { clock, killed, killer, say } = setUp();
    say(100, 11, "host_ready");
    killer.stop();
    clock.fire();
    expect(killed).toEqual([]);
    say(200, 21, "host_ready");
    clock.fire();
    expect(killed).toEqual([21]);
  });
});
