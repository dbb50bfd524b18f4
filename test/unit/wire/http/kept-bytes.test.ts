/** Bytes that wait: what they cost, whatever the pieces are that they come in. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Gathered, GatheringSink, KeptBytes } from "../../../../src/wire/http/index.ts";

const sizes = fc.array(fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 20_000 })), {
  maxLength: 60,
});

/** A piece of a chunk that is so much larger. */
function pieceOf(size: number, chunkBytes: number, fill: number): Uint8Array {
  return new Uint8Array(Math.max(chunkBytes, size)).fill(fill).subarray(0, size);
}

function drained(kept: KeptBytes): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let piece = kept.shift(); piece !== undefined; piece = kept.shift()) pieces.push(piece);
  return pieces;
}

describe("KeptBytes", () => {
  test("shift() keeps nothing of what it gives, also while others wait", () => {
    const kept = new KeptBytes();
    const pieces = Array.from({ length: 50 }, () => new Uint8Array(10_000));
    const given = pieces.splice(0).map((piece) => {
      kept.push(piece);
      return new WeakRef(piece);
    });
    for (let count = 0; count < 49; count++) kept.shift();
    Bun.gc(true);
    const left = given.filter((piece) => piece.deref() !== undefined).length;
    expect(left).toBeLessThan(10); // the stack may still name some
    expect(kept.size).toBe(10_000);
  });

  test("shift() gives all bytes in their order when pieces of any size were pushed and taken in between", () => {
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 9 }), (all, every) => {
        const kept = new KeptBytes();
        const given: Buffer[] = [];
        const taken: Uint8Array[] = [];
        for (const [index, size] of all.entries()) {
          kept.push(pieceOf(size, 0, index));
          given.push(Buffer.alloc(size, index));
          const piece = index % every === 0 ? kept.shift() : undefined;
          if (piece) taken.push(piece);
        }
        const { size } = kept;
        const rest = drained(kept);
        expect(rest.reduce((sum, piece) => sum + piece.byteLength, 0)).toBe(size);
        expect(Buffer.concat([...taken, ...rest]).equals(Buffer.concat(given))).toBe(true);
        expect([kept.size, kept.shift()]).toEqual([0, undefined]);
      }),
      { numRuns: 200 },
    );
  });

  test("takeAll() gives what shift() would have given when pieces were pushed", () => {
    fc.assert(
      fc.property(sizes, (all) => {
        const [kept, other] = [new KeptBytes(), new KeptBytes()];
        for (const [index, size] of all.entries())
          for (const each of [kept, other]) each.push(pieceOf(size, size * 3, index));
        expect(Buffer.concat(drained(other)).equals(kept.takeAll())).toBe(true);
        expect(kept.size).toBe(0);
      }),
      { numRuns: 100 },
    );
  });

  for (const size of [1, 100, 5_000]) {
    test(`push() keeps no chunk when a piece of ${size} bytes is a small part of it`, () => {
      const kept = new KeptBytes();
      const count = 400_000 / size;
      const piece = pieceOf(size, 20_000, 1);
      for (let index = 0; index < count; index++) kept.push(piece);
      const pieces = drained(kept);
      const inMemory = pieces.reduce((sum, piece) => sum + piece.buffer.byteLength, 0);
      expect(inMemory).toBeLessThanOrEqual(2 * 400_000 + 64 * 1_024);
      expect(pieces.length).toBeLessThanOrEqual(Math.max(20, 400_000 / 4_096));
    });
  }

  test("push() copies nothing when a piece is most of its chunk", () => {
    const kept = new KeptBytes();
    const piece = pieceOf(9_000, 10_000, 1);
    kept.push(piece);
    expect(kept.shift()).toBe(piece);
  });

  test("push() takes a copy when what it was given is a Buffer that is used again", () => {
    const kept = new KeptBytes();
    const buffer = Buffer.alloc(20_000, "a");
    kept.push(buffer.subarray(0, 5_000));
    buffer.fill("b");
    expect(kept.shift()?.[0]).toBe(0x61);
  });
});

describe("GatheringSink", () => {
  test("a body comes whole when it came byte by byte, and is refused one byte later", () => {
    const outcomes: (Gathered | Error)[] = [];
    const [whole, tooLarge] = [0, 1].map((more) => {
      const sink = new GatheringSink(3_000, (outcome) => void outcomes.push(outcome));
      for (let at = 0; at < 3_000 + more; at++) sink.write(Uint8Array.of(at));
      return sink;
    });
    whole!.end(["t", "1"]);
    tooLarge!.end();
    expect(outcomes).toEqual([
      expect.objectContaining({ code: "gateway.body_too_large" }),
      { bytes: Uint8Array.from({ length: 3_000 }, (_, at) => at), trailers: ["t", "1"] },
    ]);
  });
});
