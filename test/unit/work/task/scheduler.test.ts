import { expect, test } from "bun:test";
import { seededRandom } from "../../../../src/base/random.ts";
import type { TaskOutcome } from "../../../../src/work/task/outcome.ts";
import { type TaskEffect, TaskScheduler } from "../../../../src/work/task/scheduler.ts";
import { SchedulerWorld, type Script } from "./scheduler-world.ts";
import { get, graphOf, post } from "./support.ts";

const DONE: TaskOutcome = { state: "done", output: null };
const FAILED: TaskOutcome = { state: "failed", code: "test.failed", reason: "it broke", retryable: true };
const REFUSED: TaskOutcome = { ...FAILED, untouched: true };
const HOPELESS: TaskOutcome = { ...FAILED, retryable: false };

const done: Script = () => ({ outcome: DONE, afterMs: 1 });
/** Task 0 fails its first `times` attempts with this outcome. */
const firstFails =
  (times: number, outcome: TaskOutcome = FAILED): Script =>
  (task, attempt) => ({ outcome: task === 0 && attempt <= times ? outcome : DONE, afterMs: 1 });

test("step() starts tasks in the order of their needs, never more than the limit at once", () => {
  const graph = graphOf([get("d", ["b", "c"]), get("b", ["a"]), get("c", ["a"]), get("a"), get("e")], { parallel: 2 });
  const world = new SchedulerWorld(graph, done).run();
  expect(world.order()).toEqual(["a", "e", "b", "c", "d"]);
  expect(world.runningMost).toBe(2);
  expect(world.end).toBe("done");
  expect(world.faults).toEqual([]);
});

test("step() runs one after the other when parallel is 1", () => {
  const graph = graphOf([get("a"), get("b"), get("c")], { parallel: 1 });
  const world = new SchedulerWorld(graph, done).run();
  expect(world.runningMost).toBe(1);
  expect(world.begun.map(({ atMs }) => atMs)).toEqual([0, 1, 2]);
});

test("step() starts as many as there is room for now, and nothing while there is none", () => {
  const graph = graphOf([get("a"), get("b"), get("c"), get("d")], { parallel: 3 });
  const scheduler = new TaskScheduler(graph, { random: seededRandom(1), parallelMax: 0 });
  const startsOf = (parallelMax: number): number =>
    scheduler.step({ type: "capacity", parallelMax }, 0).filter(({ type }) => type === "start").length;
  expect(scheduler.step({ type: "begin" }, 0)).toEqual([]);
  expect([startsOf(1), startsOf(0), startsOf(9), startsOf(9)]).toEqual([1, 0, 2, 0]);
});

test("step() puts back what nobody could take: no attempt, no retry, no timeout of its first start", () => {
  const graph = graphOf([post("a", [], { timeout: "1s" })], { parallel: 1 });
  const scheduler = new TaskScheduler(graph, { random: seededRandom(1) });
  const unplaced: TaskOutcome = { ...FAILED, reason: "no worker is there", unplaced: true };
  scheduler.step({ type: "begin" }, 0);
  scheduler.step({ type: "capacity", parallelMax: 0 }, 1);
  expect(scheduler.step({ type: "finished", task: 0, attempt: 1, outcome: unplaced }, 2)).toEqual([
    { type: "record", changes: [expect.objectContaining({ task: 0, state: "waiting", attempts: 0 })] },
  ]);
  const [, start] = scheduler.step({ type: "capacity", parallelMax: 1 }, 900);
  expect(start).toMatchObject({ type: "start", task: 0, durable: true });
  expect(scheduler.step({ type: "tick" }, 1_500)).toEqual([]);
  const attempt = (start as { attempt: number }).attempt;
  expect(scheduler.step({ type: "finished", task: 0, attempt, outcome: DONE }, 1_600).at(-1)).toEqual({
    type: "end",
    how: "done",
  });
});

test("step() skips what requires a failed task, with the reason, all the way down", () => {
  const graph = graphOf([get("a"), get("b", ["a"]), get("c", ["b"]), get("free")]);
  const world = new SchedulerWorld(graph, firstFails(1)).run();
  expect(world.states()).toEqual({ a: "failed", b: "skipped", c: "skipped", free: "done" });
  expect(world.reason("b")).toBe("it needs a, which has failed");
  expect(world.reason("c")).toBe("it needs b, which was skipped");
  expect(world.end).toBe("failed");
});

