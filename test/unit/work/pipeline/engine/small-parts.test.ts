import { describe, expect, test } from "bun:test";
import { decodeDeadLetter } from "../../../../../src/work/pipeline/dead-letter/index.ts";
import { Credits } from "../../../../../src/work/pipeline/engine/credits.ts";
import { oversizedLetters } from "../../../../../src/work/pipeline/engine/oversized.ts";
import { RunCounts } from "../../../../../src/work/pipeline/engine/run-counts.ts";
import type { Cut } from "../../../../../src/work/pipeline/source/index.ts";
import { ReplayLog } from "../../../../../src/work/pipeline/stages/replay-log.ts";
import { SlotEstimate } from "../../../../../src/work/pipeline/stages/slot-estimate.ts";
import type { StageCounts } from "../../../../../src/work/pipeline/stages/types.ts";

const KIB = 1024;

describe("Credits", () => {
  test("take() waits for give() when all are out, first come first served", async () => {
    const credits = new Credits(1);
    const got: string[] = [];
    await credits.take();
    const waiting = ["a", "b"].map((name) => credits.take().then(() => got.push(name)));
    expect(got).toEqual([]);
    credits.give();
    credits.give();
    await Promise.all(waiting);
    expect(got).toEqual(["a", "b"]);
  });
});

describe("ReplayLog", () => {
  test("add() keeps a copy when the slot is written again", () => {
    const log = new ReplayLog(undefined);
    const slot = Uint8Array.of(1, 2, 3);
    log.add(slot, [[0, 1]]);
    slot.fill(9);
    expect(log.entries).toEqual([{ bytes: Uint8Array.of(1, 2, 3), rows: [[0, 1]] }]);
  });

  test("cover() drops what the snapshot contains when a barrier has passed", () => {
    const log = new ReplayLog(undefined);
    log.add(Uint8Array.of(1), undefined);
    log.cover(Uint8Array.of(7));
    expect(log.entries).toEqual([]);
    expect(log.snapshot).toEqual(Uint8Array.of(7));
  });
});

describe("ReplayLog.askSnapshot", () => {
  const filled = (batches: number, snapshot: Uint8Array): ReplayLog => {
    const log = new ReplayLog(snapshot);
    for (let batch = 0; batch < batches; batch++) log.add(new Uint8Array(100 * KIB), undefined);
    return log;
  };

  test("askSnapshot() is false when few batches would have to be replayed", () => {
    expect(filled(1, new Uint8Array(10)).askSnapshot()).toBe(false);
    expect(filled(2, new Uint8Array(10)).askSnapshot()).toBe(true);
  });

  test("askSnapshot() is false when the state is large beside the batches", () => {
    expect(filled(8, new Uint8Array(100 * KIB)).askSnapshot()).toBe(false);
    expect(filled(32, new Uint8Array(100 * KIB)).askSnapshot()).toBe(true);
  });

  test("askSnapshot() is true once when the batches are not covered yet", () => {
    const log = filled(8, new Uint8Array(10));
    expect([log.askSnapshot(), log.askSnapshot()]).toEqual([true, false]);
    log.cover(new Uint8Array(10));
    expect(log.askSnapshot()).toBe(false);
    for (let batch = 0; batch < 4; batch++) log.add(new Uint8Array(100 * KIB), undefined);
    expect(log.askSnapshot()).toBe(true);
  });

  test("askSnapshot() is true for every batch when a standby waits and the state is small", () => {
    const log = new ReplayLog(new Uint8Array(10), true);
    expect(log.askSnapshot()).toBe(false); // how large batches are is not known yet
    const batch = new Uint8Array(100 * KIB);
    log.add(batch, undefined);
    expect(log.askSnapshot()).toBe(true);
    log.cover(new Uint8Array(10), batch);
    expect([log.askSnapshot(), log.askSnapshot()]).toEqual([true, true]);
    log.cover(new Uint8Array(10 * KIB), batch);
    expect(log.askSnapshot()).toBe(false);
  });

  test("add() keeps every batch apart when it takes the memory of those that were covered", () => {
    const log = filled(2, new Uint8Array(10));
    log.cover(new Uint8Array(10));
    for (const byte of [1, 2, 3]) log.add(new Uint8Array(50 * KIB + byte).fill(byte), undefined);
    expect(log.entries.map(({ bytes }) => [bytes.length - 50 * KIB, bytes[0], bytes.at(-1)])).toEqual([
      [1, 1, 1],
      [2, 2, 2],
      [3, 3, 3],
    ]);
  });
});

