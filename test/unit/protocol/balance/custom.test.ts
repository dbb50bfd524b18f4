import { describe, expect, test } from "bun:test";
import type { Failure } from "../../../../src/base/errors.ts";
import { seededRandom } from "../../../../src/base/random.ts";
import {
  type Balancer,
  type Candidate,
  type CustomSelect,
  createBalancer,
} from "../../../../src/protocol/balance/index.ts";
import { equalNodes, node } from "./support.ts";

function custom(select: unknown): { balancer: Balancer; faults: Failure[] } {
  const faults: Failure[] = [];
  const balancer = createBalancer("CUSTOM", {
    random: seededRandom(1),
    select: select as CustomSelect, // what a plugin gives is anybody's guess
    selectFailed: (fault) => faults.push(fault),
  });
  return { balancer, faults };
}

describe("CUSTOM", () => {
  test("pick() does what select says, with what it was given", () => {
    const seen: unknown[] = [];
    const { balancer, faults } = custom((list: readonly Candidate[], choice: unknown, nowMs: number) => {
      seen.push(
        list.map(({ id }) => id),
        choice,
        nowMs,
      );
      return "n2";
    });
    const choice = { key: "k", exclude: new Set(["n1"]) };
    expect(balancer.pick(equalNodes(3), choice, 7)).toBe("n2");
    expect(seen).toEqual([["n0", "n2"], choice, 7]);
    expect(faults).toEqual([]);
  });

  test("pick() goes in turn and reports when the answer is none of the candidates", () => {
    const promise = Promise.reject(new Error("too late"));
    for (const answer of ["stranger", undefined, null, 0, {}, promise, Symbol("x"), "x".repeat(1e6)]) {
      const { balancer, faults } = custom(() => answer);
      expect([0, 1, 2].map((at) => balancer.pick(equalNodes(2), {}, at))).toEqual(["n0", "n1", "n0"]);
      expect(faults.map(({ code }) => code)).toEqual(Array(3).fill("balance.custom.wrong_answer"));
      expect(faults.map(({ data }) => data?.fallback)).toEqual(["n0", "n1", "n0"]);
      expect(faults[0]!.message.length).toBeLessThan(300);
    }
  });

  test("pick() takes the name of somebody excluded for a wrong answer", () => {
    const { balancer, faults } = custom(() => "n0");
    expect(balancer.pick(equalNodes(2), { exclude: new Set(["n0"]) }, 0)).toBe("n1");
    expect(faults[0]!.message).toContain('answered "n0"; the id of one of its 1 candidates is required');
  });

  test("pick() goes in turn and reports when select throws", () => {
    const { balancer, faults } = custom(() => {
      throw new Error("no idea");
    });
    expect(balancer.pick(equalNodes(2), {}, 0)).toBe("n0");
    expect(faults[0]!.code).toBe("balance.custom.threw");
    expect(faults[0]!.message).toContain("threw: no idea");
  });

  test("pick() does not ask when there is nobody, and lets select do no harm to the list", () => {
    let asked = 0;
    const { balancer, faults } = custom((list: Candidate[]) => {
      asked++;
      list.length = 0;
      list.push(node("mine"));
      return "mine";
    });
    expect(balancer.pick([], {}, 0)).toBeUndefined();
    expect(asked).toBe(0);
    const candidates = equalNodes(2);
    expect(balancer.pick(candidates, {}, 0)).toBe("n0");
    expect(candidates).toHaveLength(2);
    expect(faults).toHaveLength(1);
  });
});
