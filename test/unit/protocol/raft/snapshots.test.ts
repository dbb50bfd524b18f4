import { describe, expect, test } from "bun:test";
import type { Entry, RaftMessage, SnapshotInfo } from "../../../../src/protocol/raft/index.ts";
import { Rig } from "./rig.ts";

const THREE = ["a", "b", "c"];
const CONFIGURATION = { voters: THREE, votersOutgoing: [], learners: [] };
const SMALL = { keepEntries: 0, pieceBytesMax: 40 };

/** c was away, and what it needs is compacted. */
function behind(options: ConstructorParameters<typeof Rig>[0] = {}, sizeBytes = 100): Rig {
  const rig = Rig.of(THREE, { ...options, options: { ...SMALL, ...options.options } });
  rig.elect("a");
  rig.run(60);
  rig.crash("c");
  rig.propose("a", ..."pqrs");
  rig.run(60);
  rig.snapshot("a", sizeBytes);
  rig.restart("c");
  return rig;
}

function snapshotOf(index: number, term: number, checksum = "sum", sizeBytes = 20): SnapshotInfo {
  return { index, term, configuration: CONFIGURATION, sizeBytes, checksum };
}

/** A follower by itself, to be told things by a leader b. */
function alone(entries: readonly Entry[] = []): { rig: Rig; tell: (message: object) => void; last: () => RaftMessage } {
  const rig = new Rig();
  const hardState = { term: entries.at(-1)?.term ?? 0, votedFor: undefined };
  rig.add("a", { configuration: CONFIGURATION, entries: [...entries], hardState });
  const tell = (message: object): void =>
    rig.hand({ from: "b", to: "a", message: { type: "snapshot", term: 5, round: 1, ...message } as RaftMessage });
  return { rig, tell, last: () => rig.mail.at(-1)!.message };
}

const bytes = (count: number): Uint8Array => new Uint8Array(count);

