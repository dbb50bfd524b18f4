import { describe, expect, test } from "bun:test";
import { noticesOf } from "../../../src/app/notices.ts";
import { SteppedClock } from "../../support/stepped-clock.ts";

describe("noticesOf()", () => {
  const failed = (batch: number) => ({ event: "batch_failed", lane: 0, batch: `b@${batch}`, reason: "no" }) as const;

  test("noticesOf() tells the first failures of a stage and counts the others until later", () => {
    const clock = new SteppedClock();
    const told: string[] = [];
    const notice = noticesOf((text) => told.push(text), clock);
    for (let batch = 0; batch < 10; batch++) notice("s", failed(batch));
    notice("t", failed(0));
    expect(told).toHaveLength(4);
    clock.advance(10_000);
    notice("s", failed(10));
    expect(told.at(-1)).toBe("stage s: a try of batch b@10 failed: no (and 7 failures before that were not told)");
  });

  test("noticesOf() always tells of a swap that was taken back, and nothing of what is usual", () => {
    const told: string[] = [];
    const notice = noticesOf((text) => told.push(text), new SteppedClock());
    for (let batch = 0; batch < 10; batch++) notice("s", failed(batch));
    notice("s", { event: "swap_rolled_back", to: "/old.ts", reason: "it failed more often" });
    notice("s", { event: "host_ready", lane: 0, pid: 1 });
    expect(told.at(-1)).toBe("stage s: went back to /old.ts: it failed more often");
  });
});
