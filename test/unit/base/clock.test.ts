/** Timers of any length out of the runtime's, which hold 24.8 days and take a longer delay for 1 ms. */
import { expect, test } from "bun:test";
import { afterAll, type SetOnce, systemClock } from "../../../src/base/clock.ts";
import { SteppedClock } from "../../support/stepped-clock.ts";

const DAY_MS = 24 * 3600_000;
const HELD_MS_MAX = 2 ** 31 - 1;

/** As the runtime does it. */
function runtimeOf(clock: SteppedClock): SetOnce {
  return (delayMs, callback) => clock.after(delayMs > HELD_MS_MAX ? 1 : delayMs, callback);
}

test("systemClock.after() does not call back at once when the delay is longer than a timer holds", async () => {
  const called: number[] = [];
  const timers = [HELD_MS_MAX + 1, 30 * DAY_MS, Number.MAX_SAFE_INTEGER, Number.POSITIVE_INFINITY].map((delayMs) =>
    systemClock.after(delayMs, () => called.push(delayMs)),
  );
  await new Promise<void>((resolve) => systemClock.after(20, resolve)); // the runtime would have taken them for 1 ms
  for (const timer of timers) timer.cancel();
  expect(called).toEqual([]);
});

test("afterAll() calls back once, when all of the delay has passed", () => {
  for (const delayMs of [0, 1, HELD_MS_MAX, HELD_MS_MAX + 1, 30 * DAY_MS, 100 * DAY_MS]) {
    const clock = new SteppedClock();
    let calls = 0;
    afterAll(runtimeOf(clock), delayMs, () => calls++);
    clock.advance(delayMs - 1);
    expect(calls).toBe(0);
    clock.advance(1);
    expect(calls).toBe(1);
    clock.advance(200 * DAY_MS);
    expect([calls, clock.timers]).toEqual([1, 0]);
  }
});

test("afterAll() does not call back when it was cancelled in a later one of its timers", () => {
  const clock = new SteppedClock();
  let calls = 0;
  const timer = afterAll(runtimeOf(clock), 100 * DAY_MS, () => calls++);
  clock.advance(30 * DAY_MS);
  timer.cancel();
  expect(clock.timers).toBe(0);
  clock.advance(100 * DAY_MS);
  expect(calls).toBe(0);
});
