import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { seededRandom } from "../../../../src/base/random.ts";
import { LeastConnections } from "../../../../src/protocol/balance/least-connections.ts";
import { LeastLoad } from "../../../../src/protocol/balance/least-load.ts";
import { PowerOfTwo } from "../../../../src/protocol/balance/power-of-two.ts";
import { equalNodes, loaded, node } from "./support.ts";

const HALF_LIFE_MS = 1_000;

function leastLoad(): LeastLoad {
  return new LeastLoad({ loadHalfLifeMs: HALF_LIFE_MS });
}

describe("LEAST_CONNECTIONS", () => {
  test("pick() finds a least one, as sorting does", () => {
    const drawn = fc.array(fc.record({ outstanding: fc.nat(20), weight: fc.integer({ min: 1, max: 4 }) }), {
      minLength: 1,
      maxLength: 12,
    });
    fc.assert(
      fc.property(drawn, (all) => {
        const candidates = all.map((each, at) => node(String(at), each));
        const least = all.map(({ outstanding, weight }) => outstanding / weight).sort((x, y) => x - y)[0]!;
        const { outstanding, weight } = all[Number(new LeastConnections().pick(candidates, {}))]!;
        expect(outstanding / weight).toBe(least);
      }),
    );
  });

  test("pick() settles ties in turn, by weight", () => {
    const balancer = new LeastConnections();
    const candidates = [node("a", { weight: 2 }), node("b"), node("c", { outstanding: 1 })];
    const picked = Array.from({ length: 6 }, () => balancer.pick(candidates, {}));
    expect(picked).toEqual(["a", "b", "a", "a", "b", "a"]);
  });
});

