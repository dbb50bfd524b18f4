import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { pack } from "msgpackr";
import { Codec, type Letter } from "../../../../src/cluster/membership/codec.ts";
import { DATAGRAM_BYTES_MAX, MEMBER_BYTES_MAX } from "../../../../src/cluster/membership/limits.ts";
import type { Standing } from "../../../../src/protocol/partition/index.ts";
import type { DatagramMessage, Member, SwimMessage, SyncMessage } from "../../../../src/protocol/swim/index.ts";

const CALM: Standing = { status: "up", isSettled: true, isVoter: true, isWhole: true };
const codec = new Codec();
const key = fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 });
const id = fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 64 });
const whole = fc.oneof(fc.nat(), fc.maxSafeNat());
const address = fc.record({
  host: fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain()),
  port: fc.integer({ min: 1, max: 65_535 }),
});
const bornMs = fc.integer({ min: 0, max: 8.64e15 });
const peer = fc.record({ id, address, bornMs });
const meta = fc.record({
  name: fc.string({ unit: "grapheme", maxLength: 8 }),
  roles: fc.array(key, { maxLength: 4 }),
  capacities: fc.dictionary(
    key,
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0)),
  ),
  labels: fc.dictionary(key, fc.string({ unit: "grapheme", maxLength: 8 })),
});
const member: fc.Arbitrary<Member> = fc.record({
  id,
  address,
  bornMs,
  incarnation: whole,
  state: fc.constantFrom("alive", "suspect", "dead", "left"),
  meta,
});
const gossip = fc.array(fc.record({ by: id, member }), { maxLength: 3 });
const common = { seq: whole, from: peer, to: id, gossip };
const datagram: fc.Arbitrary<DatagramMessage> = fc.oneof(
  fc.record({ type: fc.constantFrom("ping" as const, "nack" as const), ...common }),
  fc.record({ type: fc.constant("ack" as const), ...common }),
  fc.record({ type: fc.constant("ack" as const), ...common, of: peer }),
  fc.record({ type: fc.constant("ping_req" as const), ...common, target: peer }),
  fc.record({ type: fc.constant("gossip" as const), from: peer, to: id, gossip }),
);
const sync: fc.Arbitrary<SyncMessage> = fc.record({
  type: fc.constant("sync" as const),
  seq: whole,
  from: peer,
  digest: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  members: fc.array(member, { maxLength: 5 }),
  isReply: fc.boolean(),
  isJoin: fc.boolean(),
});
const standing: fc.Arbitrary<Standing> = fc.record({
  status: fc.constantFrom("up", "down"),
  isSettled: fc.boolean(),
  isVoter: fc.boolean(),
  isWhole: fc.boolean(),
});

function encode({ message, standing: said }: Letter): Uint8Array {
  if (message.type === "sync") return codec.encodeSync({ message, standing: said });
  return codec.encodeDatagram({ message, standing: said }, 1_000_000);
}

function plainMember(over: Partial<Member> = {}): Member {
  const meta = { name: "a", roles: ["r"], capacities: { cpu: 4 }, labels: { zone: "z" } };
  return { id: "n1", address: { host: "10.0.0.1", port: 1 }, bornMs: 1, incarnation: 0, state: "alive", meta, ...over };
}

