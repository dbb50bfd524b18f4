/** A write that was under way when the process or the machine died: cut without a word of damage, whatever is left of it. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { seededRandom } from "../../../../../src/base/random.ts";
import { codesOf, commands, fresh, LAST_SEGMENT, open, vote } from "./logs.ts";
import type { MemoryFiles } from "./memory-files.ts";

/** A log with some entries, and the same with one more write that nobody was told of: the mark does not cover it. */
async function halfWritten() {
  const { files, log } = await fresh({ segmentBytes: 16_384 });
  await log.persist(vote(3, "a"), commands(1, 5, 3));
  const before = files.copy();
  await log.persist(vote(4, "b"), commands(6, 12, 4, 150));
  const path = LAST_SEGMENT(files);
  return { before, path, old: before.bytesOf(path), new: files.bytesOf(path), segment: LAST_SEGMENT(files) };
}

function withSegment(files: MemoryFiles, path: string, bytes: Uint8Array): MemoryFiles {
  const other = files.copy();
  other.put(path, bytes.slice());
  return other;
}

describe("open()", () => {
  test("cuts a torn write when any number of its bytes were written", async () => {
    const { before, new: after, old, path } = await halfWritten();
    const from = old.findLastIndex((byte) => byte !== 0) + 1;
    const to = after.findLastIndex((byte) => byte !== 0) + 1;
    expect(to - from).toBeGreaterThan(1000);
    for (let end = from; end < to; end++) {
      const bytes = old.slice();
      bytes.set(after.subarray(from, end), from);
      const opened = await open(withSegment(before, path, bytes), { segmentBytes: 16_384 });
      expect(opened.durable.entries.length).toBe(5);
      expect(opened.durable).toMatchObject({ isDamaged: false, hardState: vote(3, "a") });
      expect(codesOf(opened)).toEqual(end === from ? [] : ["info bad_record"]);
    }
  });

  test("takes a write that is whole, though nobody was told of it", async () => {
    const { before, new: after, path } = await halfWritten();
    const opened = await open(withSegment(before, path, after), { segmentBytes: 16_384 });
    expect(opened.durable).toMatchObject({ isDamaged: false, hardState: vote(4, "b") });
    expect(opened.durable.entries.length).toBe(12);
    expect(codesOf(opened)).toEqual([]);
  });

  test("cuts a torn write when some of its sectors are missing, and writes over what is left", async () => {
    const { before, new: after, old, path } = await halfWritten();
    const [from, to] = [old, after].map((bytes) => Math.floor(bytes.findLastIndex((byte) => byte !== 0) / 512)) as [
      number,
      number,
    ];
    for (let missing = 1; missing < 2 ** (to - from + 1); missing++) {
      const bytes = after.slice();
      for (let sector = from; sector <= to; sector++) {
        if (missing & (1 << (sector - from))) bytes.set(old.subarray(sector * 512, sector * 512 + 512), sector * 512);
      }
      const files = withSegment(before, path, bytes);
      const opened = await open(files, { segmentBytes: 16_384 });
      expect(opened.durable).toMatchObject({ isDamaged: false, hardState: vote(3, "a") });
      await opened.log.persist(undefined, commands(6, 6, 5));
      const again = await open(files, { segmentBytes: 16_384 });
      expect(again.durable.entries.at(-1)).toEqual(commands(6, 6, 5)[0]!);
      expect(codesOf(again)).toEqual([]);
    }
  });

  test("keeps all that was acknowledged when the power is cut at any time", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.integer({ min: 1, max: 25 }), fc.boolean(), async (seed, writes, isInWrite) => {
        const random = seededRandom(seed);
        let { files, log } = await fresh();
        let last = 0;
        for (let life = 0; life < 3; life++) {
          const steps = random.below(writes) + 1;
          for (let step = 0; step < steps; step++) {
            const count = random.below(4) + 1;
            await log.persist(
              random.next() < 0.3 ? vote(life * 100 + step + 1, "a") : undefined,
              commands(last + 1, last + count, 1, random.below(600)),
            );
            last += count;
          }
          if (isInWrite) {
            files.beforeSync = () => {
              throw new Error("the power is cut");
            };
            try {
              await log.persist(undefined, commands(last + 1, last + 3, 1, 700));
            } catch {
              // never acknowledged
            }
          }
          files = files.cutPower(random);
          const opened = await open(files);
          log = opened.log;
          expect(opened.findings.filter(({ severity }) => severity === "damage")).toEqual([]);
          const found = opened.durable.entries.length;
          expect(found).toBeGreaterThanOrEqual(last);
          last = found;
        }
      }),
      { numRuns: 60 },
    );
  });
});
