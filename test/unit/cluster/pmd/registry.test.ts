/** The registry alone, and against a dumber one: a list that is searched from the front each time. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Peer } from "../../../../src/cluster/pmd/index.ts";
import { Registry, type RegistryEffect, type RegistryInput } from "../../../../src/cluster/pmd/registry.ts";
import { peer } from "../../../support/pmd.ts";

function register(each: Peer): RegistryInput {
  return { type: "register", call: 1, peer: each };
}

function words(effects: readonly RegistryEffect[]): string[] {
  return effects.map((effect) => {
    if (effect.type === "answer") return `answer ${effect.answer.kind}`;
    return `${effect.type} ${effect.peer.alias}${effect.type === "left" ? ` ${effect.reason}` : ""}`;
  });
}

describe("Registry", () => {
  test("step() joins a node once and updates it when the same node registers again", () => {
    const registry = new Registry();
    expect(words(registry.step(register(peer("a")), 0))).toEqual(["joined a", "answer registered"]);
    expect(words(registry.step(register(peer("a")), 10))).toEqual(["answer registered"]);
    expect(words(registry.step(register(peer("a", { port: 7001 })), 20))).toEqual(["updated a", "answer registered"]);
    expect(registry.find("a", 25)).toMatchObject({ port: 7001, ageMs: 25, silentMs: 5 });
  });

  test("step() refuses an alias that is alive elsewhere and says who holds it", () => {
    const registry = new Registry();
    registry.step(register(peer("a")), 0);
    const [effect] = registry.step(register(peer("a", { nodeId: "other", port: 1 })), 9_999);
    expect(effect).toMatchObject({ answer: { kind: "taken", holder: { nodeId: "id-a", silentMs: 9_999 } } });
    expect(registry.find("a", 9_999)?.nodeId).toBe("id-a");
  });

  test("step() gives the alias to another node when its holder has expired", () => {
    const registry = new Registry();
    registry.step(register(peer("a")), 0);
    const effects = registry.step(register(peer("a", { nodeId: "other" })), 10_000);
    expect(words(effects)).toEqual(["left a expired", "joined a", "answer registered"]);
  });

  test("step() keeps a node by heart-beats and lets it go when the TTL has passed since the last one", () => {
    const registry = new Registry();
    registry.step(register(peer("a", { ttlMs: 1_000 })), 0);
    for (const atMs of [900, 1_800, 2_700]) {
      expect(words(registry.step({ type: "heartbeat", call: 1, nodeId: "id-a" }, atMs))).toEqual(["answer alive"]);
    }
    expect(registry.nextDeadlineMs).toBe(3_700);
    expect(registry.find("a", 3_699)).toBeDefined();
    expect(registry.find("a", 3_700)).toBeUndefined(); // also before anybody has ticked
    expect(words(registry.step({ type: "tick" }, 3_700))).toEqual(["left a expired"]);
    expect(words(registry.step({ type: "heartbeat", call: 1, nodeId: "id-a" }, 3_701))).toEqual(["answer unknown"]);
    expect(registry.nextDeadlineMs).toBeUndefined();
  });

  test("step() moves a node to its new alias, and leaves it where it was when that is taken", () => {
    const registry = new Registry();
    registry.step(register(peer("a")), 0);
    registry.step(register(peer("b")), 0);
    expect(words(registry.step(register(peer("c", { nodeId: "id-a" })), 1))).toEqual([
      "left a renamed",
      "joined c",
      "answer registered",
    ]);
    expect(words(registry.step(register(peer("b", { nodeId: "id-a" })), 2))).toEqual(["answer taken"]);
    expect(registry.peers(2).map(({ alias }) => alias)).toEqual(["b", "c"]);
  });

  test("step() takes no more nodes than it may, but lets those that are there change", () => {
    const registry = new Registry(2);
    registry.step(register(peer("a")), 0);
    registry.step(register(peer("b")), 0);
    expect(words(registry.step(register(peer("c")), 1))).toEqual(["answer full"]);
    expect(words(registry.step(register(peer("d", { nodeId: "id-a" })), 1))).toContain("joined d");
    registry.step({ type: "gone", nodeId: "id-b" }, 2);
    expect(words(registry.step(register(peer("c")), 3))).toEqual(["joined c", "answer registered"]);
  });

  test("step() lets nobody expire for a pause of its own, and everybody who stays silent after it", () => {
    const registry = new Registry();
    registry.step(register(peer("a")), 0);
    registry.step(register(peer("b")), 5_000);
    expect(registry.step({ type: "tick" }, 60_000)).toEqual([]); // due at 10,000
    expect(words(registry.step({ type: "heartbeat", call: 1, nodeId: "id-a" }, 60_500))).toEqual(["answer alive"]);
    expect(registry.nextDeadlineMs).toBe(66_000);
    expect(words(registry.step({ type: "tick" }, 66_000))).toEqual(["left b expired"]);
    expect(words(registry.step({ type: "tick" }, 70_500))).toEqual(["left a expired"]);
  });

  test("step() lets a dead node go after one TTL and one pause when every tick is late", () => {
    const registry = new Registry();
    registry.step(register(peer("a", { ttlMs: 1_000 })), 0);
    expect(registry.step({ type: "tick" }, 1_200)).toEqual([]);
    expect(registry.nextDeadlineMs).toBe(2_200);
    expect(words(registry.step({ type: "tick" }, 2_400))).toEqual(["left a expired"]);
  });

  test("step() says whether there was somebody when asked to unregister", () => {
    const registry = new Registry();
    registry.step(register(peer("a")), 0);
    const unregister = { type: "unregister", call: 7, nodeId: "id-a" } as const;
    expect(registry.step(unregister, 1)).toEqual([
      { type: "left", peer: peer("a"), reason: "unregistered" },
      { type: "answer", call: 7, answer: { kind: "unregistered", wasThere: true } },
    ]);
    expect(registry.step(unregister, 2)).toMatchObject([{ answer: { wasThere: false } }]);
  });
});

/** The dumber one: what should be there, and what each input is answered. */
class Model {
  entries: { peer: Peer; seenMs: number }[] = [];

