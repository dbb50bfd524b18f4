import { describe, expect, test } from "bun:test";
import type { Configuration, DurableState, Entry, HardState } from "../../../src/protocol/raft/index.ts";
import { isQuorum, isSafeChange } from "./raft-entry-log.ts";
import { RaftOracle } from "./raft-oracle.ts";
import { RaftStore, STORE_RULES } from "./raft-store.ts";

const THREE: Configuration = { voters: ["n0", "n1", "n2"], votersOutgoing: [], learners: [] };
const NONE: HardState = { term: 0, votedFor: undefined };

function entry(index: number, term: number, content = 0): Entry {
  return { index, term, kind: "command", data: new Uint8Array(16).fill(content) };
}

/** Three nodes, of which n0 has been elected in term 1 with the vote of n1, unless it is said otherwise. */
class Group {
  readonly oracle = new RaftOracle(3);
  readonly stores = [0, 1, 2].map(() => new RaftStore(THREE, STORE_RULES));

  constructor(isElected = true) {
    for (let node = 0; node < 3; node++) this.start(node, 1, NONE, []);
    if (isElected) this.elect(0, 1, [1]);
  }

  start(node: number, life: number, hardState: HardState, entries: readonly Entry[]): void {
    const durable: DurableState = { hardState, snapshot: undefined, entries, isDamaged: false, configuration: THREE };
    this.oracle.born(node, life, durable, new RaftStore(THREE, STORE_RULES));
  }

  vote(node: number, term: number, candidate: number): void {
    this.oracle.durable(node, { term, votedFor: `n${candidate}` }, []);
    if (node === candidate) return;
    this.oracle.sent(node, `n${candidate}`, { type: "voteReply", term, granted: true });
  }

  elect(node: number, term: number, voters: readonly number[], commit = 0): void {
    for (const voter of [node, ...voters]) this.vote(voter, term, node);
    this.oracle.stepped(node, { role: "leader", term, commit });
  }

  write(node: number, entries: readonly Entry[], isDurable = true): void {
    this.oracle.placed(node, entries, 0);
    if (isDurable) this.oracle.durable(node, undefined, entries);
  }

  commit(node: number, commit: number, role: "leader" | "follower" = "leader", term = 1): void {
    this.oracle.stepped(node, { role, term, commit });
  }

  apply(node: number, given: Entry): void {
    const store = this.stores[node]!;
    store.apply(given);
    this.oracle.applied(node, given, store.history);
  }
}

/** One entry of term 1, on two disks, committed by its leader. */
function committed(): Group {
  const group = new Group();
  group.write(0, [entry(1, 1)]);
  group.write(1, [entry(1, 1)]);
  group.commit(0, 1);
  return group;
}

