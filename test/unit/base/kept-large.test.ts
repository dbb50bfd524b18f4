/** Values of any size over a state that takes small ones. What is cut off is tested where it matters: with checkpoints. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  deleteLarge,
  getLarge,
  putLarge,
  strayPieces,
  writeInGroups,
  writeLarge,
} from "../../../src/base/kept-large.ts";
import { KEPT_WRITE_CHANGES_MAX, keptUnder, keyPart, nameOf } from "../../../src/base/kept-state.ts";
import { MemoryKept } from "../../support/kept-state.ts";

const MIB = 2 ** 20;

function bytesOf(length: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (at * 31 + seed) % 251);
}

describe("putLarge()", () => {
  test.each([0, 1, 8_192, 8_193, MIB, MIB + 1, 5 * MIB])(
    "getLarge() gives %i bytes back, and deleteLarge() leaves nothing",
    async (length) => {
      const kept = new MemoryKept();
      await writeLarge(kept, putLarge(kept, "a/b", bytesOf(length)));
      expect(Bun.hash(getLarge(kept, "a/b")!)).toBe(Bun.hash(bytesOf(length)));
      expect(strayPieces(kept)).toEqual([]);
      await writeLarge(kept, deleteLarge(kept, "a/b"));
      expect([...kept.values.keys()]).toEqual([]);
      expect(getLarge(kept, "a/b")).toBeUndefined();
    },
  );

  test("writes no piece that is there, and lets the pieces of what was there before go", async () => {
    const kept = new MemoryKept();
    await writeLarge(kept, putLarge(kept, "a", bytesOf(2 * MIB, 1)));
    kept.writes.length = 0;
    await writeLarge(kept, putLarge(kept, "a", bytesOf(2 * MIB, 1)));
    expect(kept.writes.flat().map(({ key }) => key)).toEqual(["a"]);
    await writeLarge(kept, putLarge(kept, "a", bytesOf(2 * MIB, 2)));
    expect(kept.values.size).toBe(3);
    await writeLarge(kept, putLarge(kept, "a", bytesOf(3)));
    expect([...kept.values.keys()]).toEqual(["a"]);
  });
});

describe("writeLarge()", () => {
  test("refuses what would have to hold together and is too much for one write", async () => {
    const kept = new MemoryKept();
    const many = Array.from({ length: KEPT_WRITE_CHANGES_MAX + 1 }, (_, at) => putLarge(kept, `k${at}`, bytesOf(1)));
    await expect(writeLarge(kept, ...many)).rejects.toMatchObject({ code: "kept.too_large" });
    expect(kept.writes).toEqual([]);
  });

  test("writes all commits in one write, behind all pieces", async () => {
    const kept = new MemoryKept();
    await writeLarge(
      kept,
      putLarge(kept, "a", bytesOf(4 * MIB)),
      putLarge(kept, "b", bytesOf(4 * MIB, 2)),
      putLarge(kept, "c", bytesOf(9)),
    );
    const commits = kept.writes.map((write) => write.flatMap(({ key }) => (key.startsWith("pieces/") ? [] : [key])));
    expect(commits.findIndex((keys) => keys.length > 0)).toBe(kept.writes.length - 1);
    expect(commits.at(-1)).toEqual(["a", "b", "c"]);
  });
});

test("strayPieces() names pieces that no value names, and no others", async () => {
  const kept = new MemoryKept();
  await writeLarge(kept, putLarge(kept, "a", bytesOf(MIB)));
  const { pieces } = putLarge(kept, "b/c", bytesOf(2 * MIB, 2));
  await writeInGroups(kept, pieces);
  expect(strayPieces(kept)).toEqual(pieces.map(({ key }) => key));
});

test("writeInGroups() keeps the order and the bounds, whatever it is given", async () => {
  const change = fc.record({ key: fc.string({ maxLength: 3 }), size: fc.constantFrom(0, 1, 900_000, MIB) });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 30 }), async (changes) => {
      const kept = new MemoryKept(); // refuses what is out of bounds
      const asked = changes.map(({ key, size }) => ({ key, value: new Uint8Array(size) }));
      await writeInGroups(kept, asked);
      expect(kept.writes.flat().map(({ key }) => key)).toEqual(asked.map(({ key }) => key));
    }),
    { numRuns: 30 },
  );
});

test("keptUnder() reaches what is below its prefix, and nothing else", async () => {
  const kept = new MemoryKept();
  const [one, other] = [keptUnder(kept, "one/"), keptUnder(kept, "other/")];
  await one.write([{ key: "k", value: bytesOf(1) }]);
  expect(one.list("")).toEqual([{ key: "k", value: bytesOf(1) }]);
  expect([other.get("k"), other.list("")]).toEqual([undefined, []]);
  await other.write([{ key: "k", delete: true }]);
  expect(one.get("k")).toEqual(bytesOf(1));
});

test("nameOf() gives what keyPart() was given, and no part holds a slash", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (name) => {
      expect(keyPart(name)).not.toContain("/");
      expect(nameOf(keyPart(name))).toBe(name);
    }),
  );
});
