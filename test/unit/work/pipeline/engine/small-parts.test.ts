import { describe, expect, test } from "bun:test";
import { decodeDeadLetter } from "../../../../../src/work/pipeline/dead-letter/index.ts";
import { Credits } from "../../../../../src/work/pipeline/engine/credits.ts";
import { oversizedLetters } from "../../../../../src/work/pipeline/engine/oversized.ts";
import { ReplayLog } from "../../../../../src/work/pipeline/engine/replay-log.ts";
import { RunCounts, toJson } from "../../../../../src/work/pipeline/engine/run-counts.ts";
import { SlotEstimate } from "../../../../../src/work/pipeline/engine/slot-estimate.ts";
import type { Cut } from "../../../../../src/work/pipeline/source/index.ts";

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

  test("add() counts malformed and oversized records as the source's when there are some", () => {
    const counts = new RunCounts(1);
    counts.add({ malformed: 2, counts: [{ ...one }], dead: [], states: new Map() }, 1);
    counts.written = 3;
    expect(counts.source).toEqual({ in: 8, out: 5, filtered: 0, deadLettered: 3, skipped: 0, added: 0 });
    expect(counts.faults(["s"])).toEqual([]);
  });

  test("faults() names the stage when its records do not add up", () => {
    const counts = new RunCounts(1);
    counts.add({ malformed: 0, counts: [{ ...one, out: 2 }], dead: [], states: new Map() }, 0);
    counts.written = 2;
    expect(counts.faults(["s"])).toEqual(["s: 5 in and 0 added, but 4 out, filtered, dead-lettered or skipped"]);
  });

  test("toJson() and back keep every number when a run is resumed", () => {
    const counts = new RunCounts(2);
    counts.add({ malformed: 1, counts: [{ ...one }, { ...one, in: 3, out: 1 }], dead: [], states: new Map() }, 0);
    counts.written = 1;
    expect(toJson(new RunCounts(2, JSON.parse(JSON.stringify(toJson(counts)))))).toEqual(toJson(counts));
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
