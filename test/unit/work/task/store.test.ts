import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { TaskJournal } from "../../../../src/work/task/journal.ts";
import { TaskStore } from "../../../../src/work/task/store.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";
import { Workspace } from "../../../support/workspace.ts";
import { get, graphOf } from "./support.ts";

const GRAPH = graphOf([get("a"), get("b", ["a"])]);

function openStore(workspace: Workspace): TaskStore {
  const store = TaskStore.open(workspace.at("tasks.db"));
  if (!store.run("r1"))
    store.createRun({ id: "r1", name: "test", file: "g.json", fingerprint: "f", startedMs: 5 }, GRAPH);
  return store;
}

function openJournal(workspace: Workspace) {
  const store = openStore(workspace);
  const clock = new SteppedClock();
  const failures: unknown[] = [];
  const journal = new TaskJournal({ store, run: "r1", clock, failed: (thrown) => void failures.push(thrown) });
  return { store, clock, journal, failures };
}

test("TaskStore gives back what it was given, also to another process", () => {
  using workspace = new Workspace();
  const store = openStore(workspace);
  store.save("r1", [
    { task: 1, state: "failed", attempts: 2, reason: "no", code: "c", startedMs: 1, endedMs: 9, tookMs: 3 },
  ]);
  store.save("r1", [{ task: 0, state: "done", attempts: 1, output: '{"n":1}' }]);
  store.endRun("r1", "failed", 20);
  store.close();
  const again = TaskStore.open(workspace.at("tasks.db"));
  expect(again.graph("r1")).toEqual(GRAPH);
  expect(again.run("r1")).toMatchObject({ state: "failed", tasks: 2, startedMs: 5, endedMs: 20 });
  expect(again.tasks("r1")).toMatchObject([
    { task: 0, state: "done", attempts: 1 },
    { task: 1, state: "failed", attempts: 2, reason: "no", code: "c", startedMs: 1, endedMs: 9, tookMs: 3 },
  ]);
  expect(again.output("r1", 0)).toEqual({ n: 1 });
  again.forgetFailed("r1");
  expect(again.tasks("r1")).toHaveLength(1);
  again.close();
});

test("reopenRun() keeps how many tasks at once it is told, for whoever goes on with the run next", () => {
  using workspace = new Workspace();
  const store = openStore(workspace);
  store.reopenRun("r1", null, 3);
  expect(store.graph("r1")).toEqual({ ...GRAPH, parallel: 3 });
  store.reopenRun("r1", "m1");
  expect(store.graph("r1").parallel).toBe(3);
  store.close();
});

test("TaskStore keeps when a task began first and how long its last attempt took", () => {
  using workspace = new Workspace();
  const store = openStore(workspace);
  store.save("r1", [{ task: 0, state: "waiting", attempts: 1, startedMs: 10, tookMs: 4 }]);
  store.save("r1", [{ task: 0, state: "running", attempts: 2, startedMs: 50 }]);
  expect(store.tasks("r1")).toMatchObject([{ state: "running", attempts: 2, startedMs: 10, tookMs: 4 }]);
  store.close();
});

test("runsOf() gives what an owner has to go on with, also when somebody else had begun it", () => {
  using workspace = new Workspace();
  const store = openStore(workspace);
  for (const [id, owner] of [
    ["r2", "m1"],
    ["r3", "m2"],
    ["r4", "m1"],
  ] as const) {
    store.createRun({ id, name: "test", file: "g.json", fingerprint: "f", startedMs: 5, owner }, GRAPH);
  }
  const idsOf = (owner: string): string[] => store.runsOf(owner).map(({ id }) => id);
  expect([idsOf("m1"), idsOf("m2"), idsOf("m3")]).toEqual([["r2", "r4"], ["r3"], []]);
  store.endRun("r2", "done", 9);
  store.endRun("r3", "stopped", 9);
  expect([idsOf("m1"), idsOf("m2")]).toEqual([["r4"], []]);
  store.reopenRun("r3", "m1");
  store.reopenRun("r4", null);
  expect(idsOf("m1")).toEqual(["r3"]);
  expect(store.run("r3")).toMatchObject({ state: "running", endedMs: null });
  store.close();
});

