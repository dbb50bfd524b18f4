import { expect, test } from "bun:test";
import { WaitMeter } from "../../../../../src/work/pipeline/stages/wait-meter.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";

test("WaitMeter adds up waits side by side, those under way included", () => {
  const clock = new SteppedClock();
  const meter = new WaitMeter(clock);
  clock.advance(5);
  meter.begin();
  clock.advance(10);
  meter.begin();
  clock.advance(10);
  expect(meter.totalMs).toBe(30);
  meter.end();
  clock.advance(1);
  expect(meter.totalMs).toBe(31);
  meter.end();
  clock.advance(100);
  expect(meter.totalMs).toBe(31);
});

test("during() counts a wait that fails, and passes the failure on", async () => {
  const clock = new SteppedClock();
  const meter = new WaitMeter(clock);
  const wait = Promise.withResolvers<void>();
  const waited = meter.during(wait.promise);
  clock.advance(7);
  wait.reject(new Error("no room"));
  await expect(waited).rejects.toThrow("no room");
  clock.advance(7);
  expect(meter.totalMs).toBe(7);
});
