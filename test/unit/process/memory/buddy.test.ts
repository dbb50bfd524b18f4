import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { BuddyAllocator } from "../../../../src/process/memory/buddy.ts";

const MIN = 64;

describe("BuddyAllocator", () => {
  test("take() halves a block down to the smallest that holds the request", () => {
    const buddy = new BuddyAllocator(16 * MIN, MIN);
    expect(buddy.take(MIN + 1)).toBe(0);
    expect(buddy.blockBytesAt(0)).toBe(2 * MIN);
    expect(buddy.take(1)).toBe(2 * MIN);
    expect(buddy.usedBytes).toBe(3 * MIN);
  });

  test("take() gives undefined when no block of that size is free", () => {
    const buddy = new BuddyAllocator(4 * MIN, MIN);
    expect(buddy.take(3 * MIN)).toBe(0);
    expect(buddy.take(1)).toBeUndefined();
    expect(buddy.take(5 * MIN)).toBeUndefined();
  });

  test("free() joins twins up to the whole range when all is back", () => {
    const buddy = new BuddyAllocator(8 * MIN, MIN);
    const offsets = Array.from({ length: 8 }, () => buddy.take(MIN)!);
    expect(new Set(offsets).size).toBe(8);
    for (const offset of offsets) buddy.free(offset);
    expect(buddy.take(8 * MIN)).toBe(0);
  });

  test("free() throws when nothing was taken at the offset, or it was freed already", () => {
    const buddy = new BuddyAllocator(4 * MIN, MIN);
    const offset = buddy.take(MIN)!;
    expect(() => buddy.free(offset + MIN)).toThrow("no taken block");
    buddy.free(offset);
    expect(() => buddy.free(offset)).toThrow("no taken block");
  });

  test("shrink() frees the upper halves and keeps the front", () => {
    const buddy = new BuddyAllocator(8 * MIN, MIN);
    const offset = buddy.take(8 * MIN)!;
    buddy.shrink(offset, MIN);
    expect(buddy.usedBytes).toBe(MIN);
    expect(buddy.take(4 * MIN)).toBe(4 * MIN);
    buddy.free(offset);
    buddy.free(4 * MIN);
    expect(buddy.take(8 * MIN)).toBe(0);
  });

  test("constructor covers a range that is no power of two", () => {
    const buddy = new BuddyAllocator(7 * MIN, MIN);
    expect(buddy.largestBlockBytes).toBe(4 * MIN);
    expect([buddy.take(4 * MIN), buddy.take(2 * MIN), buddy.take(MIN), buddy.take(1)]).toEqual([
      0,
      4 * MIN,
      6 * MIN,
      undefined,
    ]);
  });

  test("take(), free() and shrink() agree with a map of bytes whatever the order", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 70 }), fc.array(step, { maxLength: 120 }), (blocks, steps) =>
        agrees(blocks, steps),
      ),
    );
  });
});

type Step = { readonly kind: "take" | "free" | "shrink"; readonly pick: number; readonly sizeBytes: number };
const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom("take", "take", "free", "shrink"),
  pick: fc.nat(),
  sizeBytes: fc.integer({ min: 0, max: 40 * MIN }),
});

/** The dumber second implementation: one cell per smallest block, and a search of every aligned place. */
class NaiveAllocator {
  readonly cells: boolean[];
  constructor(blocks: number) {
    this.cells = Array.from({ length: blocks }, () => false);
  }
  fits(blockBytes: number): boolean {
    const span = blockBytes / MIN;
    for (let at = 0; at + span <= this.cells.length; at += span)
      if (!this.cells.slice(at, at + span).includes(true)) return true;
    return false;
  }
  mark(offset: number, blockBytes: number, taken: boolean): void {
    for (let cell = offset / MIN; cell < (offset + blockBytes) / MIN; cell++) {
      expect(this.cells[cell]).toBe(!taken);
      this.cells[cell] = taken;
    }
  }
}

function blockBytes(sizeBytes: number): number {
  let block = MIN;
  while (block < sizeBytes) block *= 2;
  return block;
}

function agrees(blocks: number, steps: readonly Step[]): void {
  const buddy = new BuddyAllocator(blocks * MIN, MIN);
  const naive = new NaiveAllocator(blocks);
  const taken: { offset: number; sizeBytes: number }[] = [];
  const apply = ({ kind, pick, sizeBytes }: Step): void => {
    const index = taken.length === 0 ? -1 : pick % taken.length;
    if (kind === "take") {
      const offset = buddy.take(sizeBytes);
      expect(offset !== undefined).toBe(naive.fits(blockBytes(sizeBytes)));
      if (offset === undefined) return;
      naive.mark(offset, blockBytes(sizeBytes), true);
      taken.push({ offset, sizeBytes });
    } else if (index >= 0 && kind === "free") {
      const [block] = taken.splice(index, 1);
      buddy.free(block!.offset);
      naive.mark(block!.offset, blockBytes(block!.sizeBytes), false);
    } else if (index >= 0) {
      const block = taken[index]!;
      const keep = Math.min(sizeBytes, block.sizeBytes);
      buddy.shrink(block.offset, keep);
      naive.mark(block.offset, blockBytes(block.sizeBytes), false);
      naive.mark(block.offset, blockBytes(keep), true);
      block.sizeBytes = keep;
    }
  };
  for (const each of steps) apply(each);
  expect(buddy.usedBytes).toBe(naive.cells.filter(Boolean).length * MIN);
  for (const block of taken) buddy.free(block.offset);
  expect(buddy.usedBytes).toBe(0);
  expect(buddy.take(buddy.largestBlockBytes)).toBe(0);
}