test("createRun() forgets the oldest ended runs with all that they have left, and none that may go on", () => {
  using workspace = new Workspace();
  const store = TaskStore.open(workspace.at("tasks.db"), 2);
  const states = ["done", "stopped", "failed", "done", "done"] as const;
  for (const [number, state] of states.entries()) {
    const id = `r${number}`;
    store.createRun({ id, name: "test", file: "g.json", fingerprint: "f", startedMs: number }, GRAPH);
    store.save(id, [{ task: 0, state: "done", attempts: 1, output: '{"n":1}' }]);
    store.endRun(id, state, number);
  }
  store.createRun({ id: "new", name: "test", file: "g.json", fingerprint: "f", startedMs: 9 }, GRAPH);
  expect(store.runs(10).map(({ id }) => id)).toEqual(["new", "r4", "r3", "r1"]);
  expect(store.output("r3", 0)).toEqual({ n: 1 });
  store.close();
  const database = new Database(workspace.at("tasks.db"));
  const rows = ["task", "output"].map((table) => database.query(`SELECT count(*) AS n FROM ${table}`).get());
  expect(rows).toEqual([{ n: 3 }, { n: 3 }]);
  database.close();
});

test("TaskStore refuses a file of another version and one that is no database", () => {
  using workspace = new Workspace();
  openStore(workspace).close();
  const database = new Database(workspace.at("tasks.db"));
  database.run("PRAGMA user_version = 99");
  database.close();
  expect(() => TaskStore.open(workspace.at("tasks.db"))).toThrow("has version 99, this program reads 1");
  workspace.write("other.db", "no database at all, but long enough to be looked at as one".repeat(20));
  expect(() => TaskStore.open(workspace.at("other.db"))).toThrow("opening");
});

test("append() writes changes in one group after a few milliseconds, and the last of each task only", () => {
  using workspace = new Workspace();
  const { clock, journal, store } = openJournal(workspace);
  journal.append([{ task: 0, state: "running", attempts: 1 }]);
  clock.advance(1);
  journal.append([{ task: 0, state: "done", attempts: 1, tookMs: 1, output: { n: 1 } }]);
  expect(store.tasks("r1")).toEqual([]);
  expect(journal.output(0)).toEqual({ n: 1 });
  clock.advance(10);
  expect(store.tasks("r1")).toMatchObject([{ task: 0, state: "done", startedMs: 0, endedMs: 1 }]);
  expect(journal.output(0)).toEqual({ n: 1 });
  expect(clock.timers).toBe(0);
  store.close();
});

test("durable() resolves once all that came before is on disk, without waiting for the group", async () => {
  using workspace = new Workspace();
  const { clock, journal, store } = openJournal(workspace);
  await journal.durable();
  journal.append([{ task: 0, state: "running", attempts: 1 }]);
  const durable = journal.durable();
  clock.advance(0);
  await durable;
  expect(store.tasks("r1")).toMatchObject([{ task: 0, state: "running" }]);
  store.close();
});

test("append() flushes at once when enough has come together", () => {
  using workspace = new Workspace();
  const { journal, store } = openJournal(workspace);
  journal.append([{ task: 0, state: "done", attempts: 1, output: "x".repeat(9 * 2 ** 20) }]);
  expect(store.tasks("r1")).toHaveLength(1);
  store.close();
});

test("durable() rejects and failed() is told when the disk refuses", async () => {
  using workspace = new Workspace();
  const { clock, failures, journal, store } = openJournal(workspace);
  journal.append([{ task: 0, state: "running", attempts: 1 }]);
  const durable = journal.durable();
  store.close();
  clock.advance(0);
  expect(await durable.catch((thrown: unknown) => thrown)).toBeInstanceOf(Error);
  expect(failures).toHaveLength(1);
  expect(await journal.durable().catch(() => "refused")).toBe("refused");
});