  apply(input: RegistryInput | { type: "tick" }, nowMs: number, peersMax: number): string {
    this.entries = this.entries.filter(({ peer, seenMs }) => nowMs < seenMs + peer.ttlMs);
    if (input.type === "tick") return "";
    if (input.type === "register") return this.#register(input.peer, nowMs, peersMax);
    const found = this.entries.find(({ peer }) => peer.nodeId === input.nodeId);
    if (input.type === "heartbeat") {
      if (found) found.seenMs = nowMs;
      return found ? "alive" : "unknown";
    }
    this.entries = this.entries.filter((entry) => entry !== found);
    return input.type === "gone" ? "" : "unregistered";
  }

  #register(peer: Peer, nowMs: number, peersMax: number): string {
    if (this.entries.some((entry) => entry.peer.alias === peer.alias && entry.peer.nodeId !== peer.nodeId))
      return "taken";
    const others = this.entries.filter((entry) => entry.peer.nodeId !== peer.nodeId);
    if (others.length >= peersMax) return "full";
    this.entries = [...others, { peer, seenMs: nowMs }];
    return "registered";
  }
}

const name = fc.constantFrom("a", "b", "c", "d");
const input: fc.Arbitrary<RegistryInput | { type: "tick" }> = fc.oneof(
  fc
    .record({ alias: name, nodeId: name, ttlMs: fc.constantFrom(500, 1_000, 3_000), port: fc.constantFrom(1, 2) })
    .map((more) => register(peer(more.alias, more))),
  name.map((nodeId) => ({ type: "heartbeat" as const, call: 1, nodeId })),
  name.map((nodeId) => ({ type: "unregister" as const, call: 1, nodeId })),
  name.map((nodeId) => ({ type: "gone" as const, nodeId })),
  fc.constant({ type: "tick" as const }),
);

describe("Registry against a list", () => {
  test("step() holds, answers and tells the same as a list when nodes do anything at any time", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(input, fc.nat(900)), { maxLength: 60 }),
        fc.integer({ min: 1, max: 4 }),
        (steps, max) => {
          const [registry, model] = [new Registry(max), new Model()];
          const told = new Map<string, Peer>();
          let nowMs = 0;
          for (const [each, passMs] of steps) {
            const untilMs = nowMs + passMs;
            // In time, as the pump ticks it: late ticks have tests of their own.
            for (let dueMs = registry.nextDeadlineMs; dueMs !== undefined && dueMs <= untilMs; ) {
              follow(told, registry.step({ type: "tick" }, dueMs));
              dueMs = registry.nextDeadlineMs;
            }
            nowMs = untilMs;
            const effects = registry.step(each, nowMs);
            const answers = effects.flatMap((effect) => (effect.type === "answer" ? [effect.answer.kind] : []));
            const answer = model.apply(each, nowMs, max);
            expect(answers.join()).toBe(answer);
            follow(told, effects);
            const there = registry.peers(nowMs).map(({ ageMs: _, silentMs: __, ...rest }) => rest);
            const byNode = (list: readonly Peer[]) => list.toSorted((x, y) => x.nodeId.localeCompare(y.nodeId));
            expect(byNode(there)).toEqual(byNode(model.entries.map((entry) => entry.peer)));
            expect(byNode([...told.values()])).toEqual(byNode(there));
            const dueMs = model.entries.map((entry) => entry.seenMs + entry.peer.ttlMs);
            expect(registry.nextDeadlineMs).toBe(dueMs.length === 0 ? undefined : Math.min(...dueMs));
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

/** What a watcher believes who hears of every effect; a join or leave that does not fit is a fault. */
function follow(told: Map<string, Peer>, effects: readonly RegistryEffect[]): void {
  for (const effect of effects) {
    if (effect.type === "answer") continue;
    expect(told.has(effect.peer.nodeId)).toBe(effect.type !== "joined");
    if (effect.type === "left") told.delete(effect.peer.nodeId);
    else told.set(effect.peer.nodeId, effect.peer);
    const aliases = [...told.values()].map(({ alias }) => alias);
    expect(new Set(aliases).size).toBe(aliases.length);
  }
}
