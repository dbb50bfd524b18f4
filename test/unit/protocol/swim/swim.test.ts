/** One machine alone, told what others say. */
import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../../../src/base/random.ts";
import {
  type DatagramMessage,
  lanOptions,
  type Member,
  type MemberState,
  type Peer,
  Swim,
  type SwimEffect,
  type SwimInput,
  type SwimMessage,
  type SwimOptions,
  type SyncMessage,
  type Update,
} from "../../../../src/protocol/swim/index.ts";

const META = { name: "", roles: [], capacities: {}, labels: {} };
const BORN_MS = 100;

function memberOf(id: string, state: MemberState = "alive", incarnation = 0, bornMs = BORN_MS): Member {
  return { id, address: { host: "10.0.0.1", port: id.charCodeAt(0) }, bornMs, meta: META, incarnation, state };
}

function peerOf(id: string, bornMs = BORN_MS): Peer {
  return { id, address: memberOf(id).address, bornMs };
}

/** A machine `s` that knows some others, and what comes of what it is told. */
class Rig {
  readonly swim: Swim;
  nowMs = 0;

  constructor(known: readonly string[] = [], options: Partial<SwimOptions> = {}) {
    const { address, id } = memberOf("s");
    this.swim = new Swim(
      { id, address, bornMs: BORN_MS, meta: META },
      { ...lanOptions(), ...options },
      seededRandom(3),
    );
    this.feed({ type: "start" });
    this.hear(...known.map((each) => memberOf(each)));
  }

  feed(input: SwimInput): readonly SwimEffect[] {
    return this.swim.step(input, this.nowMs);
  }

  say(message: SwimMessage): readonly SwimEffect[] {
    return this.feed({ type: "receive", from: message.from.address, message });
  }

  /** Gossip of `x`, who says it all himself. */
  hear(...members: readonly Member[]): readonly SwimEffect[] {
    return this.tell(members.map((member) => ({ member, by: "x" })));
  }

  tell(gossip: readonly Update[]): readonly SwimEffect[] {
    return this.say({ type: "gossip", from: peerOf("x"), to: "s", gossip });
  }

  /** Ticks when it asks for it. */
  run(forMs: number): SwimEffect[] {
    const endMs = this.nowMs + forMs;
    const effects: SwimEffect[] = [];
    for (
      let dueMs = this.swim.nextDeadlineMs;
      dueMs !== undefined && dueMs <= endMs;
      dueMs = this.swim.nextDeadlineMs
    ) {
      this.nowMs = dueMs;
      effects.push(...this.feed({ type: "tick" }));
    }
    this.nowMs = endMs;
    return effects;
  }
}

function eventsOf(effects: readonly SwimEffect[]): string[] {
  return effects.flatMap((each) =>
    each.type === "event" ? [`${each.event.kind} ${each.event.member.id} ${each.event.reason}`] : [],
  );
}

function sentTo(id: string, effects: readonly SwimEffect[]): SwimMessage[] {
  const { port } = memberOf(id).address;
  return effects.flatMap((each) => (each.type === "send" && each.to.port === port ? [each.message] : []));
}

function gossipOf(message: SwimMessage | undefined): string[] {
  return ((message as DatagramMessage | undefined)?.gossip ?? []).map(
    ({ member }) => `${member.id} ${member.state} ${member.incarnation}`,
  );
}

function pingOf(from: Peer, gossip: readonly Update[] = [], to = "s"): SwimMessage {
  return { type: "ping", seq: 5, from, to, gossip };
}

function syncOf(members: readonly Member[], more: Partial<SyncMessage> = {}): SyncMessage {
  return { type: "sync", seq: 9, from: peerOf("x"), digest: 0, members, isReply: false, isJoin: false, ...more };
}

