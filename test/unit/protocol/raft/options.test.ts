import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../../../src/base/random.ts";
import { Raft, raftOptions, validateRaft } from "../../../../src/protocol/raft/index.ts";

describe("options", () => {
  test("validateRaft() finds nothing in the defaults", () => {
    expect(validateRaft(raftOptions())).toEqual([]);
  });

  test("validateRaft() names every fault at once", () => {
    const faults = validateRaft(raftOptions({ heartbeatMs: 100, leaseShare: 1.5, keepEntries: -1, readsMax: 0.5 }));
    expect(faults.map(({ path }) => path)).toEqual(["leaseShare", "keepEntries", "readsMax", "heartbeatMs"]);
  });

  test("validateRaft() wants an election time-out that can be drawn", () => {
    const [fault] = validateRaft(raftOptions({ electionMaxMs: 150 }));
    expect(fault).toEqual({ path: "electionMaxMs", message: "150, more than electionMinMs is required" });
  });

  test("Raft() refuses options and ids that make no node", () => {
    const durable = {
      ...{ hardState: { term: 0, votedFor: undefined }, snapshot: undefined, entries: [] },
      ...{ isDamaged: false, configuration: undefined },
    };
    const make = (id: string, heartbeatMs: number): Raft =>
      new Raft({ id, durable, options: raftOptions({ heartbeatMs }), random: seededRandom(1), nowMs: 0 });
    expect(() => make("a", 0)).toThrow("heartbeatMs: 0, milliseconds above 0 are required");
    expect(() => make("", 50)).toThrow('id: "", 1 to 64 letters, digits and . _ @ - are required');
    for (const id of ["n".repeat(65), "two words", ".hidden"])
      expect(() => make(id, 50)).toThrow("a letter or a digit first");
    expect(make("n".repeat(64), 50).role).toBe("learner");
  });
});