describe("RaftOracle", () => {
  test("is content with an election, a commit, an applied entry and another leader who has it", () => {
    const group = committed();
    group.commit(1, 1, "follower");
    group.apply(0, entry(1, 1));
    group.apply(1, entry(1, 1));
    group.elect(1, 2, [2], 1);
    expect(group.oracle.committed).toBe(1);
    expect(group.oracle.elections).toBe(2);
  });

  const broken: readonly (readonly [string, () => void, string])[] = [
    [
      "two nodes lead in one term",
      () => {
        const group = new Group();
        group.vote(2, 1, 2);
        group.oracle.stepped(2, { role: "leader", term: 1, commit: 0 });
      },
      "both lead in term 1",
    ],
    ["a node leads without the votes of a quorum", () => new Group(false).elect(0, 1, []), "with the votes of n0 only"],
    ["a leader lacks a committed entry", () => committed().elect(2, 2, [0]), "leads in term 2 without entry 1:1"],
    ["a node votes twice in a term", () => new Group().vote(1, 1, 2), "has voted for n0"],
    [
      "a vote is not on the disk",
      () => {
        new Group(false).oracle.sent(1, "n0", { type: "voteReply", term: 1, granted: true });
      },
      "its disk has term 0",
    ],
    ["a promise is forgotten", () => new Group().start(1, 2, { term: 1, votedFor: undefined }, []), "comes back with"],
    [
      "an acknowledged entry is gone after a restart",
      () => {
        const group = new Group();
        group.write(1, [entry(1, 1)]);
        group.oracle.sent(1, "n0", { type: "appendReply", term: 1, round: 1, match: 1 });
        group.start(1, 2, { term: 1, votedFor: "n0" }, []);
      },
      "comes back with 0 entries",
    ],
    [
      "an entry is acknowledged that is not durable",
      () => {
        const group = new Group();
        group.write(1, [entry(1, 1)], false);
        group.oracle.sent(1, "n0", { type: "appendReply", term: 1, round: 1, match: 1 });
      },
      "acknowledges entry 1",
    ],
    [
      "one who does not lead sends entries",
      () => {
        new Group().oracle.sent(1, "n0", {
          type: "append",
          term: 1,
          prevIndex: 0,
          prevTerm: 0,
          entries: [],
          commit: 0,
          round: 1,
        });
      },
      "does not lead",
    ],
    [
      "an entry is committed that one disk has",
      () => {
        const group = new Group();
        group.write(0, [entry(1, 1)]);
        group.commit(0, 1);
      },
      "durable on n0 only",
    ],
    [
      "an entry of an earlier term is committed by counting",
      () => {
        const group = new Group();
        group.write(0, [entry(1, 1)]);
        group.write(1, [entry(1, 1)]);
        group.elect(1, 2, [2]);
        group.commit(1, 1, "leader", 2);
      },
      "by counting",
    ],
    [
      "a follower commits before any leader",
      () => {
        const group = new Group();
        group.write(1, [entry(1, 1)]);
        group.commit(1, 1, "follower");
      },
      "which no leader has committed",
    ],
    ["a commit index goes back", () => committed().commit(0, 0), "goes back from commit 1 to 0"],
    [
      "two entries are committed at one index",
      () => {
        const group = committed();
        group.write(2, [entry(1, 2)]);
        group.commit(2, 1, "follower", 2);
      },
      "was committed there before",
    ],
    [
      "one index and term have two contents",
      () => {
        const group = new Group();
        group.write(0, [entry(1, 1)]);
        group.write(1, [entry(1, 1, 9)]);
      },
      "another entry 1:1",
    ],
    [
      "one index and term have two predecessors",
      () => {
        const group = new Group();
        for (const node of [0, 1]) group.oracle.durable(node, { term: 3, votedFor: undefined }, []);
        group.write(0, [entry(1, 1), entry(2, 3)]);
        group.write(1, [entry(1, 2), entry(2, 3)]);
      },
      "behind an entry of term 2",
    ],
    [
      "entries are dropped without a conflict",
      () => {
        const group = new Group();
        group.write(1, [entry(1, 1), entry(2, 1)]);
        group.write(1, [entry(1, 1)]);
      },
      "without a conflict",
    ],
    ["a log has a gap", () => new Group().write(1, [entry(2, 1)]), "has 0 entries and writes 2"],
    ["a committed entry is written anew", () => committed().write(0, [entry(1, 2)]), "1 is committed"],
    [
      "an entry is applied that is not committed",
      () => {
        const group = new Group();
        group.write(0, [entry(1, 1)]);
        group.apply(0, entry(1, 1));
      },
      "1:undefined is committed",
    ],
    [
      "an entry is applied that is not durable here",
      () => {
        const group = committed();
        group.write(2, [entry(1, 1)], false);
        group.apply(2, entry(1, 1));
      },
      "its disk has not",
    ],
    [
      "two nodes have applied different things",
      () => {
        const group = committed();
        group.apply(0, entry(1, 1));
        group.oracle.applied(1, entry(1, 1), 12_345);
      },
      "another history",
    ],
    [
      "a change begins while another is not committed",
      () => {
        const group = new Group();
        const two: Configuration = { ...THREE, voters: ["n0", "n1"] };
        group.write(0, [{ index: 1, term: 1, kind: "configuration", configuration: two }]);
        group.write(0, [{ index: 2, term: 1, kind: "configuration", configuration: THREE }]);
      },
      "while another is not committed",
    ],
    [
      "a change takes away two voters at once",
      () => {
        const one: Configuration = { ...THREE, voters: ["n0"] };
        new Group().write(0, [{ index: 1, term: 1, kind: "configuration", configuration: one }]);
      },
      "decide without each other",
    ],
    [
      "a node goes back to an older snapshot",
      () => {
        const snapshot = { index: 0, term: 0, configuration: THREE, sizeBytes: 0, checksum: "" };
        committed().oracle.replaced(0, snapshot);
      },
      "goes back from 1 to a snapshot of 0",
    ],
    [
      "a node votes that has lost what is committed",
      () => {
        const group = committed();
        group.oracle.damaged(1);
        group.start(1, 2, { term: 1, votedFor: "n0" }, []);
        group.vote(1, 2, 2);
      },
      "has lost what is committed",
    ],
    [
      "a node takes a torn end for damage",
      () => {
        const found = { hardState: NONE, snapshot: undefined, entries: [], isDamaged: true, configuration: THREE };
        new Group().oracle.born(2, 2, found, new RaftStore(THREE, STORE_RULES));
      },
      "and it is not",
    ],
    [
      "a node is repaired and lacks what it has lost",
      () => {
        const group = committed();
        group.oracle.damaged(1);
        const durable = {
          hardState: { term: 1, votedFor: "n0" },
          snapshot: undefined,
          entries: [],
          configuration: THREE,
        };
        group.oracle.born(1, 2, { ...durable, isDamaged: true }, new RaftStore(THREE, STORE_RULES));
        group.oracle.repaired(1);
      },
      "lacks what it has lost",
    ],
  ];

  for (const [what, act, message] of broken) {
    test(`throws when ${what}`, () => {
      expect(act).toThrow(message);
    });
  }
});

test("isSafeChange() holds when any two majorities of before and after meet, in every configuration of up to four nodes", () => {
  const ids = ["n0", "n1", "n2", "n3"];
  const subsets = Array.from({ length: 2 ** ids.length }, (_, bits) => ids.filter((_id, at) => bits & (1 << at)));
  const meets = (left: Configuration, right: Configuration): boolean =>
    subsets
      .filter((set) => isQuorum(left, (id) => set.includes(id)))
      .every((set) =>
        subsets
          .filter((other) => isQuorum(right, (id) => other.includes(id)))
          .every((other) => other.some((id) => set.includes(id))),
      );
  const simple = (voters: readonly string[]): Configuration => ({ voters, votersOutgoing: [], learners: [] });
  let safe = 0;
  for (const voters of subsets.filter(({ length }) => length > 0)) {
    for (const others of subsets.filter(({ length }) => length > 0)) {
      const joint: Configuration = { ...simple(others), votersOutgoing: voters };
      expect(isSafeChange(simple(voters), joint)).toBe(true);
      expect(meets(simple(voters), joint)).toBe(true);
      expect(isSafeChange(joint, simple(others))).toBe(true);
      expect(meets(joint, simple(others))).toBe(true);
      if (!isSafeChange(simple(voters), simple(others))) continue;
      safe++;
      expect(meets(simple(voters), simple(others))).toBe(true);
    }
  }
  expect(safe).toBeGreaterThan(15);
});
