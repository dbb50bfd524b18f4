import { expect, test } from "bun:test";
import fc from "fast-check";
import { EventKind, EventQueue } from "./index.ts";

test("EventQueue.take() gives events by time, those of one time in the order in which they came", () => {
  const step = fc.oneof(fc.integer({ min: 0, max: 20 }), fc.constant("take" as const));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const queue = new EventQueue<number>();
      const model: { readonly atMs: number; readonly message: number }[] = [];
      for (const [message, each] of steps.entries()) {
        if (each === "take") {
          model.sort((left, right) => left.atMs - right.atMs || left.message - right.message);
          const { atMs, message: taken } = queue.take() ?? {};
          expect(atMs === undefined ? undefined : { atMs, message: taken! }).toEqual(model.shift());
        } else {
          queue.add(each, EventKind.datagram, 0, 0, 0, message);
          model.push({ atMs: each, message });
        }
        expect(queue.size).toBe(model.length);
      }
    }),
  );
});
