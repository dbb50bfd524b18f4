import { describe, expect, test } from "bun:test";
import type { Entry, RaftMessage } from "../../../../src/protocol/raft/index.ts";
import { Rig } from "./rig.ts";

const THREE = ["a", "b", "c"];

type Append = Extract<RaftMessage, { type: "append" }>;

function appendsTo(rig: Rig, to: string): Append[] {
  return rig.mail
    .filter((mail) => mail.to === to)
    .flatMap(({ message }) => (message.type === "append" ? [message] : []));
}

function ready(options: ConstructorParameters<typeof Rig>[0] = {}): Rig {
  const rig = Rig.of(THREE, options);
  rig.elect("a");
  rig.run(60);
  return rig;
}

function noop(index: number, term: number): Entry {
  return { kind: "noop", index, term };
}

describe("replication", () => {
  test("step() makes one persist and one message per follower of many proposals", () => {
    const rig = ready();
    rig.node("a").effects.length = 0;
    rig.propose("a", ...Array.from({ length: 64 }, (_, at) => `x${at}`));
    expect(rig.node("a").of("persist").length).toBe(1);
    expect(rig.node("a").of("send").length).toBe(2);
    expect(
      rig
        .node("a")
        .of("proposed")
        .map(({ index }) => index),
    ).toEqual(Array.from({ length: 64 }, (_, at) => at + 2));
  });

  test("step() sends the next entries without waiting for answers, until the window is full", () => {
    const rig = ready({ options: { inflightMessagesMax: 3 } });
    for (const text of ["p", "q", "r", "s", "t"]) rig.propose("a", text);
    expect(appendsTo(rig, "b").map(({ entries, prevIndex }) => [prevIndex, entries.length])).toEqual([
      [1, 1],
      [2, 1],
      [3, 1],
    ]);
    rig.settle();
    expect(rig.raft("a").status().followers[0]).toMatchObject({ state: "replicate", match: 6, inflightMessages: 0 });
  });

  test("step() stops at the window's bytes, and puts no more bytes on a message than wanted", () => {
    const rig = ready({ options: { appendBytesMax: 200, inflightBytesMax: 300 } });
    rig.propose("a", ..."pqrstuvw");
    expect(appendsTo(rig, "b").map(({ entries }) => entries.length)).toEqual([3, 3]);
    rig.settle();
    expect(rig.raft("b").lastIndex).toBe(9);
  });

  test("step() counts the leader's own copy only once it is durable", () => {
    const rig = ready();
    rig.node("a").isSlow = true;
    rig.propose("a", "x");
    rig.drop(({ to }) => to === "c");
    rig.deliver(({ to }) => to === "b");
    rig.node("a").isSlow = true;
    expect(rig.raft("a").commit).toBe(1);
    rig.sync("a");
    rig.settle();
    expect(rig.raft("a").commit).toBe(2);
  });

  test("step() hands out nothing that is not durable here, whatever is committed", () => {
    const rig = ready();
    rig.node("a").isSlow = true;
    rig.propose("a", "x");
    rig.settle();
    expect([rig.raft("a").commit, rig.raft("a").applied, rig.texts("a")]).toEqual([2, 1, ""]);
    rig.sync("a");
    expect([rig.raft("a").applied, rig.texts("a")]).toEqual([2, "x"]);
  });

  test("step() does not take the write of a replaced entry for that of the one in its place", () => {
    const rig = Rig.of(THREE);
    rig.nowMs = 1_000;
    rig.node("a").isSlow = true;
    const from = (term: number, prevIndex: number, prevTerm: number, entries: Entry[], commit = 0): void =>
      rig.hand({
        from: "b",
        to: "a",
        message: { type: "append", term, prevIndex, prevTerm, entries, commit, round: 1 },
      });
    from(1, 0, 0, [noop(1, 1), noop(2, 1)]);
    from(2, 1, 1, [noop(2, 2)], 2);
    rig.sync("a", 1);
    expect([rig.raft("a").commit, rig.raft("a").applied]).toEqual([2, 0]);
    rig.sync("a");
    expect(rig.raft("a").applied).toBe(2);
  });

  test("step() commits no entry of an older term by counting (figure 8 of the paper)", () => {
    const rig = Rig.of(["a", "b", "c", "d", "e"]);
    rig.elect("a");
    rig.run(60);
    rig.passes = ({ from, to }) => [from, to].every((id) => id === "a" || id === "b");
    rig.propose("a", "x");
    rig.settle();
    expect(rig.raft("a").commit).toBe(1);
    // Elected anew it replicates the old entry to a third node, and nothing of its own.
    rig.passes = ({ from, message, to }) => {
      const isLate = message.type === "append" && message.entries.some(({ term }) => term > 1);
      return !isLate && [from, to].every((id) => id === "a" || id === "b" || id === "c");
    };
    rig.nowMs += 1_000;
    rig.feed("a", { type: "tick" });
    rig.elect("a");
    const message = { type: "appendReply", term: rig.raft("a").term, round: 1, match: 2 } as const;
    for (const id of ["b", "c"]) rig.hand({ from: id, to: "a", message });
    expect(rig.raft("a").commit).toBe(1);
    rig.passes = () => true;
    rig.run(200);
    expect(rig.raft("a").commit).toBe(3);
  });

  test("step() finds the place behind a lost message by the refusal of the next heart-beat", () => {
    const rig = ready();
    rig.propose("a", "x");
    rig.drop(({ message, to }) => to === "b" && message.type === "append");
    rig.propose("a", "y");
    rig.settle();
    expect(rig.raft("b").lastIndex).toBe(3);
    expect(rig.raft("a").status().followers[0]).toMatchObject({ match: 3 });
  });

  test("step() takes a refusal of before it went back for nothing", () => {
    const rig = ready();
    rig.propose("a", "p");
    rig.drop(({ message, to }) => to === "b" && message.type === "append");
    for (const text of "qrs") rig.propose("a", text);
    for (let count = 0; count < 3; count++) rig.deliver(({ to }) => to === "b");
    const refusals = rig.mail.filter(({ from }) => from === "b");
    expect(refusals.length).toBe(3);
    rig.mail = rig.mail.filter(({ from }) => from !== "b");
    for (const refusal of refusals) rig.hand(refusal);
    expect(appendsTo(rig, "b").length).toBe(1);
  });

  test("step() goes back to what is known when the transport has lost something", () => {
    const rig = ready();
    rig.propose("a", "x");
    rig.drop(({ to }) => to === "b");
    rig.feed("a", { type: "unreachable", node: "b" });
    expect(rig.raft("a").status().followers[0]).toMatchObject({ state: "probe", match: 1, next: 2 });
    rig.run(60);
    expect(rig.raft("a").status().followers[0]).toMatchObject({ state: "replicate", match: 2 });
  });

  test("step() keeps entries behind an append that came late: only conflicts are replaced", () => {
    const rig = ready();
    rig.propose("a", "x");
    const late = rig.mail.find(({ to }) => to === "b")!;
    rig.propose("a", "y");
    rig.settle();
    rig.node("b").effects.length = 0;
    rig.hand(late);
    expect(rig.raft("b").lastIndex).toBe(3);
    expect(rig.node("b").of("persist")).toEqual([]);
    expect(rig.mail.at(-1)?.message).toMatchObject({ type: "appendReply", match: 2 });
  });

  test("step() tells what is committed soon, also when nothing else is to be sent", () => {
    const rig = ready();
    rig.propose("a", "x");
    rig.settle();
    expect(rig.raft("b").commit).toBe(1);
    rig.run(rig.options.commitTellMs);
    expect(rig.raft("b").commit).toBe(2);
  });

  test("step() refuses proposals where it does not lead, and names the leader", () => {
    const rig = ready();
    const [id] = rig.propose("b", "x");
    expect(rig.outcome("b", id!)).toBe("not_leader");
    expect(rig.node("b").of("refused")[0]?.leader).toBe("a");
  });

  test("step() refuses proposals beyond its bounds, and takes them again when there is room", () => {
    const rig = ready({ options: { uncommittedBytesMax: 200, entryBytesMax: 20 } });
    const ids = rig.propose("a", "p", "q", "r", "s", "x".repeat(21));
    expect(ids.map((id) => rig.outcome("a", id))).toEqual([
      "proposed",
      "proposed",
      "proposed",
      "overloaded",
      "too_large",
    ]);
    rig.settle();
    expect(rig.outcome("a", rig.propose("a", "t")[0]!)).toBe("proposed");
  });

  test("step() refuses proposals while the log is full, until a snapshot has made room", () => {
    const rig = ready({ options: { logBytesMax: 300, keepEntries: 0 } });
    const ids = rig.propose("a", ..."pqrst");
    rig.run(60);
    expect(ids.map((id) => rig.outcome("a", id))).toEqual([
      "proposed",
      "proposed",
      "proposed",
      "overloaded",
      "overloaded",
    ]);
    rig.snapshot("a");
    expect(rig.outcome("a", rig.propose("a", "u")[0]!)).toBe("proposed");
  });

  test("step() hands out entries in bounded slices", () => {
    const rig = ready({ options: { applyBytesMax: 200 } });
    rig.node("a").effects.length = 0;
    rig.propose("a", ..."pqrstuv");
    rig.settle();
    expect(
      rig
        .node("a")
        .of("commit")
        .map(({ entries }) => entries.length),
    ).toEqual([3, 3, 1]);
    expect(rig.texts("a")).toBe("p,q,r,s,t,u,v");
  });

  test("step() sends nothing free in a term that is not durable", () => {
    const rig = Rig.of(["a"], {}, ["d"]);
    rig.node("a").isSlow = true;
    rig.feed("a", { type: "tick" });
    rig.propose("a", "x");
    expect(rig.mail).toEqual([]);
    rig.sync("a");
    expect(rig.mail.length).toBe(1);
  });
});
