// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references are written like this
import { expect, test } from "bun:test";
import { seededRandom } from "../../../../src/base/random.ts";
import {
  type Json,
  type TaskChange,
  type TaskGraph,
  type TaskOutcome,
  type TaskPlace,
  TaskRun,
} from "../../../../src/work/task/index.ts";
import { Outputs } from "../../../../src/work/task/outputs.ts";
import type { ReadyTask } from "../../../../src/work/task/ready-task.ts";
import type { TimedChange } from "../../../../src/work/task/stored-runs.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";
import { until } from "../../../support/until.ts";
import { get, graphOf, post } from "./support.ts";

class MemoryStore {
  readonly saved = new Map<number, TimedChange>();
  saves = 0;
  broken = false;

  save(_run: string, changes: Iterable<TimedChange>): void {
    if (this.broken) throw new Error("disk full");
    this.saves++;
    for (const change of changes) this.saved.set(change.task, change);
  }

  output(_run: string, task: number): Json | undefined {
    const text = this.saved.get(task)?.output;
    return text === undefined ? undefined : (JSON.parse(text) as Json);
  }
}

type Execute = (task: ReadyTask, attempt: number, signal: AbortSignal) => TaskOutcome | Promise<TaskOutcome>;

function rig(graph: TaskGraph, execute: Execute, history: readonly TaskChange[] = []) {
  const store = new MemoryStore();
  const clock = new SteppedClock();
  const asked: ReadyTask[] = [];
  const place: TaskPlace = {
    capacity: 10,
    execute: async (task, { attempt, signal }) => {
      asked.push(task);
      return execute(task, attempt, signal);
    },
  };
  const env = (name: string): string | undefined => (name === "BASE" ? "http://base" : undefined);
  const run = new TaskRun({ id: "r1", graph, history }, { clock, random: seededRandom(1), place, store, env });
  const states = (): unknown[] => graph.tasks.map((_, task) => store.saved.get(task)?.state);
  return { run, store, clock, asked, states, place };
}

const hang: Execute = (_, __, signal) =>
  new Promise((resolve) => {
    const gone = { state: "failed", code: "x", reason: "given up", retryable: true } as const;
    signal.addEventListener("abort", () => resolve(gone), { once: true });
  });

/** Runs what waits for timers to be due, until the run ends. */
async function toEnd<T>(clock: SteppedClock, ended: Promise<T>): Promise<T> {
  let over = false;
  const watched = ended.finally(() => {
    over = true;
  });
  watched.catch(() => {});
  await until("the run ends", () => {
    if (!over) clock.advance(1);
    return over;
  });
  return watched;
}

test("run() fills in what other tasks have left, variables and states", async () => {
  const graph = graphOf(
    [
      get("a", [], { url: "${env.BASE}/a" }),
      post("b", ["a"], {
        url: "${env.BASE}/${tasks.a.output.id}",
        body: { id: "${tasks.a.output.id}" },
        idempotency_key: true,
      }),
    ],
    { env: ["BASE"] },
  );
  const { asked, clock, run, states } = rig(graph, () => ({ state: "done", output: { id: 7 } }));
  expect(await toEnd(clock, run.run())).toBe("done");
  expect(asked[0]).toMatchObject({ run: "r1", id: "a", work: { url: "http://base/a" } });
  expect(asked[1]).toMatchObject({ work: { url: "http://base/7", body: { id: 7 }, idempotencyKey: "r1.b" } });
  expect(states()).toEqual(["done", "done"]);
});

test("run() fails a task whose reference leads nowhere, without asking the place", async () => {
  const graph = graphOf([get("a"), get("b", ["a"], { url: "${tasks.a.output.link}", retry: 3 })]);
  const { asked, clock, run, store } = rig(graph, () => ({ state: "done", output: {} }));
  expect(await toEnd(clock, run.run())).toBe("failed");
  expect(asked).toHaveLength(1);
  expect(store.saved.get(1)).toMatchObject({ attempts: 1, code: "task.reference.unknown" });
});

