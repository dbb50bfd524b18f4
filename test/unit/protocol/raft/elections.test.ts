import { describe, expect, test } from "bun:test";
import type { RaftMessage } from "../../../../src/protocol/raft/index.ts";
import { Rig } from "./rig.ts";

const THREE = ["a", "b", "c"];

function vote(term: number, lastIndex = 10, lastTerm = term - 1, isTransfer = false): RaftMessage {
  return { type: "vote", term, lastIndex, lastTerm, isTransfer };
}

/** What it answers when it is asked this now. */
function answer(rig: Rig, id: string, from: string, message: RaftMessage): RaftMessage | undefined {
  rig.hand({ from, to: id, message });
  return rig.mail.findLast((mail) => mail.from === id && mail.to === from)?.message;
}

describe("elections", () => {
  test("step() gives one vote a term, also after a restart", () => {
    const rig = Rig.of(THREE);
    rig.nowMs = 1_000;
    expect(answer(rig, "a", "b", vote(1, 0, 0))).toMatchObject({ type: "voteReply", granted: true });
    expect(answer(rig, "a", "c", vote(1, 0, 0))).toMatchObject({ granted: false });
    rig.restart("a");
    rig.nowMs = 2_000;
    expect(answer(rig, "a", "c", vote(1, 0, 0))).toMatchObject({ granted: false });
    expect(answer(rig, "a", "b", vote(1, 0, 0))).toMatchObject({ granted: true });
    expect(answer(rig, "a", "c", vote(2, 0, 0))).toMatchObject({ granted: true });
  });

  test("step() sends no vote before it is durable", () => {
    const rig = Rig.of(THREE);
    rig.nowMs = 1_000;
    rig.node("a").isSlow = true;
    expect(answer(rig, "a", "b", vote(1, 0, 0))).toBeUndefined();
    rig.sync("a");
    expect(rig.mail.at(-1)?.message).toMatchObject({ type: "voteReply", granted: true });
  });

  test("step() votes for no log that is behind its own: a lower last term, or a shorter one of the same", () => {
    const rig = Rig.of(THREE);
    rig.elect("a");
    rig.propose("a", "x");
    rig.run(60);
    rig.nowMs += 1_000;
    expect(answer(rig, "b", "c", vote(2, 1, 1))).toMatchObject({ granted: false, term: 2 });
    expect(answer(rig, "b", "c", vote(3, 100, 0))).toMatchObject({ granted: false });
    expect(answer(rig, "b", "c", vote(4, 2, 1))).toMatchObject({ granted: true });
  });

  test("step() ignores votes within the least time-out after a leader was heard, and hears of no term by them", () => {
    const rig = Rig.of(THREE);
    rig.elect("a");
    rig.run(60);
    rig.mail = [];
    expect(answer(rig, "b", "c", vote(9))).toBeUndefined();
    expect(rig.raft("b").term).toBe(1);
    expect(answer(rig, "b", "c", { type: "preVote", term: 8, lastIndex: 9, lastTerm: 8 })).toMatchObject({
      type: "preVoteReply",
      granted: false,
      term: 1,
    });
    expect(answer(rig, "b", "c", vote(9, 10, 8, true))).toMatchObject({ granted: true });
  });

  test("step() ignores such votes in a term that it has heard of otherwise, too", () => {
    const rig = Rig.of(THREE);
    rig.elect("a");
    rig.run(60);
    rig.mail = [];
    rig.hand({ from: "c", to: "b", message: { type: "preVoteReply", term: 2, granted: false } });
    expect(rig.raft("b").term).toBe(2);
    expect(answer(rig, "b", "c", vote(2, 10, 1))).toBeUndefined();
    rig.nowMs += rig.options.electionMinMs;
    expect(answer(rig, "b", "c", vote(2, 10, 1))).toMatchObject({ granted: true });
  });

  test("step() ignores votes after it has started: it may have promised a leader's lease before", () => {
    const rig = Rig.of(THREE);
    rig.nowMs = 5_000;
    rig.restart("a");
    expect(answer(rig, "a", "b", vote(1, 0, 0))).toBeUndefined();
    rig.nowMs += rig.options.electionMinMs;
    expect(answer(rig, "a", "b", vote(1, 0, 0))).toMatchObject({ granted: true });
  });

  test("step() raises no term while it only asks: one who is cut off comes back and disturbs nobody", () => {
    const rig = Rig.of(THREE);
    rig.elect("a");
    rig.passes = ({ from, to }) => from !== "c" && to !== "c";
    rig.run(3_000);
    expect(rig.raft("c")).toMatchObject({ role: "preCandidate", term: 1 });
    rig.passes = () => true;
    rig.run(200);
    expect(rig.leader.id).toBe("a");
    expect([rig.raft("a").term, rig.raft("c").role]).toEqual([1, "follower"]);
  });

  test("step() makes a leader of an older term step down when a node of a newer one answers", () => {
    const rig = Rig.of(THREE);
    rig.elect("a");
    rig.hand({ from: "b", to: "c", message: vote(5, 100, 4, true) });
    rig.mail = [];
    rig.run(2_000);
    expect(rig.leader.raft.term).toBeGreaterThan(5);
    expect(rig.raft("c").leader).toBe(rig.leader.id);
  });

  test("step() steps down when no quorum answers for an election time-out, and not when one does", () => {
    const rig = Rig.of(THREE);
    rig.elect("a");
    rig.passes = ({ from, to }) => from !== "c" && to !== "c";
    rig.run(2_000);
    expect(rig.raft("a").role).toBe("leader");
    rig.passes = ({ from, to }) => from !== "a" && to !== "a";
    rig.run(rig.options.electionMaxMs + rig.options.heartbeatMs);
    expect(rig.raft("a").role).not.toBe("leader");
  });

  test("nextDeadlineMs is drawn anew for each election, between the two bounds", () => {
    const rig = Rig.of(THREE);
    const delays = new Set<number>();
    for (let count = 0; count < 50; count++) {
      const delayMs = rig.raft("a").nextDeadlineMs! - rig.nowMs;
      expect(delayMs).toBeGreaterThanOrEqual(150);
      expect(delayMs).toBeLessThan(300);
      delays.add(delayMs);
      rig.timeOut("a");
    }
    expect(delays.size).toBe(50);
  });

  test("step() does nothing before its deadline, and something at it", () => {
    const rig = Rig.of(THREE);
    rig.nowMs = rig.raft("a").nextDeadlineMs! - 0.001;
    expect(rig.feed("a", { type: "tick" })).toEqual([]);
    rig.nowMs = rig.raft("a").nextDeadlineMs!;
    expect(rig.feed("a", { type: "tick" }).map(({ type }) => type)).toEqual(["role", "send", "send"]);
  });

  test("step() lets learners and strangers vote when they are asked, and never stand", () => {
    const rig = Rig.of(["a"], {}, ["d"]);
    rig.add("s");
    rig.run(1_000);
    expect([rig.raft("d").role, rig.raft("s").role, rig.raft("s").nextDeadlineMs]).toEqual([
      "learner",
      "learner",
      undefined,
    ]);
    expect(answer(rig, "s", "z", vote(7, 0, 0))).toMatchObject({ granted: true });
  });

  test("step() leads at once when it is the only voter", () => {
    const rig = Rig.of(["a"]);
    expect(rig.raft("a").nextDeadlineMs).toBe(0);
    rig.feed("a", { type: "tick" });
    expect(rig.raft("a")).toMatchObject({ role: "leader", term: 1, commit: 1, applied: 1 });
    expect(rig.raft("a").nextDeadlineMs).toBeUndefined();
  });

  test("step() lets one who is leaving the configuration stand while it may be needed", () => {
    const rig = Rig.of(["a", "b", "c"]);
    rig.elect("a");
    rig.run(60);
    rig.reconfigure("a", ["b", "c"]);
    rig.mail = [];
    expect(rig.raft("a").configuration.voters).toEqual(["b", "c"]);
    rig.restart("a");
    rig.run(400);
    // It alone has the entry: whoever leads, the group goes on.
    expect(rig.leader.raft.term).toBeGreaterThan(1);
    rig.run(1_000);
    expect(rig.leader.raft.commit).toBe(rig.leader.raft.lastIndex);
  });
});
