import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../../../src/base/random.ts";
import {
  type Balancer,
  createBalancer,
  OutlierDetector,
  type OutlierEffect,
  withOutlierEjection,
} from "../../../../src/protocol/balance/index.ts";
import { equalNodes } from "./support.ts";

function careful(maxEjectionPercent = 100): { balancer: Balancer; told: OutlierEffect[]; detector: OutlierDetector } {
  const failurePercentage = { thresholdPercent: 50, minimumHosts: 1, requestVolume: 1 };
  const options = { intervalMs: 100, baseEjectionMs: 1_000, maxEjectionPercent, failurePercentage };
  const detector = new OutlierDetector(options, seededRandom(1));
  const told: OutlierEffect[] = [];
  const inner = createBalancer("ROUND_ROBIN", { random: seededRandom(1) });
  const balancer = withOutlierEjection(inner, detector, (effect) => told.push(effect));
  balancer.pick(equalNodes(3), { exclude: new Set(["n0", "n1", "n2"]) }, 0);
  return { balancer, told, detector };
}

function fail(balancer: Balancer, ...ids: readonly string[]): void {
  for (const id of ids) balancer.ended?.(id, { ok: false, durationMs: 1 }, 10);
}

function picks(balancer: Balancer, nowMs: number, exclude: readonly string[] = []): string {
  const choice = { exclude: new Set(exclude) };
  return [1, 2, 3, 4].map(() => balancer.pick(equalNodes(3), choice, nowMs)).join(" ");
}

describe("withOutlierEjection()", () => {
  test("pick() passes over those ejected until they return, and ticks the detector by itself", () => {
    const { balancer, told } = careful();
    fail(balancer, "n1");
    expect(picks(balancer, 50)).toBe("n0 n1 n2 n0");
    expect(picks(balancer, 100)).toBe("n2 n0 n2 n0");
    expect(picks(balancer, 1_100)).toBe("n1 n2 n0 n1");
    expect(told.map(({ id, type }) => `${id} ${type}`)).toEqual(["n1 ejected", "n1 returned"]);
  });

  test("pick() chooses among all when all that it may choose from are ejected", () => {
    const { balancer } = careful();
    fail(balancer, "n0", "n1", "n2");
    expect(picks(balancer, 100)).toBe("n0 n1 n2 n0");
    expect(picks(balancer, 100, ["n0"])).toBe("n1 n2 n1 n2");
  });

  test("pick() never chooses an excluded one, not even when only ejected ones are left", () => {
    const { balancer } = careful();
    fail(balancer, "n1");
    expect(picks(balancer, 100, ["n0"])).toBe("n2 n2 n2 n2");
    expect(picks(balancer, 100, ["n0", "n2"])).toBe("n1 n1 n1 n1");
    expect(balancer.pick(equalNodes(3), { exclude: new Set(["n0", "n1", "n2"]) }, 100)).toBeUndefined();
  });

  test("started(), ended() and forget() reach the balancer behind it", () => {
    const calls: string[] = [];
    const inner: Balancer = {
      remembered: 0,
      pick: () => undefined,
      started: (id) => calls.push(`started ${id}`),
      ended: (id, { ok }) => calls.push(`ended ${id} ${ok}`),
      forget: (id) => calls.push(`forget ${id}`),
    };
    const balancer = withOutlierEjection(inner, careful().detector, () => {});
    balancer.started?.("n0", 1);
    balancer.ended?.("n0", { ok: true, durationMs: 1 }, 2);
    balancer.forget?.("n0");
    expect(calls).toEqual(["started n0", "ended n0 true", "forget n0"]);
  });

  test("forget() takes back an ejection, also before anything was picked", () => {
    const { balancer, detector } = careful();
    fail(balancer, "n1");
    picks(balancer, 100);
    balancer.forget?.("n1");
    expect(detector.ejected.size).toBe(0);
    const fresh = new OutlierDetector({}, seededRandom(1));
    withOutlierEjection(createBalancer("ROUND_ROBIN", { random: seededRandom(1) }), fresh, () => {}).forget?.("x");
    expect(fresh.hosts).toBe(0);
  });
});
