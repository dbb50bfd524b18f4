/** What goes on beside the writing: scrubbing, rewriting, the relaxed mode, slow disks. */
import { describe, expect, test } from "bun:test";
import type { OpenedLog } from "../../../../../src/cluster/consensus/log/index.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";
import { CONFIGURATION, codesOf, commands, DIRECTORY, fresh, LAST_SEGMENT, open, vote } from "./logs.ts";
import { failure, MemoryFiles } from "./memory-files.ts";

async function filled() {
  const { files, log } = await fresh();
  for (let index = 1; index <= 30; index++) await log.persist(vote(index), commands(index, index, index, 400));
  return { files, log };
}

const entries = Array.from({ length: 30 }, (_, at) => commands(at + 1, at + 1, at + 1, 400)[0]!);

/** In the bytes of an early entry, which no later one has replaced. */
function spoilEarly(files: MemoryFiles): void {
  files.flip(`${DIRECTORY}/segment-00000000000001.log`, (4096 + 200) * 8);
}

describe("scrub()", () => {
  test("finds nothing while everything is sound", async () => {
    const { log } = await filled();
    await log.takeSnapshot({ index: 20, term: 20, configuration: CONFIGURATION }, [new Uint8Array(70_000)]);
    expect(await log.scrub()).toEqual([]);
  });

  test("finds a flipped bit in a segment, in its header, in a snapshot and in a slot", async () => {
    const { files, log } = await filled();
    spoilEarly(files);
    expect(codesOf({ findings: await log.scrub() })).toEqual(["damage bad_record"]);
    await log.takeSnapshot({ index: 20, term: 20, configuration: CONFIGURATION }, [new Uint8Array(70_000)]);
    files.flip(`${DIRECTORY}/segment-00000000000002.log`, 8 * 20);
    const snapshot = files.list(DIRECTORY).find((name) => name.startsWith("snapshot-"))!;
    files.flip(`${DIRECTORY}/${snapshot}`, 8 * 70_000);
    files.flip(`${DIRECTORY}/hard-state`, 8 * 30);
    const found = codesOf({ findings: await log.scrub() });
    expect(found).toEqual([
      "harmless bad_record",
      "harmless bad_segment",
      "harmless bad_hard_state",
      "damage bad_snapshot",
    ]);
  });

  test("finds a cut, an end that is zero, and a segment that is gone", async () => {
    const { files, log } = await filled();
    files.truncate(`${DIRECTORY}/segment-00000000000001.log`, 8000);
    files.remove(`${DIRECTORY}/segment-00000000000002.log`);
    const last = files.bytesOf(LAST_SEGMENT(files));
    last.fill(0, 4096 + 500);
    const found = codesOf({ findings: await log.scrub() });
    expect(found).toContain("damage missing_segment");
    expect(found).toContain("damage short_segment");
    expect(found.some((code) => /end_missing|bad_record/.test(code))).toBe(true);
  });
});

describe("rewrite()", () => {
  test("makes good what scrub() has found, from the entries in memory", async () => {
    const { files, log } = await filled();
    spoilEarly(files);
    await log.rewrite(entries);
    expect(await log.scrub()).toEqual([]);
    await log.persist(undefined, commands(31, 31, 30));
    const again = await open(files);
    expect(again.durable).toMatchObject({ entries: [...entries, ...commands(31, 31, 30)], isDamaged: false });
    expect(codesOf(again)).toEqual([]);
  });
});

describe("rewrite() of the small files", () => {
  test("makes both copies good, also of a file that is gone, and they go on being written", async () => {
    for (const durability of ["fsync", "relaxed"] as const) {
      const { files, log } = await fresh({ durability });
      await log.persist(vote(1), commands(1, 1));
      files.flip(`${DIRECTORY}/hard-state`, 8 * 30);
      files.remove(`${DIRECTORY}/durable-end`);
      expect(codesOf({ findings: await log.scrub() })).toEqual(["harmless bad_hard_state", "harmless bad_mark"]);
      await log.rewrite(commands(1, 1));
      expect(await log.scrub()).toEqual([]);
      await log.persist(vote(2), commands(2, 2, 2));
      await log.close();
      const again = await open(files);
      expect(codesOf(again)).toEqual([]);
      expect(again).toMatchObject({ hardStateLost: false, durable: { hardState: vote(2), isDamaged: false } });
    }
  });
});