test("step() runs a task whose optional need has failed, and the run is done when nothing required it", () => {
  const graph = graphOf([get("a"), get("b", [{ task: "a", optional: true }])]);
  const world = new SchedulerWorld(graph, firstFails(1)).run();
  expect(world.states()).toEqual({ a: "failed", b: "done" });
  expect(world.end).toBe("done");
});

test("step() tolerates a failure that ends at an optional need further down, and no other", () => {
  const optional = [{ task: "b", optional: true }];
  const tolerated = graphOf([get("a"), get("b", ["a"]), get("c", optional)]);
  expect(new SchedulerWorld(tolerated, firstFails(1)).run().end).toBe("done");
  const required = graphOf([get("a"), get("b", ["a"]), get("c", optional), get("d", ["a"])]);
  expect(new SchedulerWorld(required, firstFails(1)).run().end).toBe("failed");
});

test("step() repeats an idempotent task with growing waits until its retries are used up", () => {
  const graph = graphOf([get("a", [], { retry: { max: 3, backoff: 100, backoff_max: 150 } })]);
  const world = new SchedulerWorld(graph, firstFails(9)).run();
  expect(world.begun).toHaveLength(4);
  const waits = world.begun.slice(1).map(({ atMs }, index) => atMs - world.begun[index]!.atMs - 1);
  for (const [index, most] of [100, 150, 150].entries()) expect(waits[index]).toBeLessThanOrEqual(most);
  expect(world.states()).toEqual({ a: "failed" });
  expect(world.reason("a")).toBe("it broke");
});

test("step() does not repeat a POST without an idempotency key, and says so", () => {
  const graph = graphOf([post("a", [], { retry: 3 })]);
  const world = new SchedulerWorld(graph, firstFails(1)).run();
  expect(world.begun).toHaveLength(1);
  expect(world.reason("a")).toBe("it broke; not repeated: without an idempotency_key its effect could happen twice");
});

test("step() does not repeat a plugin's task that says it is not idempotent, unless it had not begun", () => {
  const charge = { id: "a", type: "plugin", library: "charge.ts", retry: 3 };
  const world = new SchedulerWorld(graphOf([{ ...charge, idempotent: false }]), firstFails(1)).run();
  expect(world.begun).toHaveLength(1);
  expect(world.reason("a")).toBe(
    "it broke; not repeated: it is not idempotent, as the graph says: its effect could happen twice",
  );
  const refused = new SchedulerWorld(graphOf([{ ...charge, idempotent: false }]), firstFails(1, REFUSED)).run();
  expect(refused.begun).toHaveLength(2);
  for (const more of [{}, { idempotent: true }]) {
    expect(new SchedulerWorld(graphOf([{ ...charge, ...more }]), firstFails(1)).run().states()).toEqual({ a: "done" });
  }
});

test("step() takes a plugin's task that is not idempotent and was under way for one of unknown outcome", () => {
  const charge = { id: "a", type: "plugin", library: "charge.ts", retry: 3, idempotent: false };
  const history = [{ task: 0, state: "running", attempts: 1 }] as const;
  const scheduler = new TaskScheduler(graphOf([charge]), { random: seededRandom(1), history });
  const [record] = scheduler.step({ type: "begin" }, 0);
  expect(record).toMatchObject({ changes: [{ state: "failed", code: "task.outcome_unknown" }] });
});

test("step() repeats a POST that has an idempotency key, or that never reached the other side", () => {
  const keyed = graphOf([post("a", [], { retry: 3, idempotency_key: true })]);
  expect(new SchedulerWorld(keyed, firstFails(2)).run().states()).toEqual({ a: "done" });
  const plain = graphOf([post("a", [], { retry: 3 })]);
  const world = new SchedulerWorld(plain, firstFails(2, REFUSED)).run();
  expect(world.states()).toEqual({ a: "done" });
  expect(world.effects).toEqual([0]);
});

test("step() does not repeat what cannot get better", () => {
  const graph = graphOf([get("a", [], { retry: 3 })]);
  const world = new SchedulerWorld(graph, firstFails(1, HOPELESS)).run();
  expect(world.begun).toHaveLength(1);
});

