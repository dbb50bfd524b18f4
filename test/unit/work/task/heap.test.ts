import { expect, test } from "bun:test";
import fc from "fast-check";
import { Heap } from "../../../../src/work/task/heap.ts";

test("pop() gives the least first, whatever was pushed and popped before", () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.integer()), { maxLength: 60 }), (steps) => {
      const heap = new Heap<number>((left, right) => left < right);
      const model: number[] = [];
      for (const step of steps) {
        if (step !== null) {
          heap.push(step);
          model.push(step);
          model.sort((left, right) => left - right);
        } else expect(heap.pop()).toBe(model.shift());
        expect(heap.first).toBe(model[0]);
        expect(heap.size).toBe(model.length);
      }
    }),
  );
});
