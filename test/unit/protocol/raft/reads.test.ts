import { describe, expect, test } from "bun:test";
import { Rig } from "./rig.ts";

const THREE = ["a", "b", "c"];

function ready(given: ConstructorParameters<typeof Rig>[0] = {}): Rig {
  const rig = Rig.of(THREE, given);
  rig.elect("a");
  rig.run(60);
  return rig;
}

describe("reads", () => {
  test("step() answers a read after a quorum has said that this node leads", () => {
    const rig = ready();
    const id = rig.read("a");
    expect(rig.outcome("a", id)).toBe("");
    rig.deliver(({ to }) => to === "b");
    rig.deliver(({ from }) => from === "b");
    expect(rig.outcome("a", id)).toBe("readReady");
  });

  test("step() takes no answer to a message of before the read for one", () => {
    const rig = ready();
    rig.propose("a", "x");
    rig.deliver(({ to }) => to === "b");
    rig.deliver(({ to }) => to === "c");
    const id = rig.read("a");
    rig.deliver(({ from }) => from === "b");
    rig.deliver(({ from }) => from === "c");
    expect(rig.outcome("a", id)).toBe("");
    rig.settle();
    expect(rig.outcome("a", id)).toBe("readReady");
  });

  test("step() takes no answer to a late append of an older term for one to its own, whatever its round", () => {
    const rig = ready();
    rig.elect("b");
    rig.elect("a");
    rig.run(60);
    const id = rig.read("a");
    const { message } = rig.drop(({ to }) => to === "b");
    rig.drop(({ to }) => to === "c");
    const late = { term: 1, prevIndex: 0, prevTerm: 0, entries: [], commit: 0 };
    rig.hand({ from: "a", to: "b", message: { ...message, ...late } as typeof message });
    const answer = rig.deliver(({ from }) => from === "b");
    expect(answer.message).toMatchObject({ type: "appendReply", term: rig.raft("a").term, match: undefined });
    expect(rig.outcome("a", id)).toBe("");
  });

  test("step() answers no read before an entry of the leader's own term is committed", () => {
    const rig = Rig.of(THREE);
    rig.passes = ({ message, to }) => message.type !== "append" || to === "a";
    rig.elect("a");
    const [slow, lease] = [rig.read("a"), rig.read("a", "lease")];
    rig.settle();
    expect([slow, lease].map((id) => rig.outcome("a", id))).toEqual(["", ""]);
    rig.passes = () => true;
    rig.run(120);
    expect([slow, lease].map((id) => rig.outcome("a", id))).toEqual(["readReady", "readReady"]);
    expect(
      rig
        .node("a")
        .of("readReady")
        .every(({ index }) => index >= 1),
    ).toBe(true);
  });

  test("step() shares a round among reads that come while others are under way", () => {
    const rig = ready();
    rig.node("a").effects.length = 0;
    const ids = Array.from({ length: 100 }, () => rig.read("a"));
    expect(rig.node("a").of("send").length).toBe(4);
    rig.settle();
    expect(rig.node("a").of("send").length).toBe(6);
    expect(ids.every((id) => rig.outcome("a", id) === "readReady")).toBe(true);
  });

  test("step() refuses reads beyond its bound, and where it does not lead", () => {
    const rig = ready({ options: { readsMax: 2 } });
    const ids = [rig.read("a"), rig.read("a"), rig.read("a")];
    expect(ids.map((id) => rig.outcome("a", id))).toEqual(["", "", "overloaded"]);
    expect(rig.outcome("b", rig.read("b"))).toBe("not_leader");
  });

  test("step() refuses the reads that wait when leadership goes", () => {
    const rig = ready();
    rig.passes = ({ from }) => from !== "a";
    const ids = [rig.read("a"), rig.read("a"), rig.read("a")];
    rig.run(2_000);
    expect(ids.map((id) => rig.outcome("a", id))).toEqual(["lost_leadership", "lost_leadership", "lost_leadership"]);
  });

  test("step() answers lease reads at once for a share of the least time-out from when the question was sent", () => {
    const rig = ready();
    rig.nowMs = rig.raft("a").nextDeadlineMs!;
    const sentMs = rig.nowMs;
    rig.feed("a", { type: "tick" });
    // The answers are late; the lease counts from the question all the same.
    rig.nowMs = sentMs + 40;
    rig.settle();
    const leaseMs = rig.options.electionMinMs * rig.options.leaseShare;
    rig.nowMs = sentMs + leaseMs - 1;
    expect(rig.outcome("a", rig.read("a", "lease"))).toBe("readReady");
    rig.nowMs = sentMs + leaseMs;
    expect(rig.outcome("a", rig.read("a", "lease"))).toBe("");
  });

  test("step() answers no lease read any more in a term in which it has told somebody to stand", () => {
    const rig = ready();
    expect(rig.outcome("a", rig.read("a", "lease"))).toBe("readReady");
    rig.transfer("a", "b");
    rig.drop(({ message }) => message.type === "timeoutNow");
    rig.run(400);
    expect(rig.raft("a")).toMatchObject({ role: "leader", term: 1 });
    expect(rig.outcome("a", rig.read("a", "lease"))).toBe("");
  });

  test("step() answers at once in a group of one", () => {
    const rig = Rig.of(["a"]);
    rig.node("a").isSlow = true;
    rig.feed("a", { type: "tick" });
    const early = rig.read("a");
    expect(rig.outcome("a", early)).toBe("");
    rig.sync("a");
    expect(rig.outcome("a", early)).toBe("readReady");
    expect(rig.outcome("a", rig.read("a"))).toBe("readReady");
  });

  test("step() asks no learner whether it leads", () => {
    const rig = Rig.of(["a", "b"], {}, ["d"]);
    rig.elect("a");
    rig.run(60);
    rig.passes = ({ from }) => from !== "b";
    const id = rig.read("a");
    rig.settle();
    expect(rig.outcome("a", id)).toBe("");
  });
});
