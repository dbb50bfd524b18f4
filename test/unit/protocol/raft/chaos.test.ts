/** A few seeds of chaos, and bugs that it must find: a check that cannot fail is a defect. The large numbers are the simulator's. */
import { describe, expect, test } from "bun:test";
import type { RaftRules } from "../../../../src/protocol/raft/index.ts";
import { Chaos } from "./chaos.ts";

const SEEDS = 40;
/** Each is found by one of the first seeds; a few more may be needed when the machine changes. */
const SEEDS_OF_BUGS = 40;

const BUGS: Record<string, Partial<RaftRules>> = {
  "gives several votes a term": { mayVoteFor: () => true },
  "votes for shorter logs": { isUpToDate: () => true },
  "does not compare logs": { matches: () => true },
  "keeps what conflicts": { conflicts: () => false },
  "takes half for a majority": { quorumOf: (voters) => Math.max(1, Math.floor(voters / 2)) },
  "leaves out the old majority": { needsBothMajorities: false },
  "applies what is not committed": { appliesThrough: (_commit, durableIndex) => durableIndex },
  "reads without asking": { confirmsReads: false },
  "reads before it knows what is committed": { readsAwaitOwnTerm: false },
  "compacts what lies behind the snapshot": { compactsThrough: (_index, lastIndex) => lastIndex },
};

describe("Raft under chaos", () => {
  test("step() keeps every promise with the rules as they are", () => {
    for (let seed = 1; seed <= SEEDS; seed++)
      expect({ seed, faults: new Chaos({ seed }).run() }).toEqual({ seed, faults: [] });
  });

  for (const [name, rules] of Object.entries(BUGS)) {
    test(`step() is caught when it ${name}`, () => {
      let found: readonly string[] = [];
      for (let seed = 1; found.length === 0 && seed <= SEEDS_OF_BUGS; seed++) found = new Chaos({ seed, rules }).run();
      expect(found.length).toBeGreaterThan(0);
    });
  }
});