describe("POWER_OF_TWO", () => {
  test("pick() never chooses the busiest of all, and any other sometimes", () => {
    const balancer = new PowerOfTwo(seededRandom(1));
    const candidates = equalNodes(5).map((each, outstanding) => ({ ...each, outstanding }));
    candidates.reverse(); // the busiest is first
    const picked = new Set(Array.from({ length: 500 }, () => balancer.pick(candidates, {})));
    expect([...picked].sort()).toEqual(["n0", "n1", "n2", "n3"]);
  });

  test("pick() chooses as often as two of all pairs say", () => {
    const balancer = new PowerOfTwo(seededRandom(2));
    const candidates = equalNodes(4).map((each, outstanding) => ({ ...each, outstanding }));
    const counts = new Map<string, number>();
    const [turns, pairs] = [6_000, 6];
    for (let turn = 0; turn < turns; turn++) {
      const id = balancer.pick(candidates, {})!;
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    for (const [at, wins] of [3, 2, 1].entries()) {
      expect(Math.abs(counts.get(`n${at}`)! - (turns * wins) / pairs)).toBeLessThan(5 * Math.sqrt(turns / 4));
    }
  });

  test("pick() follows weights when all are idle", () => {
    const balancer = new PowerOfTwo(seededRandom(3));
    const candidates = [node("a", { weight: 8 }), node("b"), node("c")];
    const turns = 3_000;
    const share = Array.from({ length: turns }, () => balancer.pick(candidates, {})).filter((id) => id === "a").length;
    expect(Math.abs(share / turns - 0.8)).toBeLessThan(0.05);
  });
});

describe("LEAST_LOAD", () => {
  test("pick() chooses the least loaded one, whatever it is loaded with", () => {
    for (const load of [{ cpu: 0.9 }, { memory: 0.9 }, { queue: 4 }]) {
      expect(leastLoad().pick([loaded("a", load), loaded("b", {})], {}, 0)).toBe("b");
    }
  });

  test("pick() goes on when a share of a capacity, or of what is left of an old report, is too small for a number", () => {
    const beside = node("b");
    for (const capacity of [5e-324, 1e-300, 0.3]) {
      for (const halfLives of [1, 500, 1_074]) {
        const candidates = [loaded("a", { capacity }), beside];
        expect(leastLoad().pick(candidates, {}, halfLives * HALF_LIFE_MS)).toBe("a");
      }
    }
  });

  test("pick() takes a queue for short when the capacity is large", () => {
    expect(leastLoad().pick([loaded("queue", { queue: 4, capacity: 16 }), loaded("cpu", { cpu: 0.3 })], {}, 0)).toBe(
      "queue",
    );
  });

  test("pick() takes who has not reported for as large as the others", () => {
    const large = [1, 2].map((at) => loaded(`${at}`, { capacity: 8 }, { outstanding: 4 }));
    expect(leastLoad().pick([...large, node("silent", { outstanding: 1 })], {}, 0)).toBe("silent");
  });

  test("pick() weighs CPU above queue above memory", () => {
    const full = [loaded("cpu", { cpu: 1 }), loaded("queue", { queue: 4 }), loaded("memory", { memory: 1 })];
    expect(leastLoad().pick(full, {}, 0)).toBe("memory");
    expect(leastLoad().pick(full.slice(0, 2), {}, 0)).toBe("queue");
  });

  test("pick() takes small differences for noise, and goes in turn", () => {
    const balancer = leastLoad();
    const candidates = [loaded("a", { cpu: 0.31 }), loaded("b", { cpu: 0.33 })];
    expect([0, 1, 2, 3].map(() => balancer.pick(candidates, {}, 0))).toEqual(["a", "b", "a", "b"]);
  });

  test("pick() takes who has not reported for average", () => {
    const [idle, busy, silent] = [loaded("idle", {}), loaded("busy", { cpu: 1 }), node("silent")];
    expect(leastLoad().pick([busy, silent, idle], {}, 0)).toBe("idle");
    const full = { ...idle, outstanding: 100 };
    expect(leastLoad().pick([busy, silent, full], {}, 0)).toBe("silent");
  });

  test("pick() believes old reports less and less", () => {
    const now = 20 * HALF_LIFE_MS;
    const stale = loaded("stale", { cpu: 0 });
    const fresh = [loaded("x", { cpu: 0.6, atMs: now }), loaded("y", { cpu: 0.2, atMs: now })];
    expect(leastLoad().pick([stale, ...fresh], {}, now)).toBe("y"); // it counts as the average of x and y
    expect(leastLoad().pick([loaded("stale", { cpu: 0, atMs: now }), ...fresh], {}, now)).toBe("stale");
    const ages = Number.MAX_SAFE_INTEGER;
    expect(leastLoad().pick([loaded("busy", { cpu: 1 }), node("b", { outstanding: 1 })], {}, ages)).toBe("busy");
  });

  test("pick() does not pile everything on one between two reports", () => {
    const balancer = leastLoad();
    const outstanding = [0, 0, 0];
    for (let turn = 0; turn < 24; turn++) {
      const candidates = outstanding.map((count, at) => loaded(`${at}`, { cpu: 0.3 * at }, { outstanding: count }));
      outstanding[Number(balancer.pick(candidates, {}, 0))]!++;
    }
    expect(outstanding[0]).toBeGreaterThan(outstanding[1]!);
    expect(outstanding[1]).toBeGreaterThan(outstanding[2]!);
    expect(outstanding[2]).toBeGreaterThan(4);
  });

  test("pick() gives more to who has more capacity", () => {
    const balancer = leastLoad();
    const outstanding = [0, 0];
    for (let turn = 0; turn < 30; turn++) {
      const candidates = outstanding.map((count, at) =>
        loaded(`${at}`, { capacity: 4 + 4 * at }, { outstanding: count }),
      );
      outstanding[Number(balancer.pick(candidates, {}, 0))]!++;
    }
    expect(outstanding).toEqual([10, 20]);
  });

  test("pick() takes a report that makes no sense for none", () => {
    for (const load of [
      { cpu: Number.NaN },
      { capacity: 0 },
      { atMs: Number.NaN },
      { queue: Number.POSITIVE_INFINITY },
    ]) {
      const candidates = [loaded("idle", {}), loaded("odd", load, { outstanding: 1 }), loaded("busy", { cpu: 1 })];
      expect(leastLoad().pick(candidates, { exclude: new Set(["idle"]) }, 0)).toBe("busy");
      expect(leastLoad().pick(candidates, {}, 0)).toBe("idle");
    }
  });
});
