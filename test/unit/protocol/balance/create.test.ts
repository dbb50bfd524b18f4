import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../src/base/errors.ts";
import { seededRandom } from "../../../../src/base/random.ts";
import {
  type BalancerName,
  type BalancerParts,
  createBalancer,
  defaultBalancerOptions,
  validateBalancer,
} from "../../../../src/protocol/balance/index.ts";

function failureOf(name: BalancerName, parts: Partial<BalancerParts>): Failure {
  try {
    createBalancer(name, { random: seededRandom(1), ...parts });
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown;
  }
  throw new Error("no failure");
}

describe("validateBalancer()", () => {
  test("validateBalancer() finds nothing when all is left out, undefined or the default", () => {
    expect(validateBalancer({})).toEqual([]);
    expect(validateBalancer({ decayMs: undefined })).toEqual([]);
    expect(validateBalancer(defaultBalancerOptions)).toEqual([]);
    expect(validateBalancer({ loadFactor: Number.POSITIVE_INFINITY })).toEqual([]);
  });

  test("validateBalancer() tells of all faults at once", () => {
    const options = { decayMs: 0, loadHalfLifeMs: "5s", loadFactor: 0.9, loadFloor: 1.5, decay: 3 };
    expect(validateBalancer(options)).toEqual([
      { path: "decayMs", message: "0, milliseconds above 0 are required" },
      { path: "loadHalfLifeMs", message: '"5s", milliseconds above 0 are required' },
      { path: "loadFactor", message: "0.9, a number from 1 is required" },
      { path: "loadFloor", message: "1.5, a whole number from 0 is required" },
      { path: "decay", message: "is unknown, one of decayMs, loadHalfLifeMs, loadFactor, loadFloor is required" },
    ]);
    expect(validateBalancer(JSON.parse('{"constructor":1,"__proto__":2}'))).toHaveLength(2);
    for (const none of [null, 1, "x", []]) expect(validateBalancer(none)).toHaveLength(1);
    expect(validateBalancer({ decayMs: Number.NaN, loadFactor: Number.NaN })).toHaveLength(2);
  });
});

describe("createBalancer()", () => {
  test("createBalancer() throws with every fault when options are wrong", () => {
    const { code, message } = failureOf("RESPONSE_TIME", { options: { decayMs: -1, loadFloor: -1 } });
    expect(code).toBe("balance.invalid_options");
    expect(message).toContain("decayMs: -1");
    expect(message).toContain("loadFloor: -1");
  });

  test("createBalancer() throws when CUSTOM has no select", () => {
    expect(failureOf("CUSTOM", {}).code).toBe("balance.custom.no_select");
  });

  test("createBalancer() hands on options when they are given", () => {
    const under = (loadFactor: number): string | undefined => {
      const balancer = createBalancer("CONSISTENT_HASH", { random: seededRandom(1), options: { loadFactor } });
      const owner = balancer.pick(["a", "b"].map(idle), { key: "k" }, 0);
      return balancer.pick(
        ["a", "b"].map((id) => ({ ...idle(id), outstanding: id === owner ? 1_000 : 0 })),
        { key: "k" },
        0,
      ) === owner
        ? "kept"
        : "moved";
    };
    expect(under(Number.POSITIVE_INFINITY)).toBe("kept");
    expect(under(1.25)).toBe("moved");
  });
});

function idle(id: string): { id: string; weight: number; outstanding: number } {
  return { id, weight: 1, outstanding: 0 };
}
