import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../../src/base/random.ts";
import {
  type Balancer,
  type BalancerName,
  createBalancer,
  OutlierDetector,
  smallClusterOutliers,
  withOutlierEjection,
} from "../../../src/protocol/balance/index.ts";
import { type Outcome, SimulatedCluster, type SimulatedNode } from "./cluster.ts";

function make(name: BalancerName): Balancer {
  return createBalancer(name, { random: seededRandom(1) });
}

function nodes(...all: readonly Partial<SimulatedNode>[]): readonly SimulatedNode[] {
  return all.map((each, at) => ({ id: `n${at}`, serviceMs: 10, slots: 4, ...each }));
}

const ONE_SLOW = nodes({}, {}, { id: "slow", serviceMs: 100 });
const ONE_BROKEN = nodes({}, {}, { id: "broken", isBroken: true });
const UNDER_WAY = 8;
const REQUESTS = 5_000;

function run(balancer: Balancer, all: readonly SimulatedNode[]): Outcome {
  return new SimulatedCluster(all).run(balancer, UNDER_WAY, REQUESTS);
}

describe("three nodes, one ten times slower", () => {
  const fair = run(make("ROUND_ROBIN"), ONE_SLOW);

  test("ROUND_ROBIN gives the slow one its third", () => {
    expect(fair.shares.get("slow")).toBeCloseTo(1 / 3, 2);
  });

  for (const name of ["LEAST_CONNECTIONS", "LEAST_LOAD", "RESPONSE_TIME", "POWER_OF_TWO"] as const) {
    test(`${name} gives the slow one far less than a third, and so does much more`, () => {
      const { perSecond, shares } = run(make(name), ONE_SLOW);
      expect(shares.get("slow")).toBeLessThan(0.12);
      expect(shares.get("slow")).toBeGreaterThan(0);
      expect(perSecond).toBeGreaterThan(2 * fair.perSecond);
    });
  }

  test("RESPONSE_TIME gives the slow one hardly more than probes", () => {
    expect(run(make("RESPONSE_TIME"), ONE_SLOW).shares.get("slow")).toBeLessThan(0.01);
  });

  test("CONSISTENT_HASH gives the slow one no more than its bound", () => {
    expect(run(make("CONSISTENT_HASH"), ONE_SLOW).shares.get("slow")).toBeLessThan(0.25);
  });
});

describe("three nodes, one of weight 2", () => {
  const big = nodes({}, {}, { id: "big", weight: 2, slots: 8 });
  for (const name of ["WEIGHTED_ROUND_ROBIN", "LEAST_CONNECTIONS", "RESPONSE_TIME", "CONSISTENT_HASH"] as const) {
    test(`${name} gives the big one about half`, () => {
      const share = run(make(name), big).shares.get("big")!;
      expect(share).toBeGreaterThan(0.4);
      expect(share).toBeLessThan(0.6);
    });
  }
});

describe("three nodes, one that fails at once", () => {
  test("LEAST_CONNECTIONS alone feeds the broken one, for it seems to be free", () => {
    expect(run(make("LEAST_CONNECTIONS"), ONE_BROKEN).shares.get("broken")).toBeGreaterThan(0.5);
  });

  test("RESPONSE_TIME takes a failure for a slow answer", () => {
    expect(run(make("RESPONSE_TIME"), ONE_BROKEN).failures).toBeLessThan(REQUESTS / 50);
  });

  for (const name of ["ROUND_ROBIN", "LEAST_CONNECTIONS", "POWER_OF_TWO", "CONSISTENT_HASH"] as const) {
    test(`${name} loses less by far when outliers are ejected`, () => {
      const detector = new OutlierDetector({ ...smallClusterOutliers, intervalMs: 100 }, seededRandom(2));
      const ejected: string[] = [];
      const careful = withOutlierEjection(make(name), detector, (effect) => {
        if (effect.type === "ejected") ejected.push(effect.id);
      });
      expect(run(careful, ONE_BROKEN).failures).toBeLessThan(run(make(name), ONE_BROKEN).failures / 4);
      expect(new Set(ejected)).toEqual(new Set(["broken"]));
    });
  }
});
