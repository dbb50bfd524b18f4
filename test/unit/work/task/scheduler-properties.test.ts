import { expect, test } from "bun:test";
import fc from "fast-check";
import type { TaskOutcome, TaskState } from "../../../../src/work/task/outcome.ts";
import { isIdempotent, type TaskGraph } from "../../../../src/work/task/types.ts";
import { SchedulerWorld, type WorldOptions } from "./scheduler-world.ts";
import { get, graphOf, post, type TaskFields } from "./support.ts";

interface Planned {
  readonly kind: "get" | "post" | "keyed";
  readonly retries: number;
  /** So many attempts fail before one is done. */
  readonly failures: number;
  readonly ms: number;
  readonly needs: readonly (readonly [back: number, optional: boolean])[];
}

const planned: fc.Arbitrary<Planned> = fc.record({
  kind: fc.constantFrom("get", "post", "keyed"),
  retries: fc.integer({ min: 0, max: 2 }),
  failures: fc.integer({ min: 0, max: 3 }),
  ms: fc.integer({ min: 0, max: 20 }),
  needs: fc.array(fc.tuple(fc.integer({ min: 1, max: 6 }), fc.boolean()), { maxLength: 3 }),
});

const plans = fc.array(planned, { minLength: 1, maxLength: 14 });
const FAILED: TaskOutcome = { state: "failed", code: "test.failed", reason: "it broke", retryable: true };

function fieldsOf({ kind, needs, retries }: Planned, index: number): TaskFields {
  const wanted = new Map(
    needs.filter(([back]) => back <= index).map(([back, optional]) => [`t${index - back}`, optional]),
  );
  const list = Array.from(wanted, ([task, optional]) => ({ task, optional }));
  const more = { retry: { max: retries, backoff: 5 }, ...(kind === "keyed" && { idempotency_key: true }) };
  return kind === "get" ? get(`t${index}`, list, more) : post(`t${index}`, list, more);
}

function worldOf(plan: readonly Planned[], parallel: number, options: WorldOptions): SchedulerWorld {
  const graph = graphOf(plan.map(fieldsOf), { parallel });
  const attempts = new Map<number, number>();
  const world = new SchedulerWorld(
    graph,
    (task) => {
      const attempt = (attempts.get(task) ?? 0) + 1;
      attempts.set(task, attempt);
      const outcome: TaskOutcome = attempt <= plan[task]!.failures ? FAILED : { state: "done", output: null };
      return { outcome, afterMs: plan[task]!.ms };
    },
    options,
  );
  return world.run();
}

/** What a graph comes to without deaths, worked out one task after the other. */
function oracle(graph: TaskGraph, plan: readonly Planned[]): Record<string, TaskState> {
  const states: TaskState[] = [];
  for (const [index, { needs, work }] of graph.tasks.entries()) {
    const isBlocked = needs.some(({ optional, task }) => !optional && states[task] !== "done");
    const tries = isIdempotent(work) ? plan[index]!.retries + 1 : 1;
    states[index] = isBlocked ? "skipped" : plan[index]!.failures < tries ? "done" : "failed";
  }
  return Object.fromEntries(graph.tasks.map(({ id }, index) => [id, states[index]!]));
}

test("step() brings every graph to the state that its outcomes call for, whatever runs at once", () => {
  fc.assert(
    fc.property(plans, fc.integer({ min: 1, max: 5 }), fc.integer(), (plan, parallel, seed) => {
      const world = worldOf(plan, parallel, { seed });
      expect(world.states()).toEqual(oracle(graphOf(plan.map(fieldsOf)), plan));
      expect(world.faults).toEqual([]);
      expect(world.runningMost).toBeLessThanOrEqual(parallel);
    }),
    { numRuns: 300 },
  );
});

interface Lives {
  readonly doubled: number;
  readonly repeated: number;
  readonly left: number;
  readonly faults: readonly string[];
}

function livesOf(plan: readonly Planned[], parallel: number, options: WorldOptions): Lives {
  const world = worldOf(plan, parallel, options);
  const graph = graphOf(plan.map(fieldsOf));
  const effects = new Map<number, number>();
  for (const task of world.effects) effects.set(task, (effects.get(task) ?? 0) + 1);
  const doubled = [...effects].filter(([task, times]) => times > 1 && !isIdempotent(graph.tasks[task]!.work)).length;
  const repeated = world.begun.filter(({ attempt, task }) => {
    return (
      world.begun.filter(
        (each) => each.task === task && each.attempt === attempt && !isIdempotent(graph.tasks[task]!.work),
      ).length > 1
    );
  }).length;
  const left = Object.values(world.states()).filter((state) => !["done", "failed", "skipped"].includes(state)).length;
  return { doubled, repeated, left, faults: world.faults };
}

const deaths = fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 4 });

test("step() never does twice what is not idempotent and leaves nothing undone, whenever the process dies", () => {
  fc.assert(
    fc.property(plans, fc.integer({ min: 1, max: 5 }), fc.integer(), deaths, (plan, parallel, seed, dying) => {
      const lives = livesOf(plan, parallel, { seed, deaths: dying });
      expect(lives).toEqual({ doubled: 0, repeated: 0, left: 0, faults: [] });
    }),
    { numRuns: 500 },
  );
});

test("the check above sees it when a POST begins before its start is on disk", () => {
  const found = fc.check(
    fc.property(plans, fc.integer({ min: 1, max: 5 }), fc.integer(), deaths, (plan, parallel, seed, dying) => {
      return livesOf(plan, parallel, { seed, deaths: dying, startsTooEarly: true }).doubled === 0;
    }),
    { numRuns: 500 },
  );
  expect(found.failed).toBe(true);
});