describe("Swim.step() on messages", () => {
  test("step() answers a ping with its sequence number", () => {
    const [answer] = sentTo("a", new Rig(["a"]).say(pingOf(peerOf("a"))));
    expect(answer).toMatchObject({ type: "ack", seq: 5, to: "a", from: { id: "s" } });
  });

  test("step() ignores a message for another id, gossip and all, and counts it", () => {
    const rig = new Rig();
    expect(rig.say(pingOf(peerOf("a"), [{ member: memberOf("b"), by: "a" }], "other"))).toEqual([]);
    expect(rig.swim.members().length).toBe(1);
    expect(rig.swim.counts().wrongTarget).toBe(1);
  });

  test("step() ignores everything but a start before the start", () => {
    const { address, id } = memberOf("s");
    const swim = new Swim({ id, address, bornMs: 1, meta: META }, lanOptions(), seededRandom(1));
    expect(swim.step({ type: "receive", from: address, message: pingOf(peerOf("a")) }, 0)).toEqual([]);
    expect(swim.nextDeadlineMs).toBeUndefined();
    expect(swim.counts().ignored).toBe(1);
  });

  test("step() passes an answer to a ping_req on, with the asker's number and whose answer it is", () => {
    const rig = new Rig(["a", "t"]);
    const asked = rig.say({ type: "ping_req", seq: 40, from: peerOf("a"), to: "s", target: peerOf("t"), gossip: [] });
    const [ping] = sentTo("t", asked);
    const { seq } = ping as DatagramMessage & { seq: number };
    const [relayed] = sentTo("a", rig.say({ type: "ack", seq, from: peerOf("t"), to: "s", gossip: [] }));
    expect(relayed).toMatchObject({ type: "ack", seq: 40, to: "a", of: { id: "t" } });
  });

  test("step() says not yet when the target of a ping_req is silent, and still passes on a late answer", () => {
    const rig = new Rig(["a", "t"]);
    const asked = rig.say({ type: "ping_req", seq: 40, from: peerOf("a"), to: "s", target: peerOf("t"), gossip: [] });
    const { seq } = sentTo("t", asked)[0] as DatagramMessage & { seq: number };
    const nacks = sentTo("a", rig.run(450)).filter(({ type }) => type === "nack");
    expect(nacks).toMatchObject([{ type: "nack", seq: 40, to: "a" }]);
    const late = sentTo("a", rig.say({ type: "ack", seq, from: peerOf("t"), to: "s", gossip: [] }));
    expect(late).toMatchObject([{ type: "ack", seq: 40 }]);
  });

  test("step() refuses the ack of an earlier life of the one it probes", () => {
    const rig = new Rig(["a"]);
    const ping = rig.run(1_000).find((each) => each.type === "send" && each.message.type === "ping");
    const { seq } = (ping as { message: { seq: number } }).message;
    rig.say({ type: "ack", seq, from: peerOf("a", BORN_MS - 1), to: "s", gossip: [] });
    expect(rig.swim.counts()).toMatchObject({ probesAcked: 0, strayAnswers: 1 });
  });

  test("step() ignores an ack that is told twice", () => {
    const rig = new Rig(["a"]);
    const ping = rig.run(1_000).find((each) => each.type === "send" && each.message.type === "ping");
    const { seq } = (ping as { message: { seq: number } }).message;
    for (let time = 0; time < 2; time++) rig.say({ type: "ack", seq, from: peerOf("a"), to: "s", gossip: [] });
    expect(rig.swim.counts()).toMatchObject({ probesAcked: 1, strayAnswers: 1 });
  });

  test("step() compares views with one it does not know, or not in this life", () => {
    for (const from of [peerOf("z"), peerOf("a", BORN_MS + 1)]) {
      const rig = new Rig(["a"]);
      rig.run(1_000);
      const sent = sentTo(from.id, rig.say(pingOf(from)));
      expect(sent.map(({ type }) => type)).toContain("sync");
    }
  });
});

