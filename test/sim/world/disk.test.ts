import { expect, test } from "bun:test";
import fc from "fast-check";
import { seededRandom } from "../../../src/base/random.ts";
import { Disk } from "./index.ts";

const SECTOR = 512;

function filled(size: number, byte: number): Uint8Array {
  return new Uint8Array(size).fill(byte);
}

/** What different seeds make of one history. */
function afterCrash(write: (disk: Disk) => void, seeds = 200): readonly (Uint8Array | undefined)[] {
  return Array.from({ length: seeds }, (_, seed) => {
    const disk = new Disk(seededRandom(seed));
    write(disk);
    disk.crash();
    return disk.read("log");
  });
}

function distinct(outcomes: readonly (Uint8Array | undefined)[]): Set<string> {
  return new Set(outcomes.map((bytes) => (bytes === undefined ? "none" : `${bytes.length}:${Bun.hash(bytes)}`)));
}

test("Disk.crash() keeps every byte that was synced, and nothing that was never written", () => {
  const write = fc.record({ size: fc.integer({ min: 0, max: 2_000 }), isSynced: fc.boolean() });
  fc.assert(
    fc.property(fc.array(write, { maxLength: 8 }), fc.nat(), (writes, seed) => {
      const disk = new Disk(seededRandom(seed));
      let [synced, byte] = [0, 0];
      const all: number[] = [];
      for (const { size, isSynced } of writes) {
        byte++;
        disk.append("log", filled(size, byte));
        for (let count = 0; count < size; count++) all.push(byte);
        if (isSynced) disk.sync("log");
        if (isSynced) synced = all.length;
      }
      expect([...(disk.read("log") ?? [])]).toEqual(all);
      disk.crash();
      const left = [...(disk.read("log") ?? [])];
      expect(left.slice(0, synced)).toEqual(all.slice(0, synced));
      expect(left.length).toBeLessThanOrEqual(all.length);
      expect(left.every((found, at) => found === all[at] || (found === 0 && at >= synced))).toBe(true);
    }),
  );
});

test("Disk.crash() tears unsynced bytes at sectors: nothing, a beginning, or holes of zeroes", () => {
  const outcomes = afterCrash((disk) => {
    disk.append("log", filled(100, 1));
    disk.sync("log");
    disk.append("log", filled(4 * SECTOR, 2));
  });
  const sizes = new Set(outcomes.map((bytes) => bytes!.length));
  expect([...sizes].sort((a, b) => a - b)).toEqual(
    [100, 1, 2, 3, 4]
      .map((n) => (n === 100 ? 100 : n * SECTOR))
      .concat(100 + 4 * SECTOR)
      .sort((a, b) => a - b),
  );
  for (const bytes of outcomes) {
    for (let sector = 1; sector < bytes!.length / SECTOR; sector++) {
      expect(new Set(bytes!.subarray(sector * SECTOR, (sector + 1) * SECTOR)).size).toBe(1);
    }
  }
  expect(outcomes.some((bytes) => bytes!.length > 3 * SECTOR && bytes![2 * SECTOR] === 0)).toBe(true);
});

test("Disk.replace() leaves the old file or the new one after a crash, the new one once it is synced", () => {
  const write = (disk: Disk): void => {
    disk.append("log", filled(700, 1));
    disk.sync("log");
    disk.replace("log", filled(900, 2));
  };
  const one = (size: number, byte: number): Set<string> => distinct([filled(size, byte)]);
  expect(distinct(afterCrash(write))).toEqual(one(700, 1).union(one(900, 2)));
  const synced = afterCrash((disk) => {
    write(disk);
    disk.sync("log");
  });
  expect(distinct(synced)).toEqual(one(900, 2));
});

test("Disk.append() behind an unsynced replace may be torn, the replacement never", () => {
  const outcomes = afterCrash((disk) => {
    disk.replace("log", filled(2 * SECTOR, 1));
    disk.append("log", filled(2 * SECTOR, 2));
  });
  const sizes = new Set(outcomes.map((bytes) => bytes?.length));
  expect(sizes).toEqual(new Set([undefined, 2 * SECTOR, 3 * SECTOR, 4 * SECTOR]));
  for (const bytes of outcomes)
    if (bytes) expect([...bytes.subarray(0, 2 * SECTOR)].every((byte) => byte === 1)).toBe(true);
});

test("Disk.remove() may be undone by a crash until it is synced, and a file that was never synced may vanish", () => {
  const make = (disk: Disk): void => disk.append("log", filled(10, 1));
  expect(distinct(afterCrash(make))).toEqual(distinct([undefined, filled(10, 1), filled(10, 0)]));
  const removed = (isSynced: boolean) => (disk: Disk) => {
    make(disk);
    disk.sync("log");
    disk.remove("log");
    expect(disk.list()).toEqual([]);
    if (isSynced) disk.sync("log");
  };
  expect(distinct(afterCrash(removed(false))).size).toBe(2);
  expect(afterCrash(removed(true)).every((bytes) => bytes === undefined)).toBe(true);
});

test("Disk.beginSync() makes stay what was written before it, from the moment that it ends", () => {
  const outcomes = (isEnded: boolean): readonly (Uint8Array | undefined)[] =>
    afterCrash((disk) => {
      disk.append("log", filled(10, 1));
      const end = disk.beginSync("log");
      disk.append("log", filled(10, 2));
      if (isEnded) end();
    });
  expect(outcomes(false).some((bytes) => bytes === undefined)).toBe(true);
  const ended = outcomes(true);
  expect(new Set(ended.map((bytes) => bytes?.length))).toEqual(new Set([10, 20]));
});
