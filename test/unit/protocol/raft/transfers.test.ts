import { describe, expect, test } from "bun:test";
import { Rig } from "./rig.ts";

function ready(): Rig {
  const rig = Rig.of(["a", "b", "c"], {}, ["d"]);
  rig.elect("a");
  rig.run(60);
  return rig;
}

describe("transfer", () => {
  test("step() hands leadership over once the target has everything", () => {
    const rig = ready();
    rig.propose("a", "x");
    const id = rig.transfer("a", "b");
    rig.settle();
    expect([rig.leader.id, rig.leader.raft.term, rig.outcome("a", id)]).toEqual(["b", 2, "done"]);
  });

  test("step() takes no proposals and changes meanwhile", () => {
    const rig = ready();
    rig.passes = ({ to }) => to !== "b";
    rig.propose("a", "x");
    rig.transfer("a", "b");
    expect(rig.outcome("a", rig.propose("a", "y")[0]!)).toBe("in_progress");
    expect(rig.outcome("a", rig.reconfigure("a", ["a", "b"]))).toBe("in_progress");
    expect(rig.outcome("a", rig.transfer("a", "c"))).toBe("in_progress");
  });

  test("step() gives up after an election time-out, and goes on leading", () => {
    const rig = ready();
    rig.passes = ({ to }) => to !== "b";
    const id = rig.transfer("a", "b");
    rig.run(rig.options.electionMaxMs);
    expect(rig.outcome("a", id)).toBe("timed_out");
    expect(rig.outcome("a", rig.propose("a", "y")[0]!)).toBe("proposed");
  });

  test("step() refuses targets that cannot lead, and is done at once when it is the target", () => {
    const rig = ready();
    expect(["d", "z", "a"].map((to) => rig.outcome("a", rig.transfer("a", to)))).toEqual([
      "invalid",
      "invalid",
      "done",
    ]);
    expect(rig.outcome("b", rig.transfer("b", "c"))).toBe("not_leader");
  });

  test("step() says so when another one leads in the end", () => {
    const rig = ready();
    const id = rig.transfer("a", "b");
    rig.drop(({ message }) => message.type === "timeoutNow");
    rig.hand({ from: "a", to: "c", message: { type: "timeoutNow", term: 1 } });
    rig.settle();
    expect([rig.leader.id, rig.outcome("a", id)]).toEqual(["c", "lost_leadership"]);
  });

  test("step() does not stand because somebody says so who does not lead", () => {
    const rig = ready();
    rig.hand({ from: "c", to: "b", message: { type: "timeoutNow", term: 1 } });
    expect(rig.raft("b").role).toBe("follower");
    rig.hand({ from: "a", to: "d", message: { type: "timeoutNow", term: 1 } });
    expect(rig.raft("d").role).toBe("learner");
  });
});
