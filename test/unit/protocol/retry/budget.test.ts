/** The budget of retries over time, beside a dumb count. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { RetryBudget } from "../../../../src/protocol/retry/index.ts";

describe("RetryBudget", () => {
  test("take() is what a dumb count over the window allows, whenever calls come", () => {
    const step = fc.record({ waitMs: fc.integer({ min: 0, max: 4_000 }), calls: fc.nat(60), takes: fc.nat(30) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const budget = new RetryBudget({ share: 0.2, reserve: 20, windowMs: 10_000 });
        const slots: { slot: number; calls: number; retries: number }[] = [];
        let nowMs = 0;
        for (const { calls, takes, waitMs } of steps) {
          nowMs += waitMs;
          const slot = Math.floor(nowMs / 1_000);
          for (let count = 0; count < calls; count++) budget.called(nowMs);
          const its = { slot, calls, retries: 0 };
          slots.push(its);
          const inWindow = slots.filter((each) => each.slot > slot - 10);
          const sum = (key: "calls" | "retries") => inWindow.reduce((total, each) => total + each[key], 0);
          for (let count = 0; count < takes; count++) {
            const isAllowed = sum("retries") < 20 + 0.2 * sum("calls");
            expect(budget.take(nowMs)).toBe(isAllowed);
            if (isAllowed) its.retries++;
          }
        }
      }),
    );
  });
});
