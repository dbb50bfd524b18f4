import { expect, test } from "bun:test";
import { seededRandom } from "../../../src/base/random.ts";
import { lanOptions, type Member, type SwimMessage, type Update } from "../../../src/protocol/swim/index.ts";
import type { Stage } from "../run/index.ts";
import { CALM, FaultRunner, Trace, World } from "../world/index.ts";
import { SwimCast, simulated } from "./swim-cast.ts";
import { idOf } from "./swim-nodes.ts";
import { tooLarge } from "./swim-safety.ts";

const NODES = 4;

/** A small cluster that has come together, under its watcher. */
function together(): { readonly cast: SwimCast; readonly stage: Stage<SwimMessage>; member(node: number): Member } {
  const setup = { seed: 1, random: seededRandom(1), bug: undefined };
  const cast = new SwimCast(setup, {
    nodes: NODES,
    options: simulated(lanOptions()),
    weather: CALM,
    mix: { kinds: {} },
  });
  const world = new World<SwimMessage>({
    seed: 1,
    nodes: NODES,
    launch: cast.launch,
    trace: new Trace(),
    tagOf: (message) => cast.tagOf(message),
    describe: (message) => cast.describe(message),
  });
  const stage = { world, faults: new FaultRunner(world, { weather: CALM, upMin: 0, act: () => {} }) };
  cast.begin(stage);
  world.run(5_000);
  expect([cast.check(stage), cast.goal(stage)]).toEqual([undefined, undefined]);
  return { cast, stage, member: (node) => cast.swim.machine(node)!.self };
}

function gossip(from: Member, to: Member, ...gossip: readonly Update[]): SwimMessage {
  return { type: "gossip", from, to: to.id, gossip };
}

/** What the watcher says when node 0 hears this of node 1 from node 2. */
function afterHearing(change: (member: Member) => Member): () => string | undefined {
  return () => {
    const { cast, member, stage } = together();
    stage.world.send(2, 0, gossip(member(2), member(0), { member: change(member(1)), by: member(2).id }));
    stage.world.run(5_001);
    return cast.check(stage);
  };
}

test("SwimSafety finds news that its subject never gave: an incarnation, a life, a farewell, a member", () => {
  expect(afterHearing((member) => ({ ...member, incarnation: 7 }))).toThrow("which it never said of itself: 0");
  expect(afterHearing((member) => ({ ...member, bornMs: member.bornMs + 1 }))).toThrow("no such life");
  expect(afterHearing((member) => ({ ...member, state: "left" }))).toThrow("but it has not left");
  expect(afterHearing((member) => ({ ...member, id: "stranger" }))).toThrow("stranger");
  expect(afterHearing((member) => ({ ...member, state: "suspect" }))()).toBeUndefined();
});

test("SwimSafety finds messages with unknown ids and with more gossip than allowed", () => {
  const { cast, member } = together();
  const [self, other] = [member(0), member(1)];
  const send = (message: SwimMessage) => () => cast.safety.sent(0, message, cast.swim.machine(0)!);
  const update: Update = { member: other, by: other.id };
  const stranger = { ...other, id: "stranger" };
  expect(send(gossip(self, other, update))).not.toThrow();
  expect(send(gossip(stranger, other))).toThrow('"stranger" as its sender');
  expect(send(gossip(self, stranger))).toThrow('"stranger" as its receiver');
  expect(send(gossip(self, other, { ...update, by: "stranger" }))).toThrow('"stranger" as a witness');
  expect(send(gossip(self, other, ...Array.from({ length: 20 }, () => update)))).toThrow("bytes of gossip");
  const probe = { seq: 1, from: self, to: other.id, target: stranger, gossip: [] };
  expect(send({ type: "ping_req", ...probe })).toThrow('"stranger" as its target');
  const view = { seq: 1, from: self, digest: 0, members: [stranger], isReply: true, isJoin: false };
  expect(send({ type: "sync", ...view })).toThrow('"stranger" in a view');
});

test("SwimSafety finds events out of order, and nodes that end without being told to", () => {
  const { cast, member } = together();
  const event = { member: member(1), reason: "", atMs: 0 };
  expect(() => cast.safety.event(0, { ...event, kind: "join" })).toThrow("which is up for it");
  cast.safety.event(0, { ...event, kind: "leave" });
  for (const kind of ["leave", "suspect", "alive", "update"] as const) {
    expect(() => cast.safety.event(0, { ...event, kind })).toThrow("which is not up for it");
  }
  expect(() => cast.safety.ended(0, "left")).toThrow("without being told to");
  expect(() => cast.safety.ended(0, "yielded")).toThrow("the only one of its id");
});

test("SwimCast.goal() misses who is held wrongly: unknown, dead, up although gone", () => {
  const { cast, stage } = together();
  stage.world.kill(1);
  expect(cast.goal(stage)).toBe(`node 0 holds ${idOf(1)} alive, which does not run`);
  stage.world.run(60_000);
  expect(cast.goal(stage)).toBeUndefined();
  stage.world.start(1);
  expect(cast.goal(stage)).toContain("node 0 holds it dead");
  stage.world.run(65_000);
  expect(cast.goal(stage)).toBeUndefined();
});

test("tooLarge() names what a node keeps too much of", () => {
  const { cast } = together();
  const sizes = cast.swim.machine(0)!.counts();
  expect(tooLarge(sizes, NODES)).toBeUndefined();
  expect(tooLarge({ ...sizes, gossipQueued: 5 }, NODES)).toBe("gossipQueued 5, at most 4 are allowed");
  for (const name of ["urgentWaiting", "probesUnderWay", "relaysUnderWay", "syncsPending", "timersWaiting"] as const) {
    expect(tooLarge({ ...sizes, [name]: 1_000 }, NODES)).toContain(`${name} 1000`);
  }
});