describe("Swim.step() on news", () => {
  test("step() tells of a member's states in turn", () => {
    const rig = new Rig();
    const told = (member: Member): string[] => eventsOf(rig.hear(member));
    expect(told(memberOf("a"))).toEqual(["join a it is at 10.0.0.1:97"]);
    expect(told(memberOf("a"))).toEqual([]);
    expect(told(memberOf("a", "suspect"))).toEqual(["suspect a it does not answer"]);
    expect(told(memberOf("a", "alive", 1))).toEqual(["alive a it answered"]);
    expect(told(memberOf("a", "dead", 1))).toEqual(["leave a failed"]);
    expect(told(memberOf("a", "alive", 1))).toEqual([]);
    expect(told(memberOf("a", "alive", 2))).toEqual(["join a it is back"]);
    expect(told(memberOf("a", "left", 2))).toEqual(["leave a left"]);
    expect(told(memberOf("a", "alive", 0, BORN_MS + 1))).toEqual(["join a it runs anew"]);
    expect(told(memberOf("a", "alive", 0, BORN_MS + 2))).toEqual(["leave a failed", "join a it runs anew"]);
    expect(told({ ...memberOf("a", "alive", 1, BORN_MS + 2), meta: { ...META, name: "n" } })).toEqual([
      "update a it says so",
    ]);
  });

  test("step() says nothing of one who was dead before it was ever heard of, but keeps its old news out", () => {
    const rig = new Rig();
    expect(eventsOf(rig.hear(memberOf("a", "dead", 4)))).toEqual([]);
    expect(eventsOf(rig.hear(memberOf("a", "alive", 3)))).toEqual([]);
    expect(rig.swim.members().length).toBe(1);
    expect(rig.swim.explain("a")?.isHearsay).toBe(true);
  });

  test("step() contradicts a suspicion of itself with a higher incarnation, at once in its answer", () => {
    const rig = new Rig(["a"]);
    rig.feed({ type: "update", meta: META });
    const [ack] = sentTo("a", rig.say(pingOf(peerOf("a"), [{ member: memberOf("s", "suspect", 1), by: "a" }])));
    expect(gossipOf(ack)).toContain("s alive 2");
    expect(rig.swim.healthScore).toBe(1);
  });

  test("step() tells a contradiction at once, but not more often than there are gossip rounds", () => {
    const rig = new Rig(["a", "b", "c"]);
    const told = (incarnation: number): number =>
      rig.hear(memberOf("s", "suspect", incarnation)).filter((each) => each.type === "send").length;
    rig.run(300);
    expect([told(0), told(1), told(2)]).toEqual([3, 0, 0]);
    rig.run(200);
    expect(told(3)).toBe(3);
  });

  test("step() does not contradict a suspicion of a lower incarnation", () => {
    const rig = new Rig(["a"]);
    rig.feed({ type: "update", meta: META });
    rig.hear(memberOf("s", "dead", 0));
    expect(rig.swim.self.incarnation).toBe(1);
  });

  test("step() begins a new life when no incarnation is left to contradict with", () => {
    const rig = new Rig(["a"]);
    rig.hear(memberOf("s", "dead", 2 ** 31));
    expect(rig.swim.self).toMatchObject({ bornMs: BORN_MS + 1, incarnation: 0, state: "alive" });
    expect(rig.swim.counts().rebirths).toBe(1);
  });

  test("step() gives way to a newer process elsewhere, and is silent then", () => {
    const rig = new Rig(["a"]);
    const newer = { ...memberOf("s", "alive", 0, BORN_MS + 5), address: { host: "10.0.0.9", port: 1 } };
    const effects = rig.hear(newer);
    expect(effects).toContainEqual({
      type: "ended",
      reason: "yielded",
      to: { id: "s", address: newer.address, bornMs: BORN_MS + 5 },
    });
    expect(rig.say(pingOf(peerOf("a")))).toEqual([]);
    expect(rig.swim.nextDeadlineMs).toBeUndefined();
  });

  test("step() lets just one of two processes born in the same millisecond go on", () => {
    const rig = new Rig(["a"]);
    const twin = (host: string): Member => ({ ...memberOf("s"), address: { host, port: 1 } });
    expect(rig.hear(twin("10.0.0.0")).map(({ type }) => type)).not.toContain("ended");
    expect(rig.hear(twin("10.0.0.2")).map(({ type }) => type)).toContain("ended");
  });

  test("step() takes a life after its own ghost's when its clock has gone back", () => {
    for (const ghost of [memberOf("s", "alive", 3, BORN_MS + 50), memberOf("s", "dead", 3, BORN_MS + 50)]) {
      const rig = new Rig(["a"]);
      rig.hear(ghost);
      expect(rig.swim.self).toMatchObject({ bornMs: BORN_MS + 51, state: "alive" });
    }
  });

  test("step() refuses incarnations, births, ids and addresses beyond their bounds", () => {
    const rig = new Rig();
    rig.hear(
      { ...memberOf("a"), incarnation: 2 ** 31 + 1 },
      { ...memberOf("a"), incarnation: -1 },
      { ...memberOf("a"), bornMs: 1e16 },
      { ...memberOf("a"), id: "" },
      { ...memberOf("a"), address: { host: "h", port: 70_000 } },
    );
    expect(rig.swim.members().length).toBe(1);
    expect(rig.swim.counts().outOfBounds).toBe(5);
  });

  test("step() refuses members beyond membersMax, but lets one who is gone make room", () => {
    const rig = new Rig(["a", "b"], { membersMax: 3 });
    rig.hear(memberOf("c"));
    expect(rig.swim.counts().refusedFull).toBe(1);
    rig.hear(memberOf("a", "dead"), memberOf("c"));
    expect(rig.swim.members().map(({ id }) => id)).toEqual(["s", "b", "c"]);
  });

  test("step() remembers the dead for reclaimMs, and the first of too many not that long", () => {
    const rig = new Rig(["a", "b", "c"], { rememberedMax: 2, reclaimMs: 60_000 });
    rig.hear(memberOf("a", "dead"), memberOf("b", "left"), memberOf("c", "dead"));
    expect(rig.swim.members().map(({ id }) => id)).toEqual(["s", "b", "c"]);
    rig.run(80_000);
    expect(rig.swim.members().map(({ id }) => id)).toEqual(["s"]);
  });
});

