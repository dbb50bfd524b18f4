import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ConsistentHash } from "../../../../src/protocol/balance/consistent-hash.ts";
import type { Candidate } from "../../../../src/protocol/balance/index.ts";
import { equalNodes, node } from "./support.ts";

const STRICT = { loadFactor: Number.POSITIVE_INFINITY, loadFloor: 0 };
const KEYS = Array.from({ length: 4_000 }, (_, at) => `customer-${at}`);

function owners(candidates: readonly Candidate[]): ReadonlyMap<string, string> {
  const balancer = new ConsistentHash(STRICT);
  return new Map(KEYS.map((key) => [key, balancer.pick(candidates, { key })!]));
}

function moved(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): readonly string[] {
  return KEYS.filter((key) => before.get(key) !== after.get(key));
}

/** Five standard deviations of a count. */
function deviation(share: number): number {
  return 5 * Math.sqrt(KEYS.length * share * (1 - share));
}

describe("CONSISTENT_HASH", () => {
  test("pick() gives one key to one node, whatever the order of candidates, their load and the history", () => {
    const shuffled = fc.shuffledSubarray([...equalNodes(6)], { minLength: 6 });
    fc.assert(
      fc.property(fc.string(), shuffled, fc.nat(50), (key, candidates, outstanding) => {
        const owner = new ConsistentHash(STRICT).pick(equalNodes(6), { key });
        const loaded = candidates.map((each, at) => ({ ...each, outstanding: outstanding * at }));
        expect(new ConsistentHash(STRICT).pick(loaded, { key })).toBe(owner);
      }),
    );
  });

  test("pick() moves only keys that a newcomer takes, about its share", () => {
    const [before, after] = [owners(equalNodes(4)), owners(equalNodes(5))];
    const changed = moved(before, after);
    for (const key of changed) expect(after.get(key)).toBe("n4");
    expect(Math.abs(changed.length - KEYS.length / 5)).toBeLessThan(deviation(1 / 5));
  });

  test("pick() moves only keys of a node that goes, and spreads them over the others", () => {
    const [all, left] = [owners(equalNodes(5)), owners(equalNodes(5).filter(({ id }) => id !== "n2"))];
    const changed = moved(all, left);
    for (const key of changed) expect(all.get(key)).toBe("n2");
    for (const id of ["n0", "n1", "n3", "n4"]) {
      const taken = changed.filter((key) => left.get(key) === id).length;
      expect(Math.abs(taken - changed.length / 4)).toBeLessThan(5 * Math.sqrt((changed.length * 3) / 16));
    }
  });

  test("pick() sends an excluded node's keys where they would go if it had left", () => {
    const balancer = new ConsistentHash(STRICT);
    const left = owners(equalNodes(5).filter(({ id }) => id !== "n2"));
    for (const key of KEYS) {
      expect(balancer.pick(equalNodes(5), { key, exclude: new Set(["n2"]) })).toBe(left.get(key)!);
    }
  });

  test("pick() gives shares by weight, and moves few keys when a weight changes", () => {
    const weighted = (weight: number): readonly Candidate[] => [node("a", { weight }), node("b"), node("c")];
    const [before, after] = [owners(weighted(2)), owners(weighted(3))];
    const shareOf = (map: ReadonlyMap<string, string>): number => [...map.values()].filter((id) => id === "a").length;
    expect(Math.abs(shareOf(before) - KEYS.length / 2)).toBeLessThan(deviation(1 / 2));
    expect(Math.abs(shareOf(after) - (3 * KEYS.length) / 5)).toBeLessThan(deviation(3 / 5));
    for (const key of moved(before, after)) expect(after.get(key)).toBe("a");
  });

  test("pick() agrees with other machines and versions", () => {
    const balancer = new ConsistentHash(STRICT);
    const some = ["", "a", "customer-1", "Größe", "🙂"].map((key) => balancer.pick(equalNodes(5), { key }));
    expect(some).toEqual(GOLDEN);
  });

  test("pick() lets nobody have more than its bound, and always finds somebody", () => {
    const [loadFactor, loadFloor] = [1.25, 4];
    const key = fc.constantFrom("hot", "hot", "hot", "warm", "cold");
    fc.assert(
      fc.property(fc.array(key, { maxLength: 200 }), fc.integer({ min: 1, max: 6 }), (keys, count) => {
        const balancer = new ConsistentHash({ loadFactor, loadFloor });
        const outstanding = new Map<string, number>();
        for (const [total, each] of keys.entries()) {
          const candidates = equalNodes(count).map((one) => ({ ...one, outstanding: outstanding.get(one.id) ?? 0 }));
          const id = balancer.pick(candidates, { key: each })!;
          const now = (outstanding.get(id) ?? 0) + 1;
          outstanding.set(id, now);
          expect(now).toBeLessThanOrEqual(Math.max(loadFloor, Math.ceil((loadFactor * (total + 1)) / count)));
        }
      }),
    );
  });

  test("pick() always finds somebody when loads are exactly fair and weights are odd", () => {
    const weights = fc.array(fc.double({ min: 0.01, max: 100, noNaN: true }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(weights, fc.nat(1_000), (all, scale) => {
        const balancer = new ConsistentHash({ loadFactor: 1, loadFloor: 0 });
        const candidates = all.map((weight, at) =>
          node(String(at), { weight, outstanding: Math.floor(weight * scale) }),
        );
        expect(balancer.pick(candidates, { key: "k" })).toBeDefined();
      }),
    );
  });

  test("pick() sends the overflow of a hot key always to the same second choice", () => {
    const balancer = new ConsistentHash({ loadFactor: 1.25, loadFloor: 4 });
    const owner = balancer.pick(equalNodes(5), { key: "hot" })!;
    const full = equalNodes(5).map((each) => (each.id === owner ? { ...each, outstanding: 50 } : each));
    const second = balancer.pick(full, { key: "hot" })!;
    expect(second).not.toBe(owner);
    expect(balancer.pick(equalNodes(5), { key: "hot", exclude: new Set([owner]) })).toBe(second);
  });

  test("pick() keeps a key at its node while little is under way", () => {
    const balancer = new ConsistentHash({ loadFactor: 1.25, loadFloor: 4 });
    const owner = balancer.pick(equalNodes(5), { key: "k" })!;
    for (const outstanding of [1, 2, 3]) {
      const some = equalNodes(5).map((each) => (each.id === owner ? { ...each, outstanding } : each));
      expect(balancer.pick(some, { key: "k" })).toBe(owner);
    }
  });

  test("pick() goes in turn when there is no key", () => {
    const balancer = new ConsistentHash(STRICT);
    expect([0, 1, 2, 3].map(() => balancer.pick(equalNodes(2), {}))).toEqual(["n0", "n1", "n0", "n1"]);
  });
});

const GOLDEN = ["n3", "n3", "n4", "n2", "n3"];
