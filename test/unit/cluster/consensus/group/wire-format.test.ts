import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { fromPlain, toPlain } from "../../../../../src/cluster/consensus/group/wire-format.ts";
import type { Configuration, Entry, RaftMessage } from "../../../../../src/protocol/raft/index.ts";
import { Decoder, Encoder } from "../../../../../src/wire/codec/index.ts";

const number = fc.nat({ max: 2 ** 52 });
const id = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/);
const bytes = fc.uint8Array({ maxLength: 100 });
const configuration: fc.Arbitrary<Configuration> = fc.record({
  voters: fc.array(id, { maxLength: 5 }),
  votersOutgoing: fc.array(id, { maxLength: 5 }),
  learners: fc.array(id, { maxLength: 5 }),
});
const snapshot = fc.record({ index: number, term: number, configuration, sizeBytes: number, checksum: id });
const repair = fc.option(fc.record({ id: number, through: number }), { nil: undefined });
const maybe = fc.option(number, { nil: undefined });

const content = fc.oneof(
  fc.record({ kind: fc.constant("command" as const), data: bytes }),
  fc.record({ kind: fc.constant("configuration" as const), configuration }),
  fc.record({ kind: fc.constant("noop" as const) }),
);

const append = fc
  .tuple(fc.nat({ max: 2 ** 40 }), fc.array(fc.tuple(number, content), { maxLength: 5 }))
  .chain(([prevIndex, contents]) => {
    const entries = contents.map(([term, what], at) => ({ index: prevIndex + 1 + at, term, ...what }) as Entry); // all its parts
    const rest = { term: number, prevIndex: fc.constant(prevIndex), prevTerm: number, commit: number, round: number };
    return fc.record({ type: fc.constant("append" as const), entries: fc.constant(entries), repair, ...rest });
  });

const message: fc.Arbitrary<RaftMessage> = fc.oneof(
  fc.record({ type: fc.constant("preVote" as const), term: number, lastIndex: number, lastTerm: number }),
  fc.record({
    type: fc.constant("vote" as const),
    term: number,
    lastIndex: number,
    lastTerm: number,
    isTransfer: fc.boolean(),
  }),
  fc.record({
    type: fc.constantFrom("preVoteReply" as const, "voteReply" as const),
    term: number,
    granted: fc.boolean(),
  }),
  append,
  fc.record({
    type: fc.constant("appendReply" as const),
    term: number,
    round: number,
    match: maybe,
    hint: fc.option(fc.record({ index: number, term: number }), { nil: undefined }),
    repairId: maybe,
  }),
  fc.record({
    type: fc.constant("snapshot" as const),
    term: number,
    snapshot,
    offset: number,
    data: bytes,
    round: number,
    repair,
  }),
  fc.record({
    type: fc.constant("snapshotReply" as const),
    term: number,
    index: number,
    checksum: id,
    offset: number,
    round: number,
    repairId: maybe,
  }),
  fc.record({ type: fc.constant("timeoutNow" as const), term: number }),
);

describe("toPlain()", () => {
  test("toPlain() and fromPlain() give back every message, through the codec too", () => {
    const encoder = new Encoder();
    const decoder = new Decoder();
    fc.assert(
      fc.property(message, (each) => {
        expect(fromPlain(decoder.decode(encoder.encode(toPlain(each))))).toEqual(each);
      }),
    );
  });
});

describe("fromPlain()", () => {
  test("fromPlain() gives nothing for what is no message, whatever it is", () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(fromPlain(value)).toBeUndefined();
      }),
    );
  });

  test("fromPlain() never throws and takes no message in which one field is something else", () => {
    const odd = fc.constantFrom<unknown>(null, -1, 1.5, Number.NaN, "x".repeat(1_000), {}, [[[]]], 2 ** 60);
    fc.assert(
      fc.property(message, fc.nat(), odd, (each, at, value) => {
        const plain = [...toPlain(each)];
        const place = at % plain.length;
        plain[place] = value;
        const got = fromPlain(plain);
        if (got !== undefined) expect(value).toBeNull(); // where nothing may stand
      }),
    );
  });

  test("fromPlain() takes no message of another version", () => {
    const plain = [...toPlain({ type: "timeoutNow", term: 3 })];
    plain[0] = 2;
    expect(fromPlain(plain)).toBeUndefined();
  });
});