describe("Swim.step() on suspicions", () => {
  const suspicion = memberOf("a", "suspect");
  const others = ["a", "b", "c", "d", "e", "f"];

  test("step() shortens a suspicion with each other one who says so, and with nobody twice", () => {
    const rig = new Rig(others);
    const deadAt = (by: string): number => {
      rig.tell([{ member: suspicion, by }]);
      return Math.round(rig.swim.explain("a")!.deadAtMs!);
    };
    expect([deadAt("b"), deadAt("b"), deadAt("c"), deadAt("d"), deadAt("e")]).toEqual([
      24_000, 24_000, 11_381, 4_000, 4_000,
    ]);
    expect(rig.swim.explain("a")?.confirmations.map(({ by }) => by)).toEqual(["b", "c", "d"]);
  });

  test("step() passes each confirmation on", () => {
    const rig = new Rig(others);
    rig.tell([{ member: suspicion, by: "b" }]);
    const gossip = (by: string): boolean => {
      const [ack] = sentTo("f", rig.say(pingOf(peerOf("f"), [{ member: suspicion, by }])));
      return (ack as DatagramMessage).gossip.some((each) => each.member.id === "a" && each.by === by);
    };
    expect([gossip("c"), gossip("d"), gossip("e")]).toEqual([true, true, false]);
  });

  test("step() tells a suspect first what is said of it, on whatever it sends to it", () => {
    const rig = new Rig(others);
    rig.hear(suspicion);
    const [ack] = sentTo("a", rig.say(pingOf(peerOf("a"))));
    expect(gossipOf(ack)[0]).toBe("a suspect 0");
  });

  test("step() answers a ping with its own record when the ping holds it suspect for what it has contradicted long ago", () => {
    const rig = new Rig(others);
    rig.hear(memberOf("s", "suspect"));
    for (let count = 0; count < 20; count++) rig.say(pingOf(peerOf("a")));
    expect(rig.swim.counts().gossipQueued).toBe(0);
    const answer = (claim: Member): readonly string[] => {
      const [ack] = sentTo("a", rig.say(pingOf(peerOf("a"), [{ member: claim, by: "a" }])));
      return gossipOf(ack);
    };
    expect(answer(memberOf("s", "alive"))).toEqual([]);
    expect(answer(memberOf("s", "suspect"))).toEqual(["s alive 1"]);
  });

  test("step() answers gossip that holds it suspect for what it has contradicted, and no other gossip", () => {
    const rig = new Rig(others);
    rig.hear(memberOf("s", "suspect"));
    const answers = (claim: Member): readonly (readonly string[])[] => sentTo("x", rig.hear(claim)).map(gossipOf);
    expect(answers(memberOf("s", "suspect"))).toEqual([["s alive 1"]]);
    expect(answers(memberOf("s", "alive"))).toEqual([]);
  });

  test("step() tells an older life whose place is taken, so that it gives way", () => {
    const rig = new Rig(["a"]);
    rig.hear(memberOf("a", "alive", 0, BORN_MS + 9));
    const [ack] = sentTo("a", rig.say(pingOf(peerOf("a"))));
    expect((ack as DatagramMessage).gossip[0]?.member.bornMs).toBe(BORN_MS + 9);
  });

  test("step() doubts a death that a view tells of, and tells the one concerned", () => {
    const rig = new Rig(others);
    const effects = rig.say(syncOf([memberOf("a", "dead")]));
    expect(eventsOf(effects)).toEqual([]);
    expect(gossipOf(sentTo("a", effects).find(({ type }) => type === "gossip"))).toEqual(["a dead 0"]);
    expect(sentTo("a", effects).some(({ type }) => type === "ping")).toBe(true);
  });

  test("step() believes a death that gossip tells of, and a farewell in a view", () => {
    const rig = new Rig(others);
    expect(eventsOf(rig.hear(memberOf("a", "dead")))).toEqual(["leave a failed"]);
    expect(eventsOf(rig.say(syncOf([memberOf("b", "left", 1)])))).toEqual(["leave b left"]);
  });

  test("step() does not take a view's suspicion for one more confirmation", () => {
    const rig = new Rig(others);
    rig.tell([{ member: suspicion, by: "b" }]);
    rig.say(syncOf([suspicion]));
    expect(rig.swim.explain("a")?.confirmations.length).toBe(1);
  });
});

