/** Random members, news and messages, with few ids and small numbers so that they meet each other. */
import fc from "fast-check";
import type { Address, Member, NodeMeta, Peer, SwimMessage, Update } from "../../../../src/protocol/swim/index.ts";

export const IDS = ["a", "b", "c", "d", "self"];

const address: fc.Arbitrary<Address> = fc.record({
  host: fc.constantFrom("10.0.0.1", "10.0.0.2"),
  port: fc.constantFrom(1, 2, 3),
});

const meta: fc.Arbitrary<NodeMeta> = fc.record({
  name: fc.constantFrom("x", "y"),
  roles: fc.constantFrom([], ["worker"]),
  capacities: fc.constantFrom({}, { cpu: 1, memory: 2 }, { memory: 2, cpu: 1 }),
  labels: fc.constantFrom({}, { zone: "north" }),
});

export const member: fc.Arbitrary<Member> = fc.record({
  id: fc.constantFrom(...IDS),
  address,
  bornMs: fc.constantFrom(0, 1, 2),
  meta,
  incarnation: fc.constantFrom(0, 1, 2, 2 ** 31),
  state: fc.constantFrom("alive", "suspect", "dead", "left"),
});

export const newsOfOne: fc.Arbitrary<Member> = member.map((each) => ({ ...each, id: "a" }));

const peer: fc.Arbitrary<Peer> = fc.record({
  id: fc.constantFrom(...IDS, "", "x".repeat(65)),
  address: fc.oneof(address, fc.constantFrom({ host: "", port: 1 }, { host: "h", port: -1 })),
  bornMs: fc.constantFrom(0, 1, 2, Number.NaN, Number.MAX_SAFE_INTEGER),
});

/** Also beyond all bounds. */
const strangeMember: fc.Arbitrary<Member> = fc.oneof(
  member,
  fc.record({
    id: fc.oneof(fc.constantFrom(...IDS), fc.string({ maxLength: 70 })),
    address: fc.record({ host: fc.string({ maxLength: 300 }), port: fc.double() }),
    bornMs: fc.oneof(fc.double(), fc.maxSafeInteger()),
    meta,
    incarnation: fc.oneof(fc.double(), fc.maxSafeInteger()),
    state: fc.constantFrom("alive", "suspect", "dead", "left"),
  }),
  fc.nat(100_000).map((number) => ({
    id: `stranger ${number}`,
    address: { host: "10.1.1.1", port: 1 + (number % 60_000) },
    bornMs: number,
    meta: { name: "", roles: [], capacities: {}, labels: {} },
    incarnation: number % 5,
    state: (["alive", "suspect", "dead", "left"] as const)[number % 4]!,
  })),
);

const update: fc.Arbitrary<Update> = fc.record({
  member: strangeMember,
  by: fc.oneof(fc.constantFrom(...IDS), fc.string({ maxLength: 70 })),
});

const gossip = fc.array(update, { maxLength: 12 });
const seq = fc.oneof(fc.nat(20), fc.double());
const to = fc.constantFrom("self", "self", "self", "a");

export const message: fc.Arbitrary<SwimMessage> = fc.oneof(
  fc.record({ type: fc.constant("ping" as const), seq, from: peer, to, gossip }),
  fc.record({
    type: fc.constant("ack" as const),
    seq,
    from: peer,
    to,
    of: fc.option(peer, { nil: undefined }),
    gossip,
  }),
  fc.record({ type: fc.constant("nack" as const), seq, from: peer, to, gossip }),
  fc.record({ type: fc.constant("ping_req" as const), seq, from: peer, to, target: peer, gossip }),
  fc.record({ type: fc.constant("gossip" as const), from: peer, to, gossip }),
  fc.record({
    type: fc.constant("sync" as const),
    seq,
    from: peer,
    digest: fc.nat(),
    members: fc.array(strangeMember, { maxLength: 20 }),
    isReply: fc.boolean(),
    isJoin: fc.boolean(),
  }),
);
