import { describe, expect, test } from "bun:test";
import { lanOptions, localOptions, swimRules, validateSwim, wanOptions } from "../../../../src/protocol/swim/index.ts";
import { LocalHealth } from "../../../../src/protocol/swim/local-health.ts";
import { Suspicion } from "../../../../src/protocol/swim/suspicion.ts";

const options = lanOptions();

describe("swimRules", () => {
  test("suspicionMs() goes from the longest to the least when confirmations come in", () => {
    const leastMs = 4 * Math.log10(100) * 1_000;
    const spans = [0, 1, 2].map((confirmations) => swimRules.suspicionMs(confirmations, 100, options)!);
    expect(spans[0]).toBeCloseTo(6 * leastMs, 6);
    expect(spans[1]).toBeCloseTo(leastMs * (6 - (Math.log(2) / Math.log(3)) * 5), 6);
    expect(spans[2]).toBeCloseTo(leastMs, 6);
  });

  test("suspicionMs() is the least at once when too few others could confirm", () => {
    expect(swimRules.suspicionMs(0, 3, options)).toBe(4_000);
  });

  test("forgivenMs() forgives more than a time-out, and nothing when local health is off", () => {
    expect(swimRules.forgivenMs(500, options)).toBe(0);
    expect(swimRules.forgivenMs(501, options)).toBe(1_001);
    expect(swimRules.forgivenMs(501, { ...options, healthMax: 0 })).toBe(0);
  });

  test("transmitsMax() grows with the logarithm of the cluster", () => {
    expect([1, 15, 999].map((n) => swimRules.transmitsMax(n, options))).toEqual([3, 9, 21]);
  });

  test("syncIntervalMs() doubles its base above 32 members and grows with the logarithm", () => {
    const intervals = [1, 32, 33, 64, 65, 1_024].map((n) => swimRules.syncIntervalMs(n, options)! / 30_000);
    expect(intervals).toEqual([1, 1, 2, 2, 3, 6]);
  });

  test("reconnectChance() makes one try of the whole cluster for one who is dead", () => {
    expect(swimRules.reconnectChance(1, 99) * 100).toBe(1);
    expect(swimRules.reconnectChance(8, 7)).toBe(1);
    expect(swimRules.reconnectChance(500, 499) * 500).toBe(16);
  });
});

describe("Suspicion", () => {
  test("confirm() counts each other one once, up to those wanted", () => {
    const suspicion = new Suspicion("a", 0, 0, 2);
    expect(["a", "b", "b", "c", "d"].map((by) => suspicion.confirm(by, 1))).toEqual([false, true, false, true, false]);
    expect(suspicion.confirmations.map(({ by }) => by)).toEqual(["a", "b", "c"]);
  });
});

describe("LocalHealth", () => {
  test("change() stays between well and the worst", () => {
    const health = new LocalHealth(3);
    const scores = [-1, 2, 5, -1].map((by) => {
      health.change(by);
      return health.score;
    });
    expect(scores).toEqual([0, 2, 3, 2]);
  });
});

describe("presets", () => {
  for (const [name, preset] of Object.entries({ lanOptions, localOptions, wanOptions })) {
    test(`${name}() are valid, whatever size is expected`, () => {
      for (const size of [undefined, 1, 10, 5_000]) expect(validateSwim(preset(size))).toEqual([]);
    });
  }

  test("lanOptions() grow their bounds with the cluster expected", () => {
    expect(lanOptions(10_000).membersMax).toBe(80_000);
    expect(lanOptions(10_000).rememberedMax).toBe(20_000);
  });

  test("validateSwim() names each fault with the value and what is required", () => {
    const wrong = { ...options, probeTimeoutMs: 2_000, healthMax: -1, queueMax: Number.NaN };
    expect(validateSwim(wrong).map(({ message, path }) => `${path}: ${message}`)).toEqual([
      "healthMax: -1, a whole number from 0 is required",
      "queueMax: NaN, a whole number from 1 is required",
      "probeTimeoutMs: 2000, less than probeIntervalMs is required",
    ]);
  });
});
