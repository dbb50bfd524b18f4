/** What a run begins with and goes on with: its graph is in the store, and so is how many tasks at once it was told. */
import { expect, test } from "bun:test";
import { beginRun, goOnWithRun } from "../../../../src/app/task/begin-run.ts";
import { parseTaskGraph, TaskStore } from "../../../../src/work/task/index.ts";
import { Workspace } from "../../../support/workspace.ts";

const TEXT = JSON.stringify({ name: "g", parallel: 9, tasks: [{ id: "a", type: "GET", url: "http://127.0.0.1/" }] });
const graph = parseTaskGraph(TEXT, { file: "g.json", resolvePath: (path) => path }).graph!;

test("goOnWithRun() goes on with as many tasks at once as the run was told last", async () => {
  using workspace = new Workspace();
  const store = TaskStore.open(workspace.at("tasks.db"));
  const parallelOf = async (parallel?: number): Promise<number> =>
    (await goOnWithRun(store, { id: "r", given: graph, retryFailed: false, parallel })).graph.parallel;
  expect((await beginRun(store, "r", { path: "/g.json", graph, parallel: 2 })).graph.parallel).toBe(2);
  expect([await parallelOf(), await parallelOf(5), await parallelOf()]).toEqual([2, 5, 5]);
  expect((await beginRun(store, "s", { path: "/g.json", graph })).graph.parallel).toBe(9);
  store.close();
});
