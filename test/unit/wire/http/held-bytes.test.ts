import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { heldBytes } from "../../../../src/wire/http/index.ts";

const READ_BYTES = 512 * 1_024;

describe("heldBytes()", () => {
  test("lets a read go when the smaller part of it waits", () => {
    const read = Buffer.alloc(READ_BYTES, 7);
    const held = heldBytes(read.subarray(READ_BYTES / 2));
    expect(held.buffer.byteLength).toBe(READ_BYTES / 2);
    read.fill(0);
    expect(held[0]).toBe(7);
  });

  test("copies nothing when nearly all of a read waits", () => {
    const rest = Buffer.alloc(READ_BYTES).subarray(1_000);
    expect(heldBytes(rest)).toBe(rest);
  });

  test("holds the same bytes, in at most four thirds of their size and a page, whatever part of a read waits", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 20_000 }), fc.nat(20_000), (size, from) => {
        const rest = new Uint8Array(size).map((_, at) => at % 251).subarray(Math.min(from, size));
        const held = heldBytes(rest);
        expect(Buffer.compare(held, rest)).toBe(0);
        expect(held.buffer.byteLength).toBeLessThanOrEqual(Math.max(4_096, (rest.byteLength * 4) / 3 + 1));
      }),
    );
  });
});
