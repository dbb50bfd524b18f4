/** The allocator of a Lua state, a function of WebAssembly, beside the same in plain words. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { countingFunctions } from "../../../../../src/edge/gateway/rule/lua-allocator.ts";

const PLACE = 64;
const MAX = 1_000;

/** Places are numbers here; `isFull` makes the module's own memory end. */
function opened() {
  const heap = { next: PLACE, isFull: false, freed: [] as number[], asked: [] as (readonly number[])[] };
  const realloc = (at: number, bytes: number): number => {
    heap.asked.push([at, bytes]);
    if (heap.isFull) return 0;
    heap.next += PLACE;
    return heap.next;
  };
  const looked: number[] = [];
  const functions = countingFunctions(
    { realloc, free: (at) => void heap.freed.push(at) },
    (state) => void looked.push(state),
  );
  functions.max.value = MAX;
  return { ...functions, heap, looked };
}

describe("allocate()", () => {
  test("allocate() counts what is held and refuses what goes beyond the limit, as the same in plain words does", () => {
    const step = fc.record({ which: fc.nat(20), bytes: fc.nat(600), type: fc.nat(9), isFull: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { allocate, heap, used } = opened();
        const held: { at: number; bytes: number }[] = [];
        for (const { bytes, isFull, type, which } of steps) {
          heap.isFull = isFull;
          const old = held[which];
          const before = held.reduce((sum, each) => sum + each.bytes, 0);
          const at = allocate(0, old?.at ?? 0, old?.bytes ?? type, bytes);
          const oldBytes = old?.bytes ?? 0;
          const isRefused = bytes > oldBytes && before - oldBytes + bytes > MAX;
          expect(at !== 0).toBe(bytes > 0 && !isRefused && !isFull);
          if (bytes === 0 && old !== undefined) held.splice(which, 1);
          else if (at !== 0 && old !== undefined) held[which] = { at, bytes };
          else if (at !== 0) held.push({ at, bytes });
          expect(used.value).toBe(held.reduce((sum, each) => sum + each.bytes, 0));
        }
      }),
    );
  });

  test("allocate() gives up a place when no bytes are asked for, and nothing when there was none", () => {
    const { allocate, heap, used } = opened();
    const at = allocate(0, 0, 5, 100);
    expect([allocate(0, at, 100, 0), heap.freed, used.value]).toEqual([0, [at], 0]);
    expect([allocate(0, 0, 7, 0), used.value]).toEqual([0, 0]);
  });

  test("allocate() asks nobody when the sum of bytes goes round", () => {
    const { allocate, heap, used } = opened();
    allocate(0, 0, 5, 900);
    heap.asked.length = 0;
    for (const bytes of [2 ** 32 - 1, 2 ** 32 - 900, 2 ** 31]) expect(allocate(0, 0, 5, bytes | 0)).toBe(0);
    expect([heap.asked, used.value]).toEqual([[], 900]);
  });

  test("allocate() lets what is held become smaller when the limit lies below it", () => {
    const { allocate, max, used } = opened();
    const at = allocate(0, 0, 5, 900);
    max.value = 100;
    expect(allocate(0, at, 900, 800)).not.toBe(0);
    expect([allocate(0, 0, 5, 1), used.value]).toEqual([0, 800]);
  });
});

test("look() tells whose turn it is when C calls it", () => {
  const { look, looked } = opened();
  look(4_711, 0);
  expect(looked).toEqual([4_711]);
});
