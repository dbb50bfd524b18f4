/** The quorum against a dumber one that counts every subset, and elections against it. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { electionOutcome, quorumValue } from "../../../../src/protocol/raft/quorum.ts";
import { raftRules } from "../../../../src/protocol/raft/rules.ts";

const IDS = ["a", "b", "c", "d", "e", "f", "g"];
const list = fc.subarray(IDS, { minLength: 1 });
const configuration = fc.record({
  voters: list,
  votersOutgoing: fc.oneof(fc.constant([]), list),
  learners: fc.constant([]),
});
const values = fc.dictionary(fc.constantFrom(...IDS), fc.nat(9));

/** The highest value that more than half have: try them all. */
function dumb(voters: readonly string[], reached: Record<string, number>): number {
  for (let value = 9; value > 0; value--)
    if (voters.filter((id) => (reached[id] ?? 0) >= value).length * 2 > voters.length) return value;
  return 0;
}

describe("quorum", () => {
  test("quorumValue() agrees with counting when configurations and values are any", () => {
    fc.assert(
      fc.property(configuration, values, (any, reached) => {
        const { voters, votersOutgoing } = any;
        const both = [voters, votersOutgoing].filter(({ length }) => length > 0).map((each) => dumb(each, reached));
        expect(quorumValue(any, (id) => reached[id] ?? 0, raftRules)).toBe(Math.min(...both));
      }),
      { numRuns: 1_000 },
    );
  });

  test("quorumValue() is infinite when nobody votes", () => {
    const nobody = { voters: [], votersOutgoing: [], learners: ["a"] };
    expect(quorumValue(nobody, () => 0, raftRules)).toBe(Infinity);
  });

  test("electionOutcome() is decided when no further vote can change it, and not before", () => {
    const votes = fc.dictionary(fc.constantFrom(...IDS), fc.boolean());
    fc.assert(
      fc.property(configuration, votes, (any, given) => {
        const known = new Map(Object.entries(given));
        const outcomeIf = (rest: boolean): boolean =>
          [any.voters, any.votersOutgoing].every(
            (voters) => voters.length === 0 || dumb(voters, ones(voters, known, rest)) === 1,
          );
        const expected = outcomeIf(false) ? "won" : outcomeIf(true) ? "pending" : "lost";
        expect(electionOutcome(any, known, raftRules)).toBe(expected);
      }),
      { numRuns: 1_000 },
    );
  });

  test("electionOutcome() is lost when nobody votes", () => {
    const nobody = { voters: [], votersOutgoing: [], learners: [] };
    expect(electionOutcome(nobody, new Map([["a", true]]), raftRules)).toBe("lost");
  });
});

function ones(voters: readonly string[], known: ReadonlyMap<string, boolean>, rest: boolean): Record<string, number> {
  return Object.fromEntries(voters.map((id) => [id, (known.get(id) ?? rest) ? 1 : 0]));
}