describe("SlotEstimate", () => {
  test("bytesFor() follows a growing output at once and forgets it slowly when batches shrink", () => {
    const estimate = new SlotEstimate();
    estimate.saw(100 * KIB, 500 * KIB);
    expect(estimate.bytesFor(100 * KIB, 10_000 * KIB)).toBeGreaterThanOrEqual(500 * KIB);
    for (let batch = 0; batch < 50; batch++) estimate.saw(100 * KIB, 100 * KIB);
    expect(estimate.bytesFor(100 * KIB, 10_000 * KIB)).toBeLessThan(150 * KIB);
  });

  test("bytesFor() stays within the share when the guess is larger", () => {
    expect(new SlotEstimate().bytesFor(900 * KIB, 1024 * KIB)).toBe(1024 * KIB);
  });
});

describe("RunCounts", () => {
  const one = { in: 5, out: 3, filtered: 1, deadLettered: 1, skipped: 0, added: 0 };
  const batch = (malformed: number, ...counts: StageCounts[]) => ({ malformed, counts, dead: [], states: new Map() });

  test("add() counts malformed and oversized records as the source's when there are some", () => {
    const counts = new RunCounts(["s"]);
    counts.add(batch(2, one), 1, 3, 0);
    expect(counts.source).toEqual({ in: 8, out: 5, filtered: 0, deadLettered: 3, skipped: 0, added: 0 });
    expect(counts.faults()).toEqual([]);
  });

  test("faults() names the stage when its records do not add up", () => {
    const counts = new RunCounts(["s"]);
    counts.add(batch(0, { ...one, out: 2 }), 0, 2, 0);
    expect(counts.faults()).toEqual(["s: 5 in and 0 added, but 4 out, filtered, dead-lettered or skipped"]);
  });

  test("faults() names the two stages when records are lost between them", () => {
    const counts = new RunCounts(["s", "t"]);
    counts.add(batch(0, one, { ...one, in: 2, out: 0 }), 0, 0, 0);
    expect(counts.faults()).toEqual(["s let 3 out, t took 2 in"]);
  });

  test("begin() counts the same stage on when it stays, and keeps the sums right when another joins", () => {
    const counts = new RunCounts(["s"]);
    counts.add(batch(0, one), 0, 3, 0);
    counts.begin(["r", "s"]);
    counts.add(batch(0, { ...one, out: 4, filtered: 0 }, { ...one, in: 4, out: 2 }), 0, 2, 1);
    expect(counts.stages.map(({ stage, counts: { in: taken } }) => [stage, taken])).toEqual([
      ["r", 5],
      ["s", 9],
    ]);
    expect([counts.written, counts.faults()]).toEqual([5, []]);
    counts.begin(["r"]);
    expect(counts.stages.map(({ stage }) => stage)).toEqual(["r", "s"]);
  });

  test("fold() keeps every sum and what did not add up when the stages have changed often", () => {
    const counts = new RunCounts(["s"]);
    counts.add(batch(0, { ...one, out: 2 }), 0, 2, 0);
    for (let epoch = 1; epoch <= 50; epoch++) {
      counts.begin(epoch % 2 === 0 ? ["s"] : ["r", "s"]);
      const second = { ...one, in: 3, out: 3, filtered: 0, deadLettered: 0 };
      counts.add(batch(0, one, ...(epoch % 2 === 0 ? [] : [second])), 0, 3, epoch);
      counts.fold();
    }
    expect(counts.epoch).toBe(50);
    expect(counts.written).toBe(152);
    expect(counts.stages.map(({ stage, counts: { in: taken } }) => [stage, taken])).toEqual([
      ["s", 5 + 25 * 5 + 25 * 3],
      ["r", 25 * 5],
    ]);
    expect(counts.faults()).toEqual(["s: 5 in and 0 added, but 4 out, filtered, dead-lettered or skipped"]);
    const stored = JSON.parse(JSON.stringify(counts.toJson()));
    expect(stored.epochs).toHaveLength(1);
    expect(new RunCounts(["s"], stored).faults()).toEqual(counts.faults());
  });

  test("toJson() and back keep every number when a run is resumed", () => {
    const counts = new RunCounts(["s", "t"]);
    counts.add(batch(1, { ...one }, { ...one, in: 3, out: 1 }), 0, 1, 0);
    const stored = JSON.parse(JSON.stringify(counts.toJson()));
    const resumed = new RunCounts(["s", "t"], stored);
    expect(resumed.toJson()).toEqual(counts.toJson());
    expect(resumed.epoch).toBe(0);
    expect(new RunCounts(["s"], stored).epoch).toBe(1);
  });
});

describe("oversizedLetters()", () => {
  test("oversizedLetters() writes lines that the dead-letter reader takes when records were too large", () => {
    const cut = { id: "a@0", oversized: [{ line: 7, bytes: 2_000_000, prefix: '{"a":"' }] } as unknown as Cut; // all it reads
    const { letters, count } = oversizedLetters("p", cut, "2026-01-01T00:00:00.000Z");
    expect(count).toBe(1);
    const letter = decodeDeadLetter(letters.subarray(0, -1), 1);
    expect(letter).toMatchObject({ stage: "source", line: 7, payload: { kind: "text", text: '{"a":"' } });
  });
});