describe("Swim.step() on views", () => {
  test("step() answers a request with nothing when the digests are equal", () => {
    const rig = new Rig(["a"]);
    const [reply] = sentTo("x", rig.say(syncOf([], { digest: rig.swim.digest })));
    expect(reply).toMatchObject({ isReply: true, seq: 9, members: [] });
    const [full] = sentTo("x", rig.say(syncOf([], { digest: 1 })));
    expect((full as SyncMessage).members.map(({ id }) => id)).toEqual(["s", "a"]);
  });

  test("step() ignores a reply that nobody asked for", () => {
    const rig = new Rig();
    expect(rig.say(syncOf([memberOf("a")], { isReply: true }))).toEqual([]);
    expect(rig.swim.counts().strayAnswers).toBe(1);
  });

  test("step() does not pass on what is hearsay, nor the dead in the second half of their time", () => {
    const rig = new Rig(["a", "b"], { reclaimMs: 1_000 });
    rig.hear(memberOf("z", "dead"), memberOf("a", "dead"));
    const told = (): string[] => {
      const [reply] = sentTo("x", rig.say(syncOf([])));
      return (reply as SyncMessage).members.map(({ id }) => id).sort();
    };
    expect(told()).toEqual(["a", "b", "s"]);
    rig.nowMs = 501;
    rig.hear(memberOf("y"));
    expect(told()).toEqual(["b", "s", "y"]);
  });
});