describe("takeSnapshot()", () => {
  test("replaces a snapshot of the same index when scrub() has found it damaged", async () => {
    const { files, log } = await filled();
    const at = { index: 20, term: 20, configuration: CONFIGURATION };
    await log.takeSnapshot(at, [new Uint8Array(1000)]);
    const snapshot = files.list(DIRECTORY).find((name) => name.startsWith("snapshot-"))!;
    files.flip(`${DIRECTORY}/${snapshot}`, 8 * 65_600);
    await log.scrub();
    await log.takeSnapshot(at, [new Uint8Array(1000)]);
    expect(await log.scrub()).toEqual([]);
    expect((await open(files)).durable.snapshot?.index).toBe(20);
  });
});

describe("the relaxed mode", () => {
  test("syncs after a while, once for all, and shows in the statistics", async () => {
    const clock = new SteppedClock();
    const { files, log } = await fresh({ clock, durability: "relaxed", segmentBytes: 2 ** 20 });
    const before = files.syncs;
    for (let index = 1; index <= 10; index++) await log.persist(vote(index), commands(index, index));
    expect(files.syncs).toBe(before);
    clock.advance(200);
    expect(files.syncs).toBe(before + 2); // the segment, the hard state
    expect(log.stats()).toMatchObject({ durability: "relaxed", lastIndex: 10 });
    await log.persist(undefined, commands(11, 11));
    await log.close();
    expect(files.syncs).toBe(before + 4);
    expect((await open(files)).durable.entries.length).toBe(11);
  });

  test("writes nothing more when a sync has failed", async () => {
    const clock = new SteppedClock();
    const { files, log } = await fresh({ clock, durability: "relaxed" });
    await log.persist(undefined, commands(1, 1));
    files.beforeSync = () => {
      throw failure("EIO", "input/output error");
    };
    clock.advance(200);
    await Promise.resolve(); // the sync is aside
    await Promise.resolve();
    expect(() => log.persist(undefined, commands(2, 2))).toThrow("closed for writing");
  });
});

describe("persist()", () => {
  test("syncs aside while syncs are slow, and at once again when they are quick", async () => {
    const clock = new SteppedClock();
    const { files, log } = await fresh({ clock, segmentBytes: 2 ** 20 });
    let syncMs = 30;
    files.beforeSync = () => clock.advance(syncMs);
    let index = 0;
    const persist = () => log.persist(undefined, commands(++index, index));
    expect(persist()).toBeUndefined();
    const aside = persist();
    expect(aside).toBeInstanceOf(Promise);
    expect(() => log.persist(undefined, commands(9, 9))).toThrow("invariant broken");
    await aside;
    expect(log.stats()).toMatchObject({ isSyncingAside: true, syncMsLast: 30, syncs: 2 });
    syncMs = 0.1;
    while (log.stats().isSyncingAside) await persist();
    expect(persist()).toBeUndefined();
    expect(index).toBeGreaterThan(10);
    expect((await open(files)).durable.entries.length).toBe(index);
  });
});

/** Opens again and again, each time dying one step later, until it survives. */
async function dieAtEachStep(start: () => Promise<MemoryFiles>, judge: (opened: OpenedLog) => void): Promise<number> {
  for (let step = 1; ; step++) {
    const files = await start();
    let left = step;
    const die = (): void => {
      if (--left <= 0) throw new Error("dead");
    };
    files.beforeSync = die;
    files.beforeWrite = die;
    const isDead = await open(files).then(
      () => false,
      () => true,
    );
    files.beforeSync = () => {};
    files.beforeWrite = () => {};
    judge(await open(files));
    judge(await open(files));
    if (!isDead) return step;
  }
}

describe("open()", () => {
  test("begins a log anew when the first time it died at any step", async () => {
    const steps = await dieAtEachStep(
      async () => new MemoryFiles(),
      ({ durable, findings, hardStateLost }) => {
        expect(durable).toEqual({ hardState: vote(0), snapshot: undefined, entries: [], isDamaged: false });
        expect({ findings, hardStateLost }).toEqual({ findings: [], hardStateLost: false });
      },
    );
    expect(steps).toBeGreaterThan(6);
  });

  test("does not forget damage when it died at any step of making the best of it", async () => {
    const { files, log } = await filled();
    await log.close();
    files.flip(`${DIRECTORY}/segment-00000000000002.log`, (4096 + 200) * 8);
    const steps = await dieAtEachStep(
      async () => files.copy(),
      ({ durable, hardStateLost, lastIndexKnown }) => {
        expect(durable).toMatchObject({ isDamaged: true, hardState: vote(30) });
        expect({ hardStateLost, lastIndexKnown }).toEqual({ hardStateLost: false, lastIndexKnown: 30 });
        expect(durable.entries.length).toBeGreaterThan(3);
        expect(durable.entries).toEqual(entries.slice(0, durable.entries.length));
      },
    );
    expect(steps).toBeGreaterThan(6);
  });
});
