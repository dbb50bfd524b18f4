import { expect, test } from "bun:test";
import { NodeClock, PartClock } from "./index.ts";

test("NodeClock.monotonic() drifts and never goes back, while the wall clock jumps", () => {
  const time = { nowMs: 0 };
  const clock = new NodeClock(time, 5_000, 100);
  expect(clock.monotonic()).toBe(5_000);
  const wallMs = clock.wall();
  time.nowMs = 1_000;
  expect(clock.monotonic()).toBe(6_000);
  clock.drift(1.5);
  time.nowMs = 2_000;
  expect(clock.monotonic()).toBe(7_500);
  expect(clock.worldMs(9_000)).toBe(3_000);
  clock.jumpWall(-60_000);
  expect(clock.wall()).toBe(wallMs + 2_000 - 60_000);
  expect(clock.monotonic()).toBe(7_500);
  clock.drift(0.5);
  time.nowMs = 4_000;
  expect(clock.monotonic()).toBe(8_500);
});

test("NodeClock.reach() makes a timer's time come true in spite of rounding", () => {
  const time = { nowMs: 0 };
  const clock = new NodeClock(time, 0.1, 0);
  clock.drift(1 / 3);
  time.nowMs = clock.worldMs(0.7);
  clock.reach(0.7);
  expect(clock.monotonic()).toBeGreaterThanOrEqual(0.7);
});

test("PartClock.ring() calls back who is due in order, not the cancelled, and new timers in the next turn", () => {
  const time = { nowMs: 0 };
  const said: string[] = [];
  let armed = 0;
  const clock = new PartClock(new NodeClock(time, 0, 0), () => armed++);
  clock.after(20, () => said.push("b"));
  clock.after(10, () => {
    said.push("a");
    clock.after(0, () => said.push("next turn"));
  });
  clock.after(20, () => said.push("c"));
  clock.after(15, () => said.push("never")).cancel();
  expect(clock.nextMs).toBe(10);
  expect(armed).toBe(4);
  time.nowMs = 20;
  clock.ring(20);
  expect(said).toEqual(["a", "b", "c"]);
  clock.ring(20);
  expect(said).toEqual(["a", "b", "c", "next turn"]);
  clock.after(5, () => said.push("dead"));
  clock.stop();
  clock.ring(100);
  expect(said).toHaveLength(4);
});
