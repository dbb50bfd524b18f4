import { expect, test } from "bun:test";
import fc from "fast-check";
import { seededRandom } from "../../../src/base/random.ts";
import type { Entry, SnapshotInfo } from "../../../src/protocol/raft/index.ts";
import { Disk } from "../world/index.ts";
import { DISK_RULES, damageDisk, imageChecksum, RaftDisk } from "./raft-disk.ts";

const NOBODY = { voters: [], votersOutgoing: [], learners: [] };

function entry(index: number, term: number): Entry {
  return { index, term, kind: "command", data: new Uint8Array([index, term, 7]) };
}

function entries(first: number, last: number, term: number): Entry[] {
  return Array.from({ length: last - first + 1 }, (_, at) => entry(first + at, term));
}

function shape(found: readonly Entry[]): readonly (readonly number[])[] {
  return found.map(({ index, term, kind }) => [index, term, kind === "command" ? 1 : 0]);
}

class Bench {
  readonly disk: Disk;
  readonly end = { bytes: 0 };
  log: RaftDisk;

  constructor(seed: number) {
    this.disk = new Disk(seededRandom(seed));
    this.log = this.open();
    this.log.recover(undefined);
  }

  open(): RaftDisk {
    return new RaftDisk(this.disk, this.end, DISK_RULES);
  }

  again(): ReturnType<RaftDisk["recover"]> {
    this.log = this.open();
    return this.log.recover(undefined);
  }

  snapshot(index: number, term: number): SnapshotInfo {
    const image = new TextEncoder().encode(`state at ${index}`);
    const checksum = imageChecksum(image);
    const info: SnapshotInfo = { index, term, configuration: NOBODY, sizeBytes: image.length, checksum };
    this.log.saveSnapshot(info, image)();
    return info;
  }
}

test("RaftDisk.recover() finds what was synced when the node is killed at any moment, and never more than was written", () => {
  const step = fc.record({ back: fc.nat(3), count: fc.nat(4), isSynced: fc.boolean(), term: fc.nat(2) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), fc.nat(), (steps, seed) => {
      const bench = new Bench(seed);
      let [term, written, synced] = [1, [] as Entry[], [] as Entry[]];
      let [votes, syncedTerm] = [0, 0];
      for (const { back, count, isSynced, term: more } of steps) {
        term += more;
        const first = Math.max(1, written.length + 1 - back);
        const fresh = entries(first, first + count - 1, term);
        if (fresh.length > 0) written = [...written.slice(0, first - 1), ...fresh];
        votes = term;
        const done = bench.log.persist({ term, votedFor: "n1" }, fresh);
        if (!isSynced) break;
        done();
        [synced, syncedTerm] = [written, votes];
      }
      bench.disk.crash();
      const { durable } = bench.again();
      expect(durable.isDamaged).toBe(false);
      expect([synced, written].map((each) => JSON.stringify(shape(each)))).toContain(
        JSON.stringify(shape(durable.entries)),
      );
      expect([syncedTerm, votes]).toContain(durable.hardState.term);
      if (durable.entries.length > 0)
        expect(durable.hardState.term).toBeGreaterThanOrEqual(durable.entries.at(-1)!.term);
    }),
  );
});

test("RaftDisk.recover() says that a log is damaged when a synced byte differs or is gone, and serves its valid beginning", () => {
  let detected = 0;
  for (let seed = 1; seed <= 300; seed++) {
    const bench = new Bench(seed);
    bench.log.persist({ term: 1, votedFor: "n1" }, entries(1, 5, 1))();
    bench.snapshot(3, 1);
    bench.log.persist({ term: 2, votedFor: undefined }, entries(6, 9, 2))();
    const random = seededRandom(seed);
    expect(damageDisk(bench.disk, (bound) => random.below(bound))).toBeDefined();
    const { durable } = bench.again();
    expect(durable.isDamaged).toBe(true);
    expect(durable.hardState.term).toBe(2);
    const whole = [...entries(4, 5, 1), ...entries(6, 9, 2)];
    const { length } = durable.entries;
    expect(shape(durable.entries)).toEqual(shape(whole.slice(0, length)));
    if (length < whole.length) detected++;
    expect(bench.again().durable.isDamaged).toBe(true);
    bench.log.markRepaired();
    expect(bench.again().durable.isDamaged).toBe(false);
  }
  expect(detected).toBeGreaterThan(200);
});

test("RaftDisk.compact() keeps what lies behind the snapshot, and reset() nothing", () => {
  const bench = new Bench(1);
  bench.log.persist({ term: 1, votedFor: "n1" }, entries(1, 8, 1))();
  bench.log.compact(bench.snapshot(5, 1));
  expect(shape(bench.again().durable.entries)).toEqual(shape(entries(6, 8, 1)));
  bench.log.reset(bench.snapshot(20, 3));
  bench.log.persist(undefined, entries(21, 22, 3))();
  const { durable } = bench.again();
  expect(durable.snapshot?.index).toBe(20);
  expect(shape(durable.entries)).toEqual(shape(entries(21, 22, 3)));
});

test("RaftDisk.recover() drops a log that contradicts the snapshot when the node was killed before reset()", () => {
  const bench = new Bench(1);
  bench.log.persist({ term: 2, votedFor: "n1" }, entries(1, 9, 1))();
  bench.snapshot(5, 2);
  expect(bench.again().durable).toMatchObject({ entries: [], isDamaged: false, snapshot: { index: 5 } });
});

test("RaftDisk.received() has what came in without gaps when the node was killed, and incoming() the whole if it is right", () => {
  const bench = new Bench(1);
  const image = new TextEncoder().encode("state at 7");
  const info = { index: 7, term: 1, configuration: NOBODY, sizeBytes: image.length, checksum: imageChecksum(image) };
  bench.log.storePiece(info, 0, image.subarray(0, 4))();
  bench.log.storePiece(info, 4, image.subarray(4, 6));
  expect(bench.log.incoming(info)).toBeUndefined();
  bench.disk.crash();
  const { offset } = bench.again().durable.receiving!;
  expect([4, 6]).toContain(offset);
  bench.log.storePiece(info, offset, image.subarray(offset))();
  expect(bench.log.incoming(info)).toEqual(image);
  expect(bench.log.incoming({ ...info, checksum: "other" })).toBeUndefined();
  bench.log.storePiece(info, 9, image.subarray(8))();
  expect(bench.log.incoming(info)).toBeUndefined();
});
