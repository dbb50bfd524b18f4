import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { alignChain, isSwap, type Link } from "../../../../../src/work/pipeline/stages/chain.ts";
import type { StagePlan } from "../../../../../src/work/pipeline/stages/types.ts";

function plan(name: string, more: Partial<StagePlan> = {}): StagePlan {
  return {
    name,
    library: `/${name}.ts`,
    revision: "",
    params: {},
    policy: "DEAD_LETTER",
    maxRetries: 0,
    timeoutMs: 1000,
    lanes: 1,
    sequential: false,
    stateful: false,
    exclusive: false,
    standby: 0,
    limits: {},
    passEnv: [],
    ...more,
  };
}

/** Edges are numbers here: 0 from the source, then one behind each stage. */
function chain(...names: string[]): Link<number>[] {
  const last = names.length - 1;
  return names.map((name, index) => ({ plan: plan(name), input: index, output: index + 1, last: index === last }));
}

function align(current: Link<number>[], wanted: readonly StagePlan[]) {
  let edges = 100;
  const { links, kept } = alignChain(current, wanted, 0, () => edges++);
  const shown = links.map((link) => `${link.input}-${link.plan.name}${kept.has(link) ? "" : "*"}-${link.output}`);
  return { links, kept, shown };
}

describe("alignChain()", () => {
  const abc = chain("a", "b", "c");
  const wanted = (...names: string[]): StagePlan[] => names.map((name) => plan(name));

  test.each([
    [
      ["a", "b", "c"],
      ["0-a-1", "1-b-2", "2-c-3"],
    ],
    [
      ["a", "x", "b", "c"],
      ["0-a-1", "1-x*-100", "100-b*-2", "2-c-3"],
    ],
    [
      ["a", "c"],
      ["0-a-1", "1-c*-3"],
    ],
    [
      ["b", "c"],
      ["0-b*-2", "2-c-3"],
    ],
    [
      ["b", "a", "c"],
      ["0-b*-2", "2-a*-1", "1-c*-3"],
    ],
    [
      ["a", "b"],
      ["0-a-1", "1-b*-2"],
    ],
    [
      ["a", "b", "c", "d"],
      ["0-a-1", "1-b-2", "2-c*-3", "3-d*-100"],
    ],
    [["x"], ["0-x*-100"]],
  ])("alignChain() keeps whom it can when a, b, c become %p", (names, expected) => {
    expect(align(abc, wanted(...names)).shown).toEqual(expected);
  });

  test("alignChain() replaces a stage between the same edges when its plan has changed", () => {
    const plans = [plan("a"), plan("b", { params: { factor: 2 } }), plan("c")];
    expect(align(abc, plans).shown).toEqual(["0-a-1", "1-b*-2", "2-c-3"]);
  });

  test("alignChain() makes one way without a crossing whatever the stages become", () => {
    const names = fc.uniqueArray(fc.constantFrom(..."abcdefgh"), { minLength: 1 });
    const changes = fc.array(fc.boolean(), { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(names, names, changes, (before, after, changed) => {
        const current = chain(...before);
        const plans = after.map((name, index) => plan(name, changed[index] ? { timeoutMs: 5 } : {}));
        const { links, kept } = align(current, plans);
        expect(links.map((link) => link.plan)).toEqual(plans);
        const edges = [links[0]!.input, ...links.map(({ output }) => output)];
        expect(edges[0]).toBe(0);
        expect(new Set(edges).size).toBe(edges.length);
        links.forEach((link, index) => {
          expect(link.input).toBe(edges[index]!);
          expect(link.last).toBe(index === links.length - 1);
        });
        for (const link of kept) expect(current).toContain(link);
      }),
    );
  });
});

describe("isSwap()", () => {
  test("isSwap() is true when only the code and what it may use differ", () => {
    const other = plan("a", { library: "/other.ts", params: { x: 1 }, limits: { cpuMs: 5 } });
    expect(isSwap(plan("a"), other)).toBe(true);
  });

  test.each([{ lanes: 2 }, { timeoutMs: 5 }, { standby: 1 }, { sequential: true }])(
    "isSwap() is false when %p differs",
    (more) => {
      expect(isSwap(plan("a"), plan("a", more))).toBe(false);
    },
  );
});
