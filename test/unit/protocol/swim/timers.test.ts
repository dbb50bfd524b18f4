import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type TimerEntry, Timers } from "../../../../src/protocol/swim/timers.ts";

describe("Timers", () => {
  test("ringUntil() rings in the order of deadlines, and among equals in that of setting", () => {
    const timers = new Timers();
    const rung: string[] = [];
    for (const [dueMs, name] of [
      [5, "c"],
      [1, "a"],
      [5, "d"],
      [3, "b"],
      [9, "e"],
    ] as const)
      timers.set(dueMs, () => rung.push(name));
    timers.ringUntil(5);
    expect(rung.join("")).toBe("abcd");
    expect(timers.firstMs).toBe(9);
  });

  test("ringUntil() rings what is set meanwhile when it is due", () => {
    const timers = new Timers();
    const rung: number[] = [];
    timers.set(1, () => timers.set(2, () => rung.push(2)));
    timers.ringUntil(2);
    expect(rung).toEqual([2]);
  });

  test("cancel() takes a timer out at once, and does nothing when it has rung or was cancelled", () => {
    const timers = new Timers();
    const rung: number[] = [];
    const first = timers.set(1, () => rung.push(1));
    const second = timers.set(2, () => rung.push(2));
    timers.cancel(second);
    timers.cancel(second);
    timers.cancel(undefined);
    timers.ringUntil(9);
    timers.cancel(first);
    expect([timers.size, rung]).toEqual([0, [1]]);
  });

  test("ringUntil() rings what a sorted list would when timers are set, cancelled and rung at random", () => {
    const action = fc.record({ kind: fc.constantFrom("set", "set", "cancel", "ring"), value: fc.nat(40) });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
        const timers = new Timers();
        const rung: number[] = [];
        let model: { dueMs: number; order: number; timer: TimerEntry }[] = [];
        const expected: number[] = [];
        for (const [order, { kind, value }] of actions.entries()) {
          if (kind === "set") model.push({ dueMs: value, order, timer: timers.set(value, () => rung.push(order)) });
          else if (kind === "cancel" && model.length > 0) {
            const [gone] = model.splice(value % model.length, 1);
            timers.cancel(gone!.timer);
          } else if (kind === "ring") {
            const due = model
              .filter(({ dueMs }) => dueMs <= value)
              .sort((a, b) => a.dueMs - b.dueMs || a.order - b.order);
            model = model.filter(({ dueMs }) => dueMs > value);
            expected.push(...due.map((each) => each.order));
            expect(timers.ringUntil(value)).toBe(due.length);
          }
          expect(timers.size).toBe(model.length);
          expect(timers.firstMs).toBe(model.length === 0 ? undefined : Math.min(...model.map(({ dueMs }) => dueMs)));
        }
        expect(rung).toEqual(expected);
      }),
    );
  });
});