describe("snapshots", () => {
  test("step() sends a snapshot in pieces, one after the other, when what a follower needs is compacted", () => {
    const rig = behind();
    rig.node("a").effects.length = 0;
    rig.run(1_000);
    expect(
      rig
        .node("a")
        .of("readPiece")
        .map(({ offset, sizeBytesMax }) => [offset, sizeBytesMax]),
    ).toEqual([
      [0, 40],
      [40, 40],
      [80, 20],
    ]);
    expect(rig.raft("c")).toMatchObject({ commit: 5, lastIndex: 5 });
    expect(rig.raft("a").status().followers[1]).toMatchObject({ state: "replicate", match: 5 });
    rig.propose("a", "t");
    rig.run(60);
    expect(rig.texts("c")).toBe("t");
  });

  test("step() installs a snapshot without bytes", () => {
    const rig = behind({}, 0);
    rig.run(1_000);
    expect(rig.raft("c").commit).toBe(5);
  });

  test("step() keeps entries in front of a snapshot for followers that are a little behind", () => {
    const rig = behind({ options: { keepEntries: 100 } });
    rig.run(1_000);
    expect(rig.node("a").of("readPiece")).toEqual([]);
    expect(rig.texts("c")).toBe("p,q,r,s");
  });

  test("step() goes on where the follower is, also for another leader that has the same snapshot", () => {
    const { last, rig, tell } = alone();
    const snapshot = snapshotOf(9, 4);
    tell({ snapshot, offset: 0, data: bytes(15) });
    expect(last()).toMatchObject({ type: "snapshotReply", index: 9, offset: 15 });
    rig.hand({
      from: "c",
      to: "a",
      message: { type: "snapshot", term: 6, round: 1, snapshot, offset: 0, data: bytes(0) },
    });
    expect(last()).toMatchObject({ term: 6, offset: 15 });
    rig.restart("a");
    rig.hand({
      from: "c",
      to: "a",
      message: { type: "snapshot", term: 6, round: 2, snapshot, offset: 0, data: bytes(0) },
    });
    expect(last()).toMatchObject({ term: 6, offset: 15, round: 2 });
    rig.hand({
      from: "c",
      to: "a",
      message: { type: "snapshot", term: 6, round: 3, snapshot, offset: 15, data: bytes(5) },
    });
    expect(last()).toMatchObject({ term: 6, offset: 20 });
    expect(rig.raft("a")).toMatchObject({ commit: 9, applied: 9, lastIndex: 9 });
  });

  test("step() answers with its place when a piece is repeated, is ahead, or belongs to an older snapshot", () => {
    const { last, rig, tell } = alone();
    tell({ snapshot: snapshotOf(9, 4), offset: 0, data: bytes(10) });
    tell({ snapshot: snapshotOf(9, 4), offset: 0, data: bytes(10) });
    expect(last()).toMatchObject({ offset: 10 });
    tell({ snapshot: snapshotOf(9, 4), offset: 15, data: bytes(5) });
    expect(last()).toMatchObject({ offset: 10 });
    rig.mail = [];
    tell({ snapshot: snapshotOf(7, 4, "older"), offset: 0, data: bytes(10) });
    expect(rig.mail).toEqual([]);
    tell({ snapshot: snapshotOf(12, 4, "newer"), offset: 0, data: bytes(5) });
    expect(last()).toMatchObject({ index: 12, offset: 5 });
  });

  test("step() begins an older snapshot when another leader has no newer one", () => {
    const { last, rig, tell } = alone();
    tell({ snapshot: snapshotOf(9, 4), offset: 0, data: bytes(10) });
    const snapshot = snapshotOf(7, 4, "older");
    rig.hand({
      from: "c",
      to: "a",
      message: { type: "snapshot", term: 6, round: 1, snapshot, offset: 0, data: bytes(5) },
    });
    expect(last()).toMatchObject({ index: 7, offset: 5 });
  });

  test("step() needs no bytes when the log has the snapshot's last entry, and keeps what lies behind it", () => {
    const entries: Entry[] = [1, 2, 3, 4].map((index) => ({ kind: "noop", index, term: 1 }));
    const { last, rig, tell } = alone(entries);
    tell({ snapshot: snapshotOf(3, 1), offset: 0, data: bytes(0) });
    expect(last()).toMatchObject({ index: 3, offset: 20 });
    expect(rig.raft("a")).toMatchObject({ commit: 3, applied: 3, lastIndex: 4 });
    tell({ snapshot: snapshotOf(2, 1), offset: 0, data: bytes(5) });
    expect(last()).toMatchObject({ index: 2, offset: 20 });
  });

  test("step() replaces nothing when entries have overtaken the pieces", () => {
    const { last, rig, tell } = alone();
    tell({ snapshot: snapshotOf(2, 4), offset: 0, data: bytes(15) });
    const entries: Entry[] = [1, 2, 3].map((index) => ({ kind: "noop", index, term: 4 }));
    const append = { type: "append", term: 5, prevIndex: 0, prevTerm: 0, entries, commit: 0, round: 1 } as const;
    rig.hand({ from: "b", to: "a", message: append });
    tell({ snapshot: snapshotOf(2, 4), offset: 15, data: bytes(5) });
    expect(last()).toMatchObject({ type: "snapshotReply", offset: 20 });
    expect(rig.node("a").of("restore")).toEqual([]);
    expect(rig.raft("a")).toMatchObject({ commit: 2, lastIndex: 3 });
  });

  test("step() drops a log that conflicts with the snapshot, and takes its configuration", () => {
    const entries: Entry[] = [1, 2, 3, 4].map((index) => ({ kind: "noop", index, term: 1 }));
    const { rig, tell } = alone(entries);
    const configuration = { voters: ["a", "b"], votersOutgoing: [], learners: ["c"] };
    tell({ snapshot: { ...snapshotOf(3, 4), configuration }, offset: 0, data: bytes(20) });
    expect(rig.raft("a")).toMatchObject({ commit: 3, applied: 3, lastIndex: 3, configuration });
  });

  test("step() begins anew when the bytes were not what they should be", () => {
    const { last, rig, tell } = alone();
    rig.node("a").isSlow = true;
    tell({ snapshot: snapshotOf(9, 4), offset: 0, data: bytes(20) });
    rig.node("a").disk.pieces = { snapshot: snapshotOf(9, 4), bytes: bytes(0) };
    rig.feed("a", { type: "pieceStored", snapshot: snapshotOf(9, 4), offset: 20 });
    expect(rig.raft("a").status().isRestoring).toBe(true);
    rig.feed("a", { type: "restored", snapshot: snapshotOf(9, 4), ok: false });
    rig.node("a").waiting = rig.node("a").waiting.filter(({ type }) => type === "send");
    rig.sync("a");
    expect(last()).toMatchObject({ type: "snapshotReply", offset: 0 });
    expect(rig.raft("a").commit).toBe(0);
  });

  test("step() takes neither entries nor office while a snapshot is put in place", () => {
    const { rig, tell } = alone();
    rig.node("a").isSlow = true;
    tell({ snapshot: snapshotOf(9, 4), offset: 0, data: bytes(20) });
    rig.feed("a", { type: "pieceStored", snapshot: snapshotOf(9, 4), offset: 20 });
    const entries: Entry[] = [{ kind: "noop", index: 1, term: 5 }];
    const append = { type: "append", term: 5, prevIndex: 0, prevTerm: 0, entries, commit: 1, round: 7 } as const;
    const effects = rig.feed("a", { type: "receive", from: "b", message: append });
    expect(effects).toMatchObject([{ type: "send", message: { type: "appendReply", round: 7 } }]);
    expect(rig.raft("a").lastIndex).toBe(0);
    rig.nowMs += 1_000;
    rig.feed("a", { type: "tick" });
    expect(rig.raft("a").role).toBe("follower");
  });

  test("step() asks again when there is no answer, and sends a newer snapshot instead when there is one", () => {
    const rig = behind();
    rig.feed("a", { type: "unreachable", node: "c" });
    rig.passes = ({ message }) => message.type !== "snapshotReply";
    rig.run(60);
    rig.propose("a", "t");
    rig.run(60);
    rig.snapshot("a", 50);
    rig.run(rig.options.pieceRetryMs);
    rig.passes = () => true;
    rig.run(rig.options.pieceRetryMs);
    expect(rig.raft("c").commit).toBe(6);
    expect(
      rig
        .node("c")
        .of("restore")
        .map(({ snapshot }) => snapshot.index),
    ).toEqual([6]);
  });

  test("step() compacts nothing beyond what is applied, and nothing twice", () => {
    const rig = Rig.of(["a"], { options: SMALL });
    rig.feed("a", { type: "tick" });
    rig.propose("a", "x", "y");
    rig.feed("a", { type: "snapshotTaken", snapshot: snapshotOf(4, 1) });
    expect(rig.raft("a").status()).toMatchObject({ firstIndex: 1, snapshotIndex: 0 });
    rig.feed("a", { type: "snapshotTaken", snapshot: snapshotOf(2, 9) });
    expect(rig.raft("a").status().snapshotIndex).toBe(0);
    rig.feed("a", { type: "snapshotTaken", snapshot: snapshotOf(2, 1) });
    expect(rig.raft("a").status()).toMatchObject({ firstIndex: 3, lastIndex: 3, snapshotIndex: 2 });
    rig.feed("a", { type: "snapshotTaken", snapshot: snapshotOf(1, 1) });
    expect(rig.raft("a").status().snapshotIndex).toBe(2);
  });

  test("step() sends no piece that the follower does not wait for", () => {
    const rig = behind();
    const snapshot = rig.node("a").disk.snapshot!;
    rig.mail = [];
    for (const offset of [0, 40, 99]) rig.feed("a", { type: "piece", to: "b", snapshot, offset, data: bytes(1) });
    rig.feed("a", { type: "piece", to: "nobody", snapshot, offset: 0, data: bytes(1) });
    expect(rig.mail).toEqual([]);
  });
});
