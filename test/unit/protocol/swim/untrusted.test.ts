/** Whatever well-typed messages come: nothing is thrown, and nothing grows without bound. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { seededRandom } from "../../../../src/base/random.ts";
import {
  lanOptions,
  type Member,
  Swim,
  type SwimInput,
  type SwimOptions,
} from "../../../../src/protocol/swim/index.ts";
import { member, message } from "./arbitraries.ts";

const OPTIONS: SwimOptions = { ...lanOptions(), membersMax: 12, rememberedMax: 4, queueMax: 8, gossipBytesMax: 300 };
const META = { name: "", roles: [], capacities: {}, labels: {} };
const ADDRESS = { host: "10.0.0.1", port: 1 };

function machine(): Swim {
  return new Swim({ id: "self", address: ADDRESS, bornMs: 1, meta: META }, OPTIONS, seededRandom(5));
}

const input: fc.Arbitrary<SwimInput> = fc.oneof(
  { weight: 20, arbitrary: message.map((each): SwimInput => ({ type: "receive", from: ADDRESS, message: each })) },
  { weight: 5, arbitrary: fc.constant<SwimInput>({ type: "tick" }) },
  { weight: 1, arbitrary: message.map((each): SwimInput => ({ type: "undelivered", to: ADDRESS, message: each })) },
  { weight: 1, arbitrary: fc.constant<SwimInput>({ type: "join", seeds: [{ host: "10.0.0.7", port: 7 }] }) },
  { weight: 1, arbitrary: fc.constant<SwimInput>({ type: "update", meta: META }) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom("fresh" as const, "closed" as const)
      .map((state): SwimInput => ({ type: "link", id: "a", state })),
  },
);

function isBounded(swim: Swim): void {
  expect(swim.members().length).toBeLessThanOrEqual(OPTIONS.membersMax);
  expect(swim.members().filter(({ state }) => state === "dead" || state === "left").length).toBeLessThanOrEqual(
    OPTIONS.rememberedMax,
  );
  const { gossipQueued, probesUnderWay, relaysUnderWay, syncsPending, timersWaiting, urgentWaiting } = swim.counts();
  expect(gossipQueued).toBeLessThanOrEqual(OPTIONS.queueMax);
  expect(syncsPending).toBeLessThanOrEqual(64);
  expect(urgentWaiting).toBeLessThanOrEqual(256);
  // One for each suspicion, probe and relay, and the periodic ones: probe, gossip, join, reconnect, and two of anti-entropy.
  expect(timersWaiting).toBeLessThanOrEqual(OPTIONS.membersMax + probesUnderWay + relaysUnderWay + 6);
}

function bytesOf(gossip: readonly { readonly member: Member; readonly by: string }[]): number {
  return gossip.reduce((sum, each) => sum + OPTIONS.sizeOf(each), 0);
}

describe("Swim.step() on untrusted input", () => {
  test("step() throws nothing and keeps its bounds when driven with random messages", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(input, fc.nat(2_000)), { maxLength: 150 }), (steps) => {
        const swim = machine();
        let nowMs = 0;
        swim.step({ type: "start" }, nowMs);
        for (const [each, waitMs] of steps) {
          nowMs += waitMs;
          for (const effect of swim.step(each, nowMs)) {
            if (effect.type !== "send" || effect.message.type === "sync") continue;
            const isDoubt = effect.message.type === "gossip" && effect.message.gossip.length === 1;
            if (!isDoubt) expect(bytesOf(effect.message.gossip)).toBeLessThanOrEqual(OPTIONS.gossipBytesMax);
          }
          isBounded(swim);
          expect(["alive", "left"]).toContain(swim.self.state);
          expect(swim.self.incarnation).toBeLessThanOrEqual(2 ** 31);
        }
      }),
      { numRuns: 150 },
    );
  });

  test("step() never lets a view of a member go back, whatever comes in whatever order", () => {
    fc.assert(
      fc.property(fc.array(member, { maxLength: 60 }), (news) => {
        const swim = machine();
        swim.step({ type: "start" }, 0);
        const seen = new Map<string, Member>();
        for (const each of news) {
          const from = { id: "x", address: ADDRESS, bornMs: 0 };
          const gossip = [{ member: each, by: "x" }];
          swim.step({ type: "receive", from: ADDRESS, message: { type: "gossip", from, to: "self", gossip } }, 0);
          if (swim.phase === "ended") return;
          for (const now of swim.members()) {
            const before = seen.get(now.id);
            if (before !== undefined && before.bornMs === now.bornMs)
              expect(now.incarnation).toBeGreaterThanOrEqual(before.incarnation);
            if (before !== undefined) expect(now.bornMs).toBeGreaterThanOrEqual(before.bornMs);
            seen.set(now.id, now);
          }
        }
      }),
    );
  });

  test("step() serves a bounded number of ping_req at once", () => {
    const swim = machine();
    swim.step({ type: "start" }, 0);
    const from = { id: "x", address: ADDRESS, bornMs: 0 };
    for (let seq = 0; seq < 1_000; seq++) {
      const target = { id: `t${seq}`, address: ADDRESS, bornMs: 0 };
      swim.step(
        { type: "receive", from: ADDRESS, message: { type: "ping_req", seq, from, to: "self", target, gossip: [] } },
        1,
      );
    }
    expect(swim.counts()).toMatchObject({ relayed: 256, relaysRefused: 744 });
    for (let nowMs = 0; nowMs <= 4_000; nowMs += 100) swim.step({ type: "tick" }, nowMs);
    const target = { id: "t", address: ADDRESS, bornMs: 0 };
    swim.step(
      { type: "receive", from: ADDRESS, message: { type: "ping_req", seq: 1, from, to: "self", target, gossip: [] } },
      4_000,
    );
    expect(swim.counts().relayed).toBe(257);
  });
});