test("step() waits as long as the other side asks, up to backoff_max", () => {
  const patient: TaskOutcome = { ...FAILED, retryAfterMs: 5_000 };
  const graph = graphOf([get("a", [], { retry: { max: 1, backoff: 1, backoff_max: 2_000 } })]);
  const world = new SchedulerWorld(graph, firstFails(1, patient)).run();
  expect(world.begun[1]!.atMs).toBe(2_001);
});

test("step() gives an attempt up at its timeout and ignores what it says later", () => {
  const graph = graphOf([get("a", [], { timeout: 10, retry: { max: 1, backoff: 0 } })]);
  const world = new SchedulerWorld(graph, (_, attempt) => ({ outcome: DONE, afterMs: attempt === 1 ? 15 : 7 })).run();
  expect(world.aborted).toEqual(["a#1"]);
  expect(world.begun.map(({ atMs }) => atMs)).toEqual([0, 10]);
  expect(world.nowMs).toBe(17);
  expect(world.states()).toEqual({ a: "done" });
});

test("step() fails what runs and skips the rest at the graph's timeout", () => {
  const graph = graphOf([get("a"), get("b", ["a"])], { timeout: "1s" });
  const world = new SchedulerWorld(graph, () => undefined).run();
  expect(world.nowMs).toBe(1_000);
  expect(world.states()).toEqual({ a: "failed", b: "skipped" });
  expect(world.reason("a")).toBe("the graph was not done within its timeout of 1.0 s");
});

test("step() starts nothing any more after a required failure when on_failure is stop", () => {
  const graph = graphOf([get("a"), get("b"), get("c")], { parallel: 1, on_failure: "stop" });
  const world = new SchedulerWorld(graph, firstFails(1)).run();
  expect(world.states()).toEqual({ a: "failed", b: "skipped", c: "skipped" });
  expect(world.reason("b")).toBe("not started: a has failed and on_failure is stop");
});

test("step() lets what runs finish when drained, and goes on from there in a next life", () => {
  const graph = graphOf([get("a"), get("b", ["a"])]);
  const world = new SchedulerWorld(graph, done);
  world.begin();
  world.feed({ type: "drain" });
  while (world.end === undefined) world.next();
  expect(world.end).toBe("stopped");
  expect(world.states()).toEqual({ a: "done", b: "pending" });
});

test("step() calls the outcome of a POST unknown that was under way when the process died, and runs a GET again", () => {
  const graph = graphOf([post("pay"), get("look")]);
  const world = new SchedulerWorld(graph, done);
  world.begin();
  world.restart();
  while (world.end === undefined) world.next();
  expect(world.states()).toEqual({ pay: "failed", look: "done" });
  expect(world.reason("pay")).toStartWith("its outcome is unknown: the run ended while it was under way");
  expect(world.effects.filter((task) => task === 0)).toHaveLength(1);
});

test("step() is quick for a graph of 100,000 tasks where one task stands between two halves", () => {
  const before = Array.from({ length: 50_000 }, (_, index) => get(`b${index}`));
  const behind = Array.from({ length: 49_999 }, (_, index) => get(`c${index}`, ["middle"]));
  const graph = graphOf(
    [
      ...before,
      get(
        "middle",
        before.map(({ id }) => id as string),
      ),
      ...behind,
    ],
    { parallel: 1_000 },
  );
  const world = new BareRun(graph.tasks.length);
  expect(world.run(graph)).toBe(100_000);
});

/** Answers every start at once: only the scheduler's own work counts. */
class BareRun {
  readonly #tasks: number;

  constructor(tasks: number) {
    this.#tasks = tasks;
  }

  run(graph: ReturnType<typeof graphOf>): number {
    const scheduler = new TaskScheduler(graph, { random: seededRandom(1) });
    const starts: [task: number, attempt: number][] = [];
    const take = (effects: readonly TaskEffect[]): void => {
      for (const effect of effects) if (effect.type === "start") starts.push([effect.task, effect.attempt]);
    };
    take(scheduler.step({ type: "begin" }, 0));
    let ended = 0;
    for (let next = starts.pop(); next; next = starts.pop()) {
      ended++;
      take(scheduler.step({ type: "finished", task: next[0], attempt: next[1], outcome: DONE }, ended));
    }
    return Math.min(ended, this.#tasks);
  }
}
