/** Snapshots: taken, sent in pieces, received in pieces over restarts, put in force, kept for who reads them. */
import { describe, expect, test } from "bun:test";
import type { SnapshotInfo } from "../../../../../src/protocol/raft/index.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";
import { CONFIGURATION, codesOf, commands, DIRECTORY, fresh, open, vote } from "./logs.ts";
import { filesOf, type MemoryFiles } from "./memory-files.ts";

const AT = { index: 5, term: 1, configuration: CONFIGURATION };

function noise(sizeBytes: number): Uint8Array {
  return Uint8Array.from({ length: sizeBytes }, (_, at) => (at * 7 + (at >> 8)) & 255);
}

/** A snapshot of these bytes, as another node has it. */
async function sent(bytes: Uint8Array, at = AT) {
  const { log } = await fresh();
  await log.persist(vote(at.term), commands(1, at.index, at.term));
  return { log, info: await log.takeSnapshot(at, [bytes]) };
}

function snapshotsOf(files: MemoryFiles): readonly string[] {
  return filesOf(files, DIRECTORY).filter((name) => name.startsWith("snapshot-"));
}

function whole(log: { readSnapshot(info: SnapshotInfo): Iterable<Uint8Array> }, info: SnapshotInfo): Uint8Array {
  return new Uint8Array(Buffer.concat([...log.readSnapshot(info)]));
}

describe("takeSnapshot()", () => {
  test("gives back the same bytes when they came in pieces of any size", async () => {
    const bytes = noise(300_000);
    const { files, log } = await fresh();
    await log.persist(vote(1), commands(1, 7));
    const pieces = [bytes.subarray(0, 1), bytes.subarray(1, 1), bytes.subarray(1, 200_000), bytes.subarray(200_000)];
    const info = await log.takeSnapshot(AT, pieces);
    expect(info).toMatchObject({ ...AT, sizeBytes: 300_000 });
    expect(whole(log, info)).toEqual(bytes);
    const again = await open(files);
    expect(again.durable).toMatchObject({ snapshot: info, entries: commands(6, 7) });
    expect(whole(again.log, info)).toEqual(bytes);
  });

  test("leaves nothing behind when its pieces fail or it is aborted", async () => {
    const { files, log } = await fresh();
    await log.persist(vote(1), commands(1, 7));
    const failing = function* () {
      yield noise(100);
      throw new Error("no more");
    };
    await expect(log.takeSnapshot(AT, failing())).rejects.toThrow("no more");
    await expect(log.takeSnapshot(AT, [noise(100)], AbortSignal.abort())).rejects.toThrow();
    expect(files.list(DIRECTORY).filter((name) => /snap|tak/.test(name))).toEqual([]);
    expect(log.stats().snapshotIndex).toBe(0);
  });

  test("gives the one in force when it is of the same index, and refuses an older one", async () => {
    const { log } = await fresh();
    await log.persist(vote(1), commands(1, 7));
    const info = await log.takeSnapshot(AT, [noise(10)]);
    expect(await log.takeSnapshot(AT, [noise(20)])).toEqual(info);
    await expect(log.takeSnapshot({ ...AT, index: 4 }, [])).rejects.toMatchObject({ code: "raft.log.older_snapshot" });
  });

  test("keeps the one before as long as it is being read", async () => {
    const clock = new SteppedClock();
    const { files, log } = await fresh({ clock });
    await log.persist(vote(1), commands(1, 9));
    const first = await log.takeSnapshot(AT, [noise(10)]);
    clock.advance(50_000);
    await log.readPiece(first, 0, 5);
    clock.advance(50_000);
    await log.takeSnapshot({ ...AT, index: 6 }, [noise(20)]);
    expect(await log.readPiece(first, 5, 5)).toEqual(noise(10).subarray(5));
    clock.advance(61_000);
    await log.takeSnapshot({ ...AT, index: 7 }, [noise(30)]);
    await expect(log.readPiece(first, 0, 5)).rejects.toMatchObject({ code: "raft.log.no_snapshot" });
    expect(snapshotsOf(files).length).toBe(1);
    await open(files);
    expect(snapshotsOf(files).length).toBe(1);
  });
});

describe("readPiece()", () => {
  test("gives any part of a snapshot, across blocks and up to its end", async () => {
    const bytes = noise(200_000);
    const { info, log } = await sent(bytes);
    for (const [offset, size] of [
      [0, 10],
      [65_530, 20],
      [65_536, 65_536],
      [1, 150_000],
      [199_990, 500],
      [200_000, 5],
    ] as const) {
      expect(await log.readPiece(info, offset, size)).toEqual(bytes.slice(offset, offset + size));
    }
  });

  test("refuses what is damaged", async () => {
    const { files, log } = await fresh();
    await log.persist(vote(1), commands(1, 7));
    const info = await log.takeSnapshot(AT, [noise(100_000)]);
    files.flip(`${DIRECTORY}/${snapshotsOf(files)[0]}`, (65_536 + 70_000) * 8);
    expect(await log.readPiece(info, 0, 100)).toEqual(noise(100));
    await expect(log.readPiece(info, 70_000, 100)).rejects.toMatchObject({ code: "raft.log.bad_snapshot" });
    expect(() => whole(log, info)).toThrow("damaged");
  });
});

