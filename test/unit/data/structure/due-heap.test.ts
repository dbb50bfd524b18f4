import { expect, test } from "bun:test";
import fc from "fast-check";
import { DueHeap } from "../../../../src/data/structure/index.ts";

interface Item {
  dueMs: number;
  order: number;
  place: number;
}

const step = fc.oneof(
  fc.record({ type: fc.constant("add" as const), dueMs: fc.nat(20) }),
  fc.record({ type: fc.constant("remove" as const), pick: fc.nat() }),
  fc.record({ type: fc.constant("replace" as const), pick: fc.nat(), dueMs: fc.nat(20) }),
  fc.record({ type: fc.constant("take" as const), nowMs: fc.nat(20) }),
);

function sort(items: Item[]): Item[] {
  return items.sort((left, right) => left.dueMs - right.dueMs || left.order - right.order);
}

test("DueHeap gives what is due in order when items come, go and move", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const heap = new DueHeap<Item>();
      const model: Item[] = [];
      let order = 0;
      for (const each of steps) {
        if (each.type === "add") {
          const item = { dueMs: each.dueMs, order: ++order, place: -1 };
          heap.add(item);
          model.push(item);
        } else if (each.type === "take") {
          const expected = sort(model)[0];
          const taken = heap.take(each.nowMs);
          expect(taken).toBe(expected !== undefined && expected.dueMs <= each.nowMs ? expected : undefined);
          if (taken !== undefined) model.shift();
        } else if (model.length > 0) {
          const at = each.pick % model.length;
          const item = model[at]!;
          if (each.type === "remove") {
            heap.remove(item);
            model.splice(at, 1);
          } else {
            const moved = { ...item, dueMs: each.dueMs };
            heap.replace(item, moved);
            model[at] = moved;
          }
        }
        expect(heap.size).toBe(model.length);
        expect(heap.first).toBe(sort(model)[0]);
        expect(sort(heap.list())).toEqual(model);
      }
    }),
  );
});

test("remove() does nothing when the item is in no heap", () => {
  const heap = new DueHeap<Item>();
  const item = { dueMs: 1, order: 1, place: -1 };
  heap.add(item);
  heap.remove(item);
  heap.remove(item);
  expect(heap.size).toBe(0);
});