describe("Codec", () => {
  test("decode() gives back what was encoded, whatever is said", () => {
    fc.assert(
      fc.property(fc.oneof(datagram, sync) as fc.Arbitrary<SwimMessage>, standing, (message, said) => {
        const result = codec.decode(encode({ message, standing: said }));
        expect(result).toEqual({ ok: true, letter: { message, standing: said } });
      }),
      { numRuns: 300 },
    );
  });

  test("encodeDatagram() stays within its bytes, with the first updates that fit", () => {
    fc.assert(
      fc.property(datagram, fc.integer({ min: 1_100, max: 2_000 }), (message, bytesMax) => {
        const bytes = codec.encodeDatagram({ message, standing: CALM }, bytesMax);
        const result = codec.decode(bytes);
        if (!result.ok || result.letter.message.type === "sync") throw new Error("not read back");
        const { gossip: told } = result.letter.message;
        expect(told).toEqual(message.gossip.slice(0, told.length));
        const next = message.gossip[told.length];
        if (told.length > 0) expect(bytes.length).toBeLessThanOrEqual(bytesMax);
        if (next) expect(bytes.length + codec.sizeOf(next)).toBeGreaterThan(bytesMax);
      }),
      { numRuns: 200 },
    );
  });

  test("sizeOf() is what an update adds to a datagram, and a largest member still fits", () => {
    const of = (updates: readonly Member[]): number => {
      const from = { id: "x".repeat(64), address: { host: "h".repeat(128), port: 65_535 }, bornMs: 8.64e15 };
      const gossip = updates.map((each) => ({ by: "y".repeat(64), member: each }));
      const message = { type: "ping_req", seq: 2 ** 53 - 1, from, to: from.id, target: from, gossip } as const;
      return codec.encodeDatagram({ message, standing: CALM }, 10_000).length;
    };
    const one = plainMember();
    expect(of([one]) - of([])).toBe(codec.sizeOf({ by: "y".repeat(64), member: one }));
    expect(of([]) + MEMBER_BYTES_MAX + 66).toBeLessThan(DATAGRAM_BYTES_MAX - 80);
  });

  test("decode() never throws and says why, whatever bytes come", () => {
    const flipped = fc
      .tuple(fc.oneof(datagram, sync) as fc.Arbitrary<SwimMessage>, fc.nat(), fc.nat({ max: 255 }))
      .map(([message, at, to]) => {
        const bytes = Uint8Array.from(encode({ message, standing: CALM }));
        bytes[at % bytes.length] = to;
        return at % 3 === 0 ? bytes.subarray(0, at % bytes.length) : bytes;
      });
    const packed = fc.anything({ withNullPrototype: false }).map((value) => {
      try {
        return new Uint8Array(pack(value));
      } catch {
        return new Uint8Array([0x91]);
      }
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), flipped, packed), (bytes) => {
        const result = codec.decode(bytes);
        if (!result.ok) return expect(["malformed", "version"]).toContain(result.reason);
        expect(codec.decode(encode(result.letter))).toEqual(result); // what was read is within all bounds
      }),
      { numRuns: 2_000 },
    );
  });

  const bombs: Readonly<Record<string, readonly number[]>> = {
    nothing: [],
    "arrays in arrays": Array.from({ length: 100_000 }, () => 0x91),
    "an announced array of four thousand million": [0xdd, 0xff, 0xff, 0xff, 0xff],
    "an announced text of four thousand million bytes": [0x97, 0x01, 0x00, 0x01, 0x94, 0xdb, 0xff, 0xff, 0xff, 0xff],
    "an error to be built": [0x97, 0xc7, 0x03, 0x65, 0x91, 0xa1, 0x78],
    "a map": [0x97, 0x81, 0x01, 0x02],
  };
  for (const [name, bytes] of Object.entries(bombs)) {
    test(`decode() refuses ${name} at once`, () => {
      expect(codec.decode(Uint8Array.from(bytes))).toMatchObject({ ok: false, reason: "malformed" });
    });
  }

  test("decode() refuses another version without reading on", () => {
    expect(codec.decode(pack([2, "whatever comes then"]))).toMatchObject({ ok: false, reason: "version" });
  });

  const beyond: Readonly<Record<string, Partial<Member> | { meta: Partial<Member["meta"]> }>> = {
    "an empty id": { id: "" },
    "an id of 65 characters": { id: "x".repeat(65) },
    "an incarnation below 0": { incarnation: -1 },
    "an incarnation that is no whole number": { incarnation: 0.5 },
    "a birth after the last day": { bornMs: 8.7e15 },
    "port 0": { address: { host: "a", port: 0 } },
    "an empty host": { address: { host: "", port: 1 } },
    "17 roles": { meta: { roles: Array.from({ length: 17 }, () => "r") } },
    "a label of 129 characters": { meta: { labels: { a: "x".repeat(129) } } },
    "a capacity that is no number": { meta: { capacities: { a: Number.NaN } } },
  };
  for (const [name, over] of Object.entries(beyond)) {
    test(`decode() refuses a member with ${name}`, () => {
      const plain = plainMember();
      const member = { ...plain, ...over, meta: { ...plain.meta, ...("meta" in over ? over.meta : {}) } } as Member;
      const from = { id: "f", address: { host: "h", port: 1 }, bornMs: 1 };
      const message = { type: "gossip", from, to: "t", gossip: [{ by: "b", member }] } as const;
      expect(codec.decode(encode({ message, standing: CALM }))).toMatchObject({
        ok: false,
        reason: "malformed",
      });
    });
  }

  test("decode() keeps a label called __proto__ as a label", () => {
    const labels = JSON.parse('{"__proto__":"x"}') as Record<string, string>;
    const message = {
      type: "gossip",
      from: { id: "f", address: { host: "h", port: 1 }, bornMs: 1 },
      to: "t",
      gossip: [{ by: "b", member: plainMember({ meta: { name: "", roles: [], capacities: {}, labels } }) }],
    } as const;
    const result = codec.decode(encode({ message, standing: CALM }));
    if (!result.ok || result.letter.message.type === "sync") throw new Error("not read back");
    const read = result.letter.message.gossip[0]!.member.meta.labels;
    expect(Object.entries(read)).toEqual([["__proto__", "x"]]);
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
  });
});
