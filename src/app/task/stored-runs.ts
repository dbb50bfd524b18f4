/** What `task list` and `task show` answer with: runs that are remembered, as plain data. */
import { existsSync } from "node:fs";
import { Failure } from "../../base/errors.ts";
import {
  type Json,
  linesOf,
  reportOf,
  type StoredRun,
  type StoredTask,
  type StoredTaskRuns,
  type TaskLine,
  type TaskReport,
  TaskStore,
} from "../../work/task/index.ts";
import { isUnderWay, taskStorePath } from "./begin-run.ts";

/** `interrupted`: its process is gone, and it can be resumed. */
export type ListedRun = Omit<StoredRun, "state" | "fingerprint"> & {
  readonly state: StoredRun["state"] | "interrupted";
};

export interface ShownRun extends Omit<TaskReport, "state"> {
  readonly state: ListedRun["state"];
  readonly tasks: readonly TaskLine[];
}

export interface ShownTask extends TaskLine, Partial<Pick<StoredTask, "startedMs" | "endedMs">> {
  readonly run: string;
  readonly output?: Json;
}

/** Where runs are remembered, and which of them somebody works on at this moment. */
export interface RememberedRuns {
  readonly store: StoredTaskRuns;
  readonly isUnderWay: (id: string) => boolean;
}

export function listRuns(dataDir: string | undefined, limit: number): readonly ListedRun[] {
  return withFile(dataDir, (runs) => listOf(runs, limit)) ?? [];
}

export function showRun(dataDir: string | undefined, id: string): ShownRun {
  return withFile(dataDir, (runs) => shownOf(runs, id)) ?? notFound(id);
}

/** One task of a run, with what it has left. */
export function showTask(dataDir: string | undefined, id: string, task: string): ShownTask {
  return withFile(dataDir, (runs) => shownTaskOf(runs, id, task)) ?? notFound(id);
}

export function listOf(runs: RememberedRuns, limit: number): readonly ListedRun[] {
  return runs.store.runs(limit).map(({ fingerprint: _, ...run }) => ({ ...run, state: stateOf(runs, run) }));
}

export function shownOf(runs: RememberedRuns, id: string): ShownRun {
  const { store } = runs;
  const run = store.run(id) ?? notFound(id);
  const stored = store.tasks(id);
  const graph = store.graph(id);
  return { ...reportOf(run, graph, stored), state: stateOf(runs, run), tasks: linesOf(graph, stored) };
}

export function shownTaskOf({ store }: RememberedRuns, id: string, task: string): ShownTask {
  if (!store.run(id)) notFound(id);
  const graph = store.graph(id);
  const number = graph.tasks.findIndex((each) => each.id === task);
  if (number < 0) throw new Failure("task.not_found", `run ${id} has no task ${task}`);
  const stored = store.tasks(id);
  const found = stored.find((each) => each.task === number);
  const output = store.output(id, number);
  return {
    run: id,
    ...linesOf(graph, stored)[number]!,
    ...(found && { startedMs: found.startedMs, endedMs: found.endedMs }),
    ...(output !== undefined && { output }),
  };
}

function withFile<T>(dataDir: string | undefined, use: (runs: RememberedRuns) => T): T | undefined {
  const path = taskStorePath(dataDir);
  if (!existsSync(path)) return undefined;
  const store = TaskStore.open(path);
  try {
    return use({ store, isUnderWay: (id) => isUnderWay(dataDir, id) });
  } finally {
    store.close();
  }
}

function stateOf(
  { isUnderWay: works }: RememberedRuns,
  { id, state }: Pick<StoredRun, "id" | "state">,
): ListedRun["state"] {
  return state === "running" && !works(id) ? "interrupted" : state;
}

function notFound(id: string): never {
  throw new Failure("task.run.not_found", `there is no run ${id}; task list shows those that there are`);
}
