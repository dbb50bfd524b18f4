import { describe, expect, test } from "bun:test";
import { Rig } from "./rig.ts";

const THREE = ["a", "b", "c"];

function ready(): Rig {
  const rig = Rig.of(THREE);
  rig.elect("a");
  rig.propose("a", "p", "q");
  rig.run(60);
  return rig;
}

/** It starts again without its last entries. */
function damage(rig: Rig, id: string, entries: number): void {
  rig.crash(id);
  rig.restart(id, { isDamaged: true, entries: rig.node(id).disk.entries.slice(0, -entries) });
}

describe("repair", () => {
  test("step() votes for nobody, and stands for nothing, while it is damaged", () => {
    const rig = ready();
    damage(rig, "c", 2);
    rig.nowMs += 1_000;
    rig.feed("c", { type: "tick" });
    expect(rig.raft("c").role).toBe("follower");
    for (const type of ["vote", "preVote"] as const) {
      rig.mail = [];
      rig.hand({ from: "b", to: "c", message: { type, term: 9, lastIndex: 99, lastTerm: 8, isTransfer: false } });
      expect(rig.mail.at(-1)?.message).toMatchObject({ granted: false });
    }
    rig.hand({ from: "a", to: "c", message: { type: "timeoutNow", term: 9 } });
    expect(rig.raft("c").role).toBe("follower");
  });

  test("step() is whole once it has what the leader had when it heard of it, durable in that term", () => {
    const rig = ready();
    damage(rig, "c", 2);
    rig.nowMs = rig.raft("a").nextDeadlineMs!;
    rig.feed("a", { type: "tick" });
    rig.deliver(({ to }) => to === "c");
    rig.node("c").isSlow = true;
    rig.propose("a", "r");
    rig.settle();
    expect(rig.raft("c").lastIndex).toBe(4);
    expect(rig.raft("c").status()).toMatchObject({ damage: "awaitsRepair", durableIndex: 1 });
    rig.sync("c", 1);
    expect(rig.raft("c").status()).toMatchObject({ damage: "none" });
    rig.sync("c");
    expect(rig.node("c").disk.isDamaged).toBe(false);
  });

  test("step() forgets what a node acknowledged before its damage, and counts no answer from before", () => {
    const rig = ready();
    const old = { type: "appendReply", term: 1, round: 1, match: 3 } as const;
    damage(rig, "c", 2);
    rig.nowMs = rig.raft("a").nextDeadlineMs!;
    rig.feed("a", { type: "tick" });
    rig.deliver(({ to }) => to === "c");
    rig.deliver(({ from }) => from === "c");
    expect(rig.raft("a").status().followers[1]).toMatchObject({ match: 0, state: "probe", isDamaged: true });
    rig.hand({ from: "c", to: "a", message: old });
    rig.hand({ from: "c", to: "a", message: { ...old, repairId: 12_345 } });
    expect(rig.raft("a").status().followers[1]).toMatchObject({ match: 0, isDamaged: true });
    rig.run(120);
    expect(rig.raft("a").status().followers[1]).toMatchObject({ match: 3, state: "replicate", isDamaged: false });
  });

  test("step() takes no other damage's repair for its own", () => {
    const rig = ready();
    damage(rig, "c", 2);
    const append = { type: "append", term: 1, prevIndex: 1, prevTerm: 1, entries: [], commit: 1, round: 9 } as const;
    rig.hand({ from: "a", to: "c", message: { ...append, repair: { id: 4_711, through: 1 } } });
    expect(rig.raft("c").status().damage).toBe("awaitsRepair");
  });

  test("step() asks anew of each leader", () => {
    const rig = Rig.of([...THREE, "d", "e"]);
    rig.elect("a");
    rig.propose("a", "p", "q");
    rig.run(60);
    damage(rig, "c", 2);
    rig.passes = ({ message, to }) => to !== "c" || (message.type === "append" && message.entries.length === 0);
    rig.run(60);
    rig.elect("b");
    expect(rig.raft("c").status().damage).toBe("awaitsRepair");
    rig.passes = () => true;
    rig.run(120);
    expect(rig.raft("c")).toMatchObject({ leader: "b", lastIndex: 4 });
    expect(rig.raft("c").status().damage).toBe("none");
  });

  test("step() repairs by a snapshot, too", () => {
    const rig = Rig.of(THREE, { options: { keepEntries: 0 } });
    rig.elect("a");
    rig.propose("a", "p", "q");
    rig.run(60);
    damage(rig, "c", 3);
    rig.snapshot("a");
    rig.run(1_000);
    expect(rig.raft("c")).toMatchObject({ commit: 3 });
    expect(rig.raft("c").status().damage).toBe("none");
  });

  test("step() elects nobody when those who could not be damaged are too few", () => {
    const rig = ready();
    rig.crash("a");
    damage(rig, "c", 2);
    rig.run(3_000);
    expect(rig.raft("b")).toMatchObject({ role: "preCandidate" });
    rig.restart("a");
    rig.run(1_000);
    expect(rig.raft("c").status().damage).toBe("none");
    expect(rig.texts("c")).toBe("p,q");
  });

  test("status() says that a group of one cannot be repaired", () => {
    const rig = Rig.of(["a"]);
    rig.feed("a", { type: "tick" });
    damage(rig, "a", 1);
    rig.run(1_000);
    expect(rig.raft("a").status()).toMatchObject({ damage: "hopeless", role: "follower" });
  });
});