test("run() executes what is not idempotent only after its start is on disk", async () => {
  const { asked, clock, run, states, store } = rig(graphOf([post("pay")]), (_, __, ___) => {
    expect(states()).toEqual(["running"]);
    return { state: "done", output: null };
  });
  const ended = run.run();
  await Promise.resolve();
  expect(asked).toHaveLength(0);
  expect(await toEnd(clock, ended)).toBe("done");
  expect(store.saves).toBe(2);
});

test("run() gives a hanging attempt up at its timeout", async () => {
  const { clock, run, store } = rig(graphOf([get("a", [], { timeout: 30 })]), hang);
  expect(await toEnd(clock, run.run())).toBe("failed");
  expect(store.saved.get(0)?.code).toBe("task.timeout");
});

test("run() starts tasks as its place has room for them, and hears no more of it at the end", async () => {
  const graph = graphOf([get("a"), get("b")]);
  let capacity = 0;
  let changed: (() => void) | undefined;
  const { clock, place, run } = rig(graph, () => ({ state: "done", output: null }));
  Object.defineProperty(place, "capacity", { get: () => capacity });
  place.watch = (listener) => {
    changed = listener;
    return {
      close() {
        changed = undefined;
      },
    };
  };
  const ended = run.run();
  expect(run.progress().counts).toMatchObject({ pending: 2, running: 0 });
  capacity = 1;
  changed!();
  expect(run.progress().counts).toMatchObject({ pending: 1, running: 1 });
  expect(await toEnd(clock, ended)).toBe("done");
  expect(changed).toBeUndefined();
});

test("drain() lets what runs finish and starts nothing more", async () => {
  const answer = Promise.withResolvers<TaskOutcome>();
  const { clock, run, states } = rig(graphOf([get("a"), get("b", ["a"])]), () => answer.promise);
  const ended = run.run();
  run.drain();
  answer.resolve({ state: "done", output: null });
  expect(await toEnd(clock, ended)).toBe("stopped");
  expect(states()).toEqual(["done", undefined]);
});

test("abort() leaves what runs on record as running", async () => {
  const { clock, run, states } = rig(graphOf([get("a")]), hang);
  const ended = run.run();
  run.abort("a second signal");
  expect(await toEnd(clock, ended)).toBe("stopped");
  expect(states()).toEqual(["running"]);
});

test("run() does not ask again for what an earlier process has done", async () => {
  const graph = graphOf([get("a"), get("b", ["a"], { url: "http://x/${tasks.a.output}" })]);
  const { asked, clock, run, store } = rig(graph, () => ({ state: "done", output: null }), [
    { task: 0, state: "done", attempts: 1 },
  ]);
  store.saved.set(0, { task: 0, state: "done", attempts: 1, output: '"kept"' });
  expect(await toEnd(clock, run.run())).toBe("done");
  expect(asked.map(({ work }) => work)).toMatchObject([{ url: "http://x/kept" }]);
  expect(run.progress().counts).toMatchObject({ done: 2, pending: 0 });
});

test("run() rejects and gives up what runs when the disk refuses", async () => {
  let gaveUp = false;
  const { clock, run, store } = rig(graphOf([get("a")]), async (task, attempt, signal) => {
    const outcome = await hang(task, attempt, signal);
    gaveUp = true;
    return outcome;
  });
  store.broken = true;
  expect(await toEnd(clock, run.run()).catch((thrown: unknown) => String(thrown))).toContain("disk full");
  await until("the attempt is given up", () => gaveUp);
});

test("Outputs keeps the latest within its limit and loads the others", () => {
  const graph = graphOf([
    get("a"),
    get("b"),
    get("c"),
    get("d", ["a", "b"], { url: "http://x/${tasks.a.output}${tasks.b.output}" }),
  ]);
  const loaded: number[] = [];
  const outputs = new Outputs(
    graph,
    (task) => {
      loaded.push(task);
      return `loaded ${task}`;
    },
    12,
  );
  outputs.keep(0, "aaaaaaa");
  outputs.keep(1, "bbbbbbb");
  outputs.keep(2, "nobody asks for it");
  expect([outputs.of("a"), outputs.of("b"), outputs.of("nobody")]).toEqual(["loaded 0", "bbbbbbb", undefined]);
  expect(loaded).toEqual([0]);
});
