import { expect, test } from "bun:test";
import { RecentDurations } from "../../../../../src/work/pipeline/stages/recent-durations.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";

function recorded(durations: RecentDurations, clock: SteppedClock, tookMs: number): void {
  const startedMs = clock.monotonic();
  clock.sleep(tookMs);
  durations.record(startedMs);
}

test("quantiles() is of what was recorded in the last ten to twenty seconds", () => {
  const clock = new SteppedClock();
  const durations = new RecentDurations(clock);
  expect(durations.quantiles()).toBeUndefined();
  for (let at = 0; at < 99; at++) recorded(durations, clock, 10);
  recorded(durations, clock, 500);
  const { p50Ms, p99Ms } = durations.quantiles()!;
  expect(p50Ms).toBeCloseTo(10, 0);
  expect(p99Ms).toBeLessThan(11);
  recorded(durations, clock, 500);
  expect(durations.quantiles()!.p99Ms).toBeGreaterThan(490);
  clock.sleep(10_000);
  expect(durations.quantiles()!.p99Ms).toBeGreaterThan(490);
  clock.sleep(10_000);
  expect(durations.quantiles()).toBeUndefined();
});

test("quantiles() forgets both turns after a long silence", () => {
  const clock = new SteppedClock();
  const durations = new RecentDurations(clock);
  recorded(durations, clock, 10);
  clock.sleep(100_000);
  recorded(durations, clock, 30);
  expect(durations.quantiles()!.p50Ms).toBeCloseTo(30, 0);
});
