/** What a peer can send: nonsense of every kind is not heard, and never thrown over. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { RaftInput, RaftMessage } from "../../../../src/protocol/raft/index.ts";
import { Rig } from "./rig.ts";

const THREE = ["a", "b", "c"];

function ready(): Rig {
  const rig = Rig.of(THREE);
  rig.elect("a");
  rig.propose("a", "x", "y");
  rig.run(60);
  return rig;
}

const number = fc.oneof(
  fc.integer({ min: -2, max: 8 }),
  fc.constantFrom(Number.NaN, Infinity, 0.5, 2 ** 53, -(2 ** 53), 2 ** 52, 2 ** 50),
);
const data = fc.uint8Array({ maxLength: 20 });
const ids = fc.array(fc.constantFrom("a", "b", "c", "d", ""), { maxLength: 4 });
const configuration = fc.record({ voters: ids, votersOutgoing: ids, learners: ids });
const entry = fc.oneof(
  fc.record({ kind: fc.constant("command"), term: number, index: number, data }),
  fc.record({ kind: fc.constant("noop"), term: number, index: number }),
  fc.record({ kind: fc.constant("configuration"), term: number, index: number, configuration }),
);
const repair = fc.option(fc.record({ id: number, through: number }), { nil: undefined });
const snapshot = fc.record({
  index: number,
  term: number,
  configuration,
  sizeBytes: number,
  checksum: fc.constant("x"),
});
const end = { lastIndex: number, lastTerm: number };
const answer = { round: number, repairId: fc.option(number, { nil: undefined }) };
const hint = fc.option(fc.record({ index: number, term: number }), { nil: undefined });
const message = fc.oneof(
  fc.record({ type: fc.constant("preVote"), term: number, ...end }),
  fc.record({ type: fc.constant("vote"), term: number, ...end, isTransfer: fc.boolean() }),
  fc.record({ type: fc.constantFrom("preVoteReply", "voteReply"), term: number, granted: fc.boolean() }),
  fc.record({
    ...{ type: fc.constant("append"), term: number, prevIndex: number, prevTerm: number },
    ...{ entries: fc.array(entry, { maxLength: 4 }), commit: number, round: number, repair },
  }),
  fc.record({
    ...{
      type: fc.constant("appendReply"),
      term: number,
      match: fc.option(number, { nil: undefined }),
      hint,
      ...answer,
    },
  }),
  fc.record({ type: fc.constant("snapshot"), term: number, snapshot, offset: number, data, round: number, repair }),
  fc.record({
    ...{ type: fc.constant("snapshotReply"), term: number, index: number, checksum: fc.constant("x"), offset: number },
    ...answer,
  }),
  fc.record({ type: fc.constantFrom("timeoutNow", "nonsense"), term: number }),
) as unknown as fc.Arbitrary<RaftMessage>;

describe("messages of peers", () => {
  test("step() throws nothing and keeps what is applied, whatever comes", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...THREE, "z"), fc.constantFrom(...THREE), message)), (mails) => {
        const rig = ready();
        for (const [from, to, said] of mails) {
          const commit = rig.raft(to).commit;
          const input: RaftInput = { type: "receive", from, message: said };
          for (const effect of rig.feed(to, input))
            if (effect.type === "commit") for (const each of effect.entries) expect(each.index).toBeGreaterThan(3);
          expect(rig.raft(to).commit).toBeGreaterThanOrEqual(commit);
          expect(rig.raft(to).applied).toBeLessThanOrEqual(rig.raft(to).commit);
        }
      }),
      { numRuns: 300 },
    );
  });

  test("step() does not hear entries with gaps, falling terms, or terms above the sender's", () => {
    const rig = ready();
    const append = { type: "append", term: 1, prevIndex: 3, prevTerm: 1, commit: 0, round: 9 } as const;
    const wrong = [
      [{ kind: "noop", index: 5, term: 1 }],
      [
        { kind: "noop", index: 4, term: 1 },
        { kind: "noop", index: 6, term: 1 },
      ],
      [{ kind: "noop", index: 4, term: 0 }],
      [{ kind: "noop", index: 4, term: 2 }],
      [{ kind: "riddle", index: 4, term: 1 }],
    ];
    for (const entries of wrong) {
      const said = { ...append, entries } as unknown as RaftMessage;
      expect(rig.feed("b", { type: "receive", from: "a", message: said })).toEqual([]);
    }
    expect(rig.raft("b").lastIndex).toBe(3);
  });

  test("step() hears no acknowledgement of what was never written, and of rounds that never were", () => {
    const rig = ready();
    rig.passes = () => false;
    rig.propose("a", "z");
    rig.settle();
    for (const from of ["b", "c"]) {
      rig.hand({ from, to: "a", message: { type: "appendReply", term: 1, round: 1, match: 99 } });
      rig.hand({ from, to: "a", message: { type: "appendReply", term: 1, round: 999, match: 4 } });
    }
    expect(rig.raft("a").commit).toBe(3);
  });

  test("step() hears nobody who is not in its configuration as a follower", () => {
    const rig = ready();
    rig.propose("a", "z");
    rig.mail = [];
    for (const from of ["x", "y"])
      rig.hand({ from, to: "a", message: { type: "appendReply", term: 1, round: 1, match: 4 } });
    expect(rig.raft("a").commit).toBe(3);
  });
});
