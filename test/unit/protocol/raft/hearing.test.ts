/** Whom a node hears: members, and of the others only who may be of a configuration that it has not heard of. */
import { describe, expect, test } from "bun:test";
import type { RaftMessage } from "../../../../src/protocol/raft/index.ts";
import { TERM_JUMP_MAX } from "../../../../src/protocol/raft/options.ts";
import { Rig } from "./rig.ts";

const THREE = ["a", "b", "c"];
const CHECKSUM = "x";

function ready(): Rig {
  const rig = Rig.of(THREE);
  rig.elect("a");
  rig.run(60);
  return rig;
}

function append(term: number): RaftMessage {
  return { type: "append", term, prevIndex: 0, prevTerm: 0, entries: [], commit: 0, round: 1 };
}

function say(rig: Rig, to: string, message: RaftMessage, from = "stranger"): void {
  rig.feed(to, { type: "receive", from, message });
}

const replies = (term: number): readonly RaftMessage[] => [
  { type: "voteReply", term, granted: false },
  { type: "preVoteReply", term, granted: false },
  { type: "appendReply", term, round: 1, match: 1 },
  { type: "snapshotReply", term, index: 1, checksum: CHECKSUM, offset: 0, round: 1 },
];

describe("strangers", () => {
  test("their answers raise no term, of a leader, of a follower and of one that looks for a leader", () => {
    for (const id of ["a", "b"]) {
      const rig = ready();
      for (const reply of replies(9)) say(rig, id, reply);
      expect(rig.raft(id).term).toBe(1);
      rig.passes = () => false;
      rig.run(1_000);
      for (const reply of replies(9)) say(rig, id, reply);
      expect(rig.raft(id).term).toBe(1);
      expect(rig.raft(id).role).not.toBe("leader");
    }
  });

  test("nothing that they say ends the term of a leader that is there, for it and for its followers", () => {
    const snapshot = {
      ...{ index: 9, term: 8, sizeBytes: 1, checksum: CHECKSUM },
      configuration: { voters: ["stranger"], votersOutgoing: [], learners: [] },
    };
    for (const id of ["a", "b"]) {
      const rig = ready();
      say(rig, id, append(9));
      say(rig, id, { type: "vote", term: 9, lastIndex: 99, lastTerm: 8, isTransfer: true });
      say(rig, id, { type: "snapshot", term: 9, snapshot, offset: 0, data: new Uint8Array(0), round: 1 });
      for (const term of [1, 9]) say(rig, id, { type: "timeoutNow", term });
      expect(rig.raft(id)).toMatchObject({ term: 1, leader: "a" });
      rig.run(500);
      expect(rig.leader.id).toBe("a");
      expect(rig.raft("a").term).toBe(1);
    }
  });

  test("a leader of a configuration that was not heard of is followed once the one before is silent", () => {
    const rig = ready();
    rig.passes = () => false;
    rig.run(rig.options.electionMinMs);
    say(rig, "b", append(2));
    expect(rig.raft("b")).toMatchObject({ term: 2, leader: "stranger" });
  });

  test("a candidate of such a configuration is voted for when nobody leads", () => {
    const rig = ready();
    rig.passes = () => false;
    rig.run(rig.options.electionMinMs);
    rig.mail = [];
    say(rig, "b", { type: "vote", term: 2, lastIndex: 9, lastTerm: 1, isTransfer: false });
    expect(rig.mail.at(-1)).toMatchObject({ to: "stranger", message: { type: "voteReply", term: 2, granted: true } });
  });

  test("a node that knows no configuration hears the first leader at once, in whatever term", () => {
    const rig = new Rig();
    rig.add("new");
    say(rig, "new", append(70_000));
    expect(rig.raft("new")).toMatchObject({ term: 70_000, leader: "stranger" });
  });

  test("a node that is taken out hears that this is committed, and its leader hears it until then", () => {
    const rig = ready();
    rig.reconfigure("a", ["a", "b"]);
    rig.run(400);
    expect(rig.raft("c").commit).toBe(rig.raft("a").commit);
    expect(
      rig
        .raft("a")
        .status()
        .followers.map(({ id }) => id),
    ).toEqual(["b"]);
  });

  test("a leader that takes itself out is heard to the end, and its heir stands at once", () => {
    const rig = ready();
    rig.reconfigure("a", ["b", "c"]);
    rig.settle();
    rig.run(60);
    expect(["b", "c"]).toContain(rig.leader.id);
    expect(rig.leader.raft.term).toBe(2);
  });
});

describe("terms", () => {
  test("rise by so much at once at most, whoever says so; what is further ahead is told and dropped", () => {
    const rig = ready();
    say(rig, "a", { type: "voteReply", term: 2 + TERM_JUMP_MAX, granted: false }, "b");
    expect(rig.raft("a")).toMatchObject({ term: 1, role: "leader" });
    const told = { what: "term_far_ahead", from: "b", said: 2 + TERM_JUMP_MAX, known: 1 } as const;
    expect(rig.node("a").of("suspicion")).toEqual([{ type: "suspicion", ...told }]);
    say(rig, "a", { type: "voteReply", term: 1 + TERM_JUMP_MAX, granted: false }, "b");
    expect(rig.raft("a").term).toBe(1 + TERM_JUMP_MAX);
  });
});

describe("a follower that has forgotten what it acknowledged, and does not know", () => {
  test("gets it again, and is told of once", () => {
    const rig = ready();
    rig.propose("a", ..."pqrs");
    rig.run(60);
    rig.crash("c");
    const { entries } = rig.node("c").disk;
    rig.restart("c", { entries: entries.slice(0, 2) });
    rig.propose("a", "t");
    rig.run(200);
    expect(rig.raft("c").lastIndex).toBe(rig.raft("a").lastIndex);
    expect(rig.texts("c")).toBe("p,q,r,s,t");
    const known = entries.at(-1)!.index;
    expect(rig.node("a").of("suspicion")).toEqual([
      { type: "suspicion", what: "forgotten", from: "c", said: 2, known },
    ]);
  });

  test("gets a snapshot when the entries are gone", () => {
    const rig = Rig.of(THREE, { options: { keepEntries: 0 } });
    rig.elect("a");
    rig.propose("a", ..."pqrs");
    rig.run(60);
    rig.snapshot("a");
    rig.crash("c");
    rig.restart("c", { entries: [] });
    rig.propose("a", "t");
    rig.run(200);
    expect(rig.raft("c").lastIndex).toBe(rig.raft("a").lastIndex);
    expect(rig.node("a").of("suspicion")).toHaveLength(1);
  });

  test("is not suspected for a refusal that is older than its acknowledgement", () => {
    const rig = ready();
    rig.propose("a", "p");
    rig.run(60);
    const { match } = rig.raft("a").status().followers[1]!;
    const reply = {
      type: "appendReply",
      term: 1,
      round: 1_000,
      match: undefined,
      hint: { index: 1, term: 1 },
    } as const;
    say(rig, "a", { ...reply, round: rig.nowMs }, "c");
    rig.run(200);
    expect(rig.node("a").of("suspicion")).toEqual([]);
    expect(rig.raft("a").status().followers[1]).toMatchObject({ match, state: "replicate" });
  });
});
