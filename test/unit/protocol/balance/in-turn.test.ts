import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Balancer, type Candidate, NODES_REMEMBERED_MAX } from "../../../../src/protocol/balance/index.ts";
import { RoundRobin } from "../../../../src/protocol/balance/round-robin.ts";
import { WeightedRoundRobin } from "../../../../src/protocol/balance/weighted-round-robin.ts";
import { node } from "./support.ts";

function picks(balancer: Balancer, candidates: readonly Candidate[], count: number): string {
  return Array.from({ length: count }, () => balancer.pick(candidates, {}, 0)).join(" ");
}

const [a, b, c, d] = [node("a"), node("b"), node("c"), node("d")] as const;

describe("ROUND_ROBIN", () => {
  test("pick() goes round in the order of the list when nothing changes", () => {
    expect(picks(new RoundRobin(), [a, b, c], 7)).toBe("a b c a b c a");
  });

  test("pick() goes on in the same order when the list is in another", () => {
    const balancer = new RoundRobin();
    expect(picks(balancer, [a, b, c], 2)).toBe("a b");
    expect(picks(balancer, [b, a, c], 4)).toBe("c a b c");
  });

  test("pick() takes a newcomer next, and then once a round", () => {
    const balancer = new RoundRobin();
    expect(picks(balancer, [a, b, c], 4)).toBe("a b c a");
    expect(picks(balancer, [a, b, c, d], 5)).toBe("d b c a d");
  });

  test("pick() makes up for whom it passed over when it may choose again", () => {
    const balancer = new RoundRobin();
    expect(balancer.pick([a, b, c], { exclude: new Set(["a"]) })).toBe("b");
    expect(picks(balancer, [a, b, c], 3)).toBe("a c b");
  });

  test("pick() forgets who was chosen longest ago when it holds too many", () => {
    const balancer = new RoundRobin();
    picks(balancer, [a], 1);
    for (let at = 1; at < NODES_REMEMBERED_MAX; at++) picks(balancer, [node(String(at))], 1);
    picks(balancer, [a], 1);
    picks(balancer, [b], 1); // it makes node 1 give way, not a
    expect(picks(balancer, [a, node("2")], 1)).toBe("2");
    expect(picks(balancer, [a, node("1")], 1)).toBe("1");
  });

  test("pick() agrees with a queue that is looked through from its front", () => {
    const subset = fc.subarray(["a", "b", "c", "d", "e"], { minLength: 1 });
    fc.assert(
      fc.property(fc.array(subset, { maxLength: 50 }), (rounds) => {
        const balancer = new RoundRobin();
        const queue: string[] = [];
        for (const ids of rounds) {
          const known = new Set(queue);
          const next = ids.find((id) => !known.has(id)) ?? queue.find((id) => ids.includes(id));
          expect(
            balancer.pick(
              ids.map((id) => node(id)),
              {},
            ),
          ).toBe(next);
          queue.splice(0, queue.length, ...queue.filter((id) => id !== next), next!);
        }
      }),
    );
  });
});

describe("WEIGHTED_ROUND_ROBIN", () => {
  test("pick() mixes evenly when weights are 5, 1 and 1", () => {
    const candidates = [node("a", { weight: 5 }), b, c];
    expect(picks(new WeightedRoundRobin(), candidates, 14)).toBe("a a b a c a a a a b a c a a");
  });

  test("pick() gives each exactly its weight in each full round, and never more than one ahead", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 2, maxLength: 8 }), (weights) => {
        const balancer = new WeightedRoundRobin();
        const candidates = weights.map((weight, at) => node(String(at), { weight }));
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        const counts = weights.map(() => 0);
        for (let turn = 1; turn <= 2 * total; turn++) {
          counts[Number(balancer.pick(candidates, {}))]!++;
          for (const [at, weight] of weights.entries()) {
            expect(counts[at]! - (turn * weight) / total).toBeLessThan(1);
            if (turn % total === 0) expect(counts[at]).toBe((turn * weight) / total);
          }
        }
      }),
      { numRuns: 50 },
    );
  });

  test("pick() does not starve somebody whose weight has dropped", () => {
    const balancer = new WeightedRoundRobin();
    picks(balancer, [node("a", { weight: 1_000 }), node("b", { weight: 999 })], 1);
    expect(
      picks(balancer, [a, b], 8)
        .split(" ")
        .filter((id) => id === "a").length,
    ).toBeGreaterThanOrEqual(2);
  });

  test("pick() makes no burst of somebody who comes back", () => {
    const balancer = new WeightedRoundRobin();
    const many = [node("a", { weight: 9 }), node("b", { weight: 9 }), node("c", { weight: 9 })];
    for (let turn = 0; turn < 10; turn++) balancer.pick(many, { exclude: turn % 3 === 2 ? new Set(["c"]) : new Set() });
    expect(picks(balancer, [a, b, c], 12)).not.toMatch(/(a a a a|b b b b|c c c c)/);
  });

  test("pick() goes on when weights are too large to add", () => {
    const huge = [node("a", { weight: Number.MAX_VALUE }), node("b", { weight: Number.MAX_VALUE })];
    expect(picks(new WeightedRoundRobin(), huge, 4)).toBe("a b a b");
  });

  test("pick() takes a weight that is none for 1", () => {
    for (const weight of [0, -3, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(picks(new WeightedRoundRobin(), [node("a", { weight }), b], 4)).toBe("a b a b");
    }
  });
});
