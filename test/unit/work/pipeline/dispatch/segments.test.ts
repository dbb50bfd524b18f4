import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { cutSegments } from "../../../../../src/work/pipeline/dispatch/segments.ts";
import type { StagePlan } from "../../../../../src/work/pipeline/stages/index.ts";
import { planOf } from "./plans.ts";

const kinds = fc.constantFrom<Partial<StagePlan>[]>(
  {},
  {},
  { balancer: "ROUND_ROBIN" },
  { balancer: "LEAST_LOAD" },
  { sequential: true },
  { sequential: true, stateful: true },
  { exclusive: true },
  { exclusive: true, balancer: "ROUND_ROBIN" },
);
const pipelines = fc
  .array(kinds, { minLength: 1, maxLength: 12 })
  .map((all) => all.map((more, index) => planOf(`s${index}`, more)));

const hasOwner = ({ exclusive, sequential, stateful }: StagePlan): boolean => sequential || stateful || exclusive;

describe("cutSegments()", () => {
  test("gives every stage once and in order, whatever the stages are", () => {
    fc.assert(
      fc.property(pipelines, (stages) => {
        const segments = cutSegments(stages);
        expect(segments.flatMap(({ plans }) => plans)).toEqual(stages);
        expect(segments.map(({ index }) => index)).toEqual(segments.map((_, index) => index));
        expect(segments.every(({ plans }) => plans.length > 0)).toBe(true);
      }),
    );
  });

  test("mixes no stage that has an owner with one that has none, and says of each segment what its stages want", () => {
    fc.assert(
      fc.property(pipelines, (stages) => {
        for (const { balancer, isPinned, isSequential, plans } of cutSegments(stages)) {
          expect(plans.map(hasOwner)).toEqual(plans.map(() => isPinned));
          expect(isSequential).toBe(plans.some(({ sequential }) => sequential));
          const named = new Set(plans.flatMap((plan) => plan.balancer ?? []));
          if (!isPinned) expect([...named]).toEqual(balancer === undefined ? [] : [balancer]);
        }
      }),
    );
  });

  test("cuts only where it has to: between kinds, and between two balancers that are named", () => {
    fc.assert(
      fc.property(pipelines, (stages) => {
        const segments = cutSegments(stages);
        segments.slice(1).forEach((segment, index) => {
          const before = segments[index]!;
          const differs = segment.plans[0]?.balancer !== before.balancer && before.balancer !== undefined;
          const hasReason = segment.isPinned !== before.isPinned || (differs && !segment.isPinned);
          expect(hasReason).toBe(true);
        });
      }),
    );
  });

  test("gives neighbours with an owner one owner, also when their balancers differ", () => {
    const stages = [
      planOf("a"),
      planOf("b", { sequential: true, balancer: "ROUND_ROBIN" }),
      planOf("c", { exclusive: true, balancer: "LEAST_LOAD" }),
      planOf("d", { balancer: "LEAST_LOAD" }),
      planOf("e"),
      planOf("f", { balancer: "ROUND_ROBIN" }),
    ];
    const cut = cutSegments(stages).map(({ isPinned, plans }) => [isPinned, plans.map(({ name }) => name).join("")]);
    expect(cut).toEqual([
      [false, "a"],
      [true, "bc"],
      [false, "de"],
      [false, "f"],
    ]);
  });
});
