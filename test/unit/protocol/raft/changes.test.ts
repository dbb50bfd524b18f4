import { describe, expect, test } from "bun:test";
import { Rig } from "./rig.ts";

function ready(
  voters: readonly string[],
  given: ConstructorParameters<typeof Rig>[0] = {},
  learners: string[] = [],
): Rig {
  const rig = Rig.of(voters, given, learners);
  rig.elect("a");
  rig.run(60);
  return rig;
}

describe("reconfigure", () => {
  test("step() takes one step for one voter, and a joint configuration for more", () => {
    const rig = ready(["a", "b", "c"]);
    for (const id of ["d", "e"]) rig.add(id);
    rig.reconfigure("a", ["a", "b", "c", "d"]);
    expect(rig.raft("a").configuration.votersOutgoing).toEqual([]);
    rig.run(60);
    const change = rig.reconfigure("a", ["a", "b", "d", "e"]);
    expect(rig.raft("a").configuration).toEqual({
      voters: ["a", "b", "d", "e"],
      votersOutgoing: ["a", "b", "c", "d"],
      learners: [],
    });
    rig.run(60);
    expect(rig.outcome("a", change)).toBe("done");
    expect(rig.raft("a").configuration.votersOutgoing).toEqual([]);
  });

  test("step() commits nothing in a joint configuration without both majorities", () => {
    const rig = ready(["a", "b", "c"], {}, ["d", "e", "f"]);
    rig.passes = ({ from, to }) => ![from, to].some((id) => id === "b" || id === "c");
    rig.reconfigure("a", ["d", "e", "f"]);
    rig.settle();
    expect(rig.raft("a").commit).toBe(1);
    rig.passes = () => true;
    rig.run(60);
    expect(rig.leader.raft.configuration.voters).toEqual(["d", "e", "f"]);
  });

  test("step() holds a configuration from its append on, and falls back when the entry is replaced", () => {
    const rig = ready(["a", "b", "c"]);
    rig.passes = ({ from, to }) => from !== "a" && to !== "a";
    rig.reconfigure("a", ["a", "b"]);
    expect(rig.raft("a").configuration.voters).toEqual(["a", "b"]);
    rig.run(1_000);
    rig.passes = () => true;
    rig.run(200);
    expect(rig.raft("a").configuration.voters).toEqual(["a", "b", "c"]);
    expect(rig.node("a").of("configuration").at(-1)?.configuration.voters).toEqual(["a", "b", "c"]);
  });

  test("step() makes one change at a time", () => {
    const rig = ready(["a", "b", "c"]);
    const first = rig.reconfigure("a", ["a", "b"]);
    const second = rig.reconfigure("a", ["a", "b", "c"]);
    rig.settle();
    expect([first, second].map((id) => rig.outcome("a", id))).toEqual(["done", "in_progress"]);
  });

  test("step() makes no change before an entry of its own term is committed", () => {
    const rig = Rig.of(["a", "b", "c"]);
    rig.passes = ({ message }) => message.type !== "append";
    rig.elect("a");
    expect(rig.outcome("a", rig.reconfigure("a", ["a", "b"]))).toBe("in_progress");
  });

  test("step() refuses what no group can have, and voters that are far behind", () => {
    const rig = ready(["a", "b", "c"], { options: { promoteLagMax: 2 } }, ["d"]);
    rig.passes = ({ to }) => to !== "d";
    rig.propose("a", ..."pqr");
    rig.settle();
    const voters = ["a", "b", "c"];
    const wrong = [[], ["a", "a"], ["a", ""], [...voters, "d"], [...voters, "new"]];
    expect(wrong.map((each) => rig.outcome("a", rig.reconfigure("a", each)))).toEqual(wrong.map(() => "invalid"));
    expect(rig.outcome("a", rig.reconfigure("a", voters, ["a"]))).toBe("invalid");
    rig.passes = () => true;
    rig.run(120);
    expect(rig.outcome("a", rig.reconfigure("a", [...voters, "d"]))).toBe("");
    rig.settle();
    expect(rig.raft("d").role).toBe("follower");
  });

  test("step() is done at once when nothing is to be changed", () => {
    const rig = ready(["a", "b", "c"]);
    expect(rig.outcome("a", rig.reconfigure("a", ["c", "b", "a"]))).toBe("done");
    expect(rig.raft("a").lastIndex).toBe(1);
  });

  test("step() does not count learners", () => {
    const rig = ready(["a", "b", "c"], {}, ["d", "e"]);
    rig.passes = ({ to }) => to === "d" || to === "e" || to === "a";
    rig.propose("a", "x");
    rig.settle();
    expect(
      rig
        .raft("a")
        .status()
        .followers.filter(({ match }) => match === 2)
        .map(({ id }) => id),
    ).toEqual(["d", "e"]);
    expect(rig.raft("a").commit).toBe(1);
  });

  test("step() makes a leader that is removed lead until that is committed, and hand over", () => {
    const rig = ready(["a", "b", "c"]);
    const change = rig.reconfigure("a", ["b", "c"]);
    expect(rig.raft("a").role).toBe("leader");
    rig.settle();
    expect(rig.outcome("a", change)).toBe("done");
    expect(rig.raft("a").role).toBe("learner");
    expect(["b", "c"]).toContain(rig.leader.id);
    rig.run(2_000);
    expect(rig.raft("a").nextDeadlineMs).toBeUndefined();
  });

  test("step() tells those who are removed that they are: they never stand again", () => {
    const rig = ready(["a", "b", "c"]);
    rig.reconfigure("a", ["a", "b"]);
    rig.run(100);
    expect(
      rig
        .raft("a")
        .status()
        .followers.map(({ id }) => id),
    ).toEqual(["b"]);
    rig.node("c").effects.length = 0;
    rig.run(2_000);
    expect(rig.raft("c")).toMatchObject({ role: "learner", commit: 2, nextDeadlineMs: undefined });
    expect(rig.node("c").of("send")).toEqual([]);
  });

  test("step() forgets one who is removed and does not answer", () => {
    const rig = ready(["a", "b", "c"]);
    rig.crash("c");
    rig.reconfigure("a", ["a", "b"]);
    rig.run(500);
    expect(
      rig
        .raft("a")
        .status()
        .followers.map(({ id }) => id),
    ).toEqual(["b"]);
  });

  test("step() leaves a joint configuration that an earlier leader has begun", () => {
    const rig = ready(["a", "b", "c"], {}, ["d", "e", "f"]);
    rig.passes = ({ from }) => from === "a";
    rig.reconfigure("a", ["d", "e", "f"]);
    rig.settle();
    rig.crash("a");
    rig.passes = () => true;
    rig.run(3_000);
    expect(rig.leader.raft.configuration).toEqual({ voters: ["d", "e", "f"], votersOutgoing: [], learners: [] });
    expect(rig.leader.raft.commit).toBe(rig.leader.raft.lastIndex);
  });

  test("step() says that it has lost leadership when a change is under way", () => {
    const rig = ready(["a", "b", "c"]);
    rig.passes = ({ from, to }) => from !== "a" && to !== "a";
    const change = rig.reconfigure("a", ["a", "b"]);
    rig.run(1_000);
    expect(rig.outcome("a", change)).toBe("lost_leadership");
  });
});
