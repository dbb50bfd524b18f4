/** What is persisted is found again; entries replace; segments roll and go; refusals. */
import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../../src/base/errors.ts";
import type { Entry } from "../../../../../src/protocol/raft/index.ts";
import { CONFIGURATION, codesOf, commands, fresh, open, vote } from "./logs.ts";
import { failure } from "./memory-files.ts";

describe("RaftLog", () => {
  test("open() gives an empty state when the directory is new", async () => {
    const { durable, findings, hardStateLost, log } = await fresh();
    expect(durable).toEqual({ hardState: vote(0), snapshot: undefined, entries: [], isDamaged: false });
    expect({ findings, hardStateLost }).toEqual({ findings: [], hardStateLost: false });
    await log.close();
  });

  test("open() gives back every kind of entry and the hard state when they were persisted", async () => {
    const { files, log } = await fresh();
    const entries: Entry[] = [
      { index: 1, term: 1, kind: "configuration", configuration: CONFIGURATION },
      { index: 2, term: 2, kind: "noop" },
      ...commands(3, 5, 2),
      { index: 6, term: 2 ** 40, kind: "command", data: new Uint8Array(0) },
    ];
    await log.persist(vote(2, "näme"), entries.slice(0, 3));
    await log.persist(undefined, entries.slice(3));
    await log.close();
    const again = await open(files);
    expect(again.durable).toEqual({ hardState: vote(2, "näme"), snapshot: undefined, entries, isDamaged: false });
    expect(codesOf(again)).toEqual([]);
  });

  test("persist() replaces everything from the first entry's index on when indexes are taken", async () => {
    const { files, log } = await fresh();
    await log.persist(vote(1), commands(1, 10, 1));
    await log.persist(vote(2), commands(4, 5, 2));
    await log.persist(undefined, commands(6, 6, 2));
    const again = await open(files);
    expect(again.durable.entries).toEqual([...commands(1, 3, 1), ...commands(4, 6, 2)]);
  });

  test("persist() writes nothing when nothing has changed", async () => {
    const { files, log } = await fresh({ segmentBytes: 2 ** 20 });
    await log.persist(vote(1, "a"), commands(1, 1));
    const before = files.syncs;
    await log.persist(vote(1, "a"), []);
    await log.persist(undefined, []);
    expect(files.syncs).toBe(before);
  });

  test("persist() syncs once for a group of entries, and the votes' file too when the vote changes", async () => {
    const { files, log } = await fresh({ segmentBytes: 2 ** 20 });
    const synced: string[] = [];
    files.beforeSync = (path) => synced.push(path.split("/").at(-1)!.slice(0, 7));
    await log.persist(undefined, commands(1, 64));
    expect(synced).toEqual(["segment"]);
    await log.persist(vote(1, "a"), commands(65, 66));
    expect(synced).toEqual(["segment", "segment", "hard-st"]);
  });

  test("persist() refuses entries that leave a gap", async () => {
    const { log } = await fresh();
    await log.persist(undefined, commands(1, 3));
    expect(() => log.persist(undefined, commands(5, 5))).toThrow("invariant broken");
    expect(() => log.persist(undefined, [...commands(4, 4), ...commands(6, 6)])).toThrow("invariant broken");
  });

  test("persist() goes on in further segments when one is full, and takes what is larger than a segment", async () => {
    const { files, log } = await fresh();
    const entries = [...commands(1, 40, 1, 500), ...commands(41, 41, 1, 30_000), ...commands(42, 60, 1, 500)];
    for (const entry of entries) await log.persist(undefined, [entry]);
    expect(log.stats().segments).toBeGreaterThan(5);
    const again = await open(files);
    expect(again.durable.entries).toEqual(entries);
    expect(codesOf(again)).toEqual([]);
  });

  test("persist() throws for good when a sync has failed, and what was before is found again", async () => {
    const { files, log } = await fresh();
    await log.persist(vote(1, "a"), commands(1, 3));
    files.beforeSync = () => {
      throw failure("EIO", "input/output error");
    };
    expect(() => log.persist(undefined, commands(4, 4))).toThrow("closed for writing");
    files.beforeSync = () => {};
    const syncs = files.syncs;
    expect(() => log.persist(undefined, commands(4, 4))).toThrow("closed for writing");
    expect(files.syncs).toBe(syncs);
    expect(log.stats().failure).toContain("input/output error");
    const again = await open(files);
    expect(again.durable.entries.slice(0, 3)).toEqual(commands(1, 3));
  });

  test("open() writes again what a failed sync has left in the page cache", async () => {
    const { files, log } = await fresh();
    await log.persist(undefined, commands(1, 3));
    files.beforeSync = () => {
      throw failure("EIO", "input/output error");
    };
    expect(() => log.persist(undefined, commands(4, 4))).toThrow();
    files.beforeSync = () => {};
    const written: number[] = [];
    files.beforeWrite = (path, bytes) => path.includes("segment") && written.push(bytes.length);
    const again = await open(files);
    expect(again.durable.entries).toEqual(commands(1, 4));
    expect(written.length).toBeGreaterThan(0);
  });

  test("persist() fails, retryable, when the disk is full, and succeeds when there is room", async () => {
    const { files, log } = await fresh();
    files.room = 0;
    let last = 0;
    let refused: unknown;
    while (refused === undefined) {
      try {
        await log.persist(undefined, commands(last + 1, last + 1, 1, 400));
        last += 1;
      } catch (thrown) {
        refused = thrown;
      }
    }
    expect(refused).toMatchObject({ code: "raft.log.disk_full", retryable: true });
    files.room = Number.POSITIVE_INFINITY;
    await log.persist(undefined, commands(last + 1, last + 1, 1, 400));
    const again = await open(files);
    expect(again.durable.entries).toEqual(commands(1, last + 1, 1, 400));
    expect(codesOf(again)).toEqual([]);
  });

  test("persist() wipes what it has written when the disk is full in the middle of a write", async () => {
    const { files, log } = await fresh();
    await log.persist(undefined, commands(1, 2));
    let isFull = true;
    files.beforeWrite = (path, bytes, at) => {
      if (!isFull) return;
      isFull = false;
      files.bytesOf(path).set(bytes.subarray(0, 100), at);
      throw failure("ENOSPC", "no space left on device");
    };
    expect(() => log.persist(undefined, commands(3, 9))).toThrow("disk is full");
    await log.persist(undefined, commands(3, 3));
    const again = await open(files);
    expect(again.durable.entries).toEqual(commands(1, 3));
    expect(codesOf(again)).toEqual([]);
  });

  test("open() refuses another group's log", async () => {
    const { files } = await fresh({ group: "main" });
    const opened = open(files, { group: "other" });
    await expect(opened).rejects.toMatchObject({ code: "raft.log.other_group" });
    expect((await open(files, { group: "main" })).durable.isDamaged).toBe(false);
  });

  test("persist() refuses after close()", async () => {
    const { log } = await fresh();
    await log.close();
    expect(() => log.persist(undefined, commands(1, 1))).toThrow(Failure);
  });

  test("close() waits for a write that is under way", async () => {
    const { files, log } = await fresh();
    await log.persist(undefined, commands(1, 2, 1, 1500));
    const written = log.persist(undefined, commands(3, 4, 1, 1500)); // rolls over
    await log.close();
    await written;
    expect((await open(files)).durable.entries.length).toBe(4);
  });

  test("compact() removes segments behind a snapshot, and only as far as it covers them", async () => {
    const { files, log } = await fresh();
    for (let index = 1; index <= 40; index++) await log.persist(undefined, commands(index, index, 1, 500));
    const before = log.stats().segments;
    log.compact(40);
    expect(log.stats().segments).toBe(before);
    await log.takeSnapshot({ index: 30, term: 1, configuration: CONFIGURATION }, [new Uint8Array(10)]);
    log.compact(20);
    const { firstIndex, segments } = log.stats();
    expect(segments).toBeLessThan(before);
    expect(firstIndex).toBeGreaterThan(1);
    expect(firstIndex).toBeLessThanOrEqual(21);
    log.compact(40);
    expect(log.stats().firstIndex).toBeLessThanOrEqual(31);
    const again = await open(files);
    expect(again.durable.snapshot?.index).toBe(30);
    expect(again.durable.entries).toEqual(commands(31, 40, 1, 500));
    expect(again.durable.isDamaged).toBe(false);
    expect(codesOf(again)).toEqual([]);
  });
});