describe("Swim.step() on links", () => {
  const probes = (effects: readonly SwimEffect[]): number =>
    sentTo("a", effects).filter(({ type }) => type === "ping").length;

  test("step() probes at once when a link falls silent or closes, and not again while it stays so", () => {
    for (const state of ["silent", "closed"] as const) {
      const rig = new Rig(["a"]);
      const told = (): number => probes(rig.feed({ type: "link", id: "a", state }));
      expect(probes(rig.feed({ type: "link", id: "a", state: "fresh" }))).toBe(0);
      expect([told(), told()]).toEqual([1, 0]);
    }
  });

  test("step() suspects nobody whose link is fresh, and counts the probes that got lost", () => {
    const rig = new Rig(["a"]);
    rig.feed({ type: "link", id: "a", state: "fresh" });
    rig.run(10_000);
    expect(rig.swim.member("a")?.state).toBe("alive");
    expect(rig.swim.explain("a")).toMatchObject({ link: "fresh", confirmations: [] });
    expect(rig.swim.counts().probesLost).toBeGreaterThan(1);
    expect(rig.swim.explain("a")!.lostProbes).toBe(rig.swim.counts().probesLost);
  });

  test("step() keeps what a link said before its peer was known", () => {
    const rig = new Rig();
    rig.feed({ type: "link", id: "a", state: "fresh" });
    rig.hear(memberOf("a"));
    expect(rig.swim.explain("a")?.link).toBe("fresh");
  });

  test("step() compares views with one who is dead and whose link lives", () => {
    const rig = new Rig(["a", "b"]);
    rig.hear(memberOf("a", "dead"));
    rig.run(2_000);
    const sent = sentTo("a", rig.feed({ type: "link", id: "a", state: "fresh" }));
    expect(sent.map(({ type }) => type)).toEqual(["sync"]);
  });
});

describe("Swim.step() when late", () => {
  test("step() blames nobody for what it did not read while it was stopped", () => {
    const rig = new Rig(["a"]);
    const sent = rig.run(1_000);
    expect(sentTo("a", sent).some(({ type }) => type === "ping")).toBe(true);
    rig.nowMs += 60_000;
    rig.feed({ type: "tick" });
    expect(rig.swim.member("a")?.state).toBe("alive");
    expect(rig.swim.counts()).toMatchObject({ late: 1, suspicions: 0 });
    expect(rig.swim.healthScore).toBe(1);
  });

  test("step() gets on when it is always late", () => {
    const rig = new Rig(["a"]);
    for (let turn = 0; turn < 200; turn++) {
      rig.nowMs += 5_000;
      rig.feed({ type: "tick" });
    }
    expect(rig.swim.member("a")?.state).toBe("dead");
  });

  test("step() takes a time that goes back for the last one", () => {
    const rig = new Rig(["a"]);
    rig.run(5_000);
    rig.nowMs = 10;
    expect(() => rig.feed({ type: "tick" })).not.toThrow();
  });
});

describe("new Swim()", () => {
  test("new Swim() and an update refuse metadata that fits no message, and keep what was", () => {
    const meta = { ...META, name: "x".repeat(2_000) };
    const self = { id: "s", address: { host: "h", port: 1 }, bornMs: 1, meta };
    expect(() => new Swim(self, lanOptions(), seededRandom(1))).toThrow("bytes with its metadata, at most 1100");
    const rig = new Rig(["a"]);
    expect(() => rig.feed({ type: "update", meta })).toThrow("cannot tell the others of s");
    expect(rig.swim.self).toMatchObject({ incarnation: 0, meta: META });
  });

  test("new Swim() refuses options and a self that are not valid", () => {
    const self = { id: "s", address: { host: "h", port: 1 }, bornMs: 1, meta: META };
    const make =
      (change: object, options: Partial<SwimOptions> = {}) =>
      () =>
        new Swim({ ...self, ...change }, { ...lanOptions(), ...options }, seededRandom(1));
    expect(make({}, { membersMax: 1 })).toThrow("membersMax: 1, a whole number from 2 is required");
    expect(make({ id: "" })).toThrow('id "", 1 to 64 characters are required');
    expect(make({ address: { host: "h", port: 0 } })).toThrow("address h:0");
    expect(make({ bornMs: 0.5 })).toThrow("bornMs 0.5");
  });
});