describe("storePiece() and installSnapshot()", () => {
  test("put a snapshot in force and let the log begin behind it", async () => {
    const bytes = noise(150_000);
    const from = await sent(bytes, { ...AT, index: 50, term: 3 });
    const { files, log } = await fresh();
    await log.persist(vote(3), commands(1, 10, 2));
    for (let at = 0; at < bytes.length; at += 40_000) {
      await log.storePiece(from.info, at, await from.log.readPiece(from.info, at, 40_000));
    }
    await log.installSnapshot(from.info);
    expect(whole(log, from.info)).toEqual(bytes);
    expect(log.stats()).toMatchObject({ firstIndex: 51, lastIndex: 50, snapshotIndex: 50 });
    await log.persist(undefined, commands(51, 52, 3));
    const again = await open(files);
    expect(again.durable).toEqual({
      hardState: vote(3),
      snapshot: from.info,
      entries: commands(51, 52, 3),
      isDamaged: false,
    });
    expect(codesOf(again)).toEqual([]);
  });

  test("go on behind what is durable after a restart", async () => {
    const bytes = noise(150_000);
    const from = await sent(bytes);
    const { files, log } = await fresh();
    await log.storePiece(from.info, 0, bytes.slice(0, 70_000));
    const again = await open(files);
    expect(again.durable.receiving).toEqual({ snapshot: from.info, offset: 70_000 });
    await again.log.storePiece(from.info, 69_000, bytes.slice(69_000, 100_000));
    await again.log.storePiece(from.info, 100_000, bytes.slice(100_000));
    await again.log.installSnapshot(from.info);
    expect(whole(again.log, from.info)).toEqual(bytes);
  });

  test("begin anew when another snapshot comes, and refuse gaps", async () => {
    const [one, other] = [await sent(noise(100)), await sent(noise(200))];
    const { log } = await fresh();
    await log.storePiece(one.info, 0, noise(50));
    await expect(log.storePiece(one.info, 60, noise(10))).rejects.toMatchObject({ code: "raft.log.piece" });
    await log.storePiece(other.info, 0, noise(100));
    await expect(log.storePiece(one.info, 50, noise(10))).rejects.toMatchObject({ data: { has: 0 } });
    await expect(log.storePiece(other.info, 100, noise(101))).rejects.toMatchObject({ code: "raft.log.piece" });
  });

  test("refuse bytes that are not those of the checksum, and forget them", async () => {
    const { info } = await sent(noise(100_000));
    const { files, log } = await fresh();
    await log.persist(vote(1), commands(1, 3));
    await log.storePiece(info, 0, noise(100_000).fill(1, 5, 6));
    await expect(log.installSnapshot(info)).rejects.toMatchObject({ code: "raft.log.bad_snapshot" });
    const again = await open(files);
    expect(again.durable).toMatchObject({ snapshot: undefined, receiving: undefined, entries: commands(1, 3) });
  });

  test("go back to the last sound block when a piece was torn or damaged over a restart", async () => {
    const bytes = noise(200_000);
    const { info } = await sent(bytes);
    const { files, log } = await fresh();
    await log.storePiece(info, 0, bytes);
    files.flip(`${DIRECTORY}/receiving.part`, (65_536 + 65_552 + 100) * 8);
    const again = await open(files);
    expect(again.durable.receiving?.offset).toBe(65_536);
    await again.log.storePiece(info, 65_536, bytes.slice(65_536));
    await again.log.installSnapshot(info);
    expect(whole(again.log, info)).toEqual(bytes);
  });

  test("let no old entry be found behind the new snapshot when the process dies at any step", async () => {
    const bytes = noise(1000);
    const { info } = await sent(bytes);
    for (let step = 1; ; step++) {
      const { files, log } = await fresh();
      await log.persist(vote(1), commands(1, 9)); // 6 to 9 agree with the snapshot, and go all the same
      await log.storePiece(info, 0, bytes);
      let left = step;
      const die = (): void => {
        if (--left <= 0) throw new Error("dead");
      };
      files.beforeSync = die;
      files.beforeWrite = die;
      const isDead = await log.installSnapshot(info).then(
        () => false,
        () => true,
      );
      files.beforeSync = () => {};
      files.beforeWrite = () => {};
      const { durable } = await open(files);
      const isInForce = durable.snapshot?.index === 5;
      expect(durable.entries).toEqual(isInForce ? [] : commands(1, 9));
      expect(durable.isDamaged).toBe(false);
      if (isDead) continue;
      expect(isInForce).toBe(true);
      expect(step).toBeGreaterThan(4);
      break;
    }
  });
});
