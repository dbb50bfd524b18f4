/**
 * Where runs of task graphs begin and go on: the store of a data directory, the lock that lets one process at a time work on a
 * run, and what a run has to be to go on.
 */
import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import { systemClock } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import type { StoredTaskRuns, TaskChange, TaskGraph, TaskRunPlan } from "../../work/task/index.ts";
import { lockOutputs, type OutputLocks } from "../output-locks.ts";
import { stateDirectory } from "../self.ts";

export interface GivenGraph {
  readonly path: string;
  readonly graph: TaskGraph;
  /** Tasks at once, instead of what the graph says; kept with the run. */
  readonly parallel?: number | undefined;
  /** What is kept of the files that its tasks need. */
  readonly files?: string | undefined;
  /** Under which it is found again by who asked for it. */
  readonly key?: string | undefined;
  /** What was asked for under the key, as a digest. */
  readonly asked?: string | undefined;
  /** When it begins; now where it is left out. */
  readonly startedMs?: number | undefined;
}

export interface RunToGoOn {
  readonly id: string;
  /** As the file says it now, when one was named. */
  readonly given?: TaskGraph | undefined;
  /** Failed and skipped tasks too. */
  readonly retryFailed: boolean;
  /** From now on, instead of what the run began with. */
  readonly parallel?: number | undefined;
  readonly files?: string | undefined;
}

export function taskStorePath(dataDir: string | undefined): string {
  return join(stateDirectory(dataDir), "tasks", "tasks.db");
}

/** Durable when it resolves. `owner` is whoever goes on with it by itself. */
export async function beginRun(
  store: StoredTaskRuns,
  id: string,
  given: GivenGraph,
  owner?: string,
): Promise<TaskRunPlan> {
  const { asked, files, key, parallel, path, startedMs = systemClock.now() } = given;
  const graph = parallel === undefined ? given.graph : { ...given.graph, parallel };
  await store.createRun(
    {
      id,
      name: graph.name,
      file: path,
      fingerprint: fingerprintOf(graph),
      startedMs,
      owner,
      files,
      ...(key !== undefined && { key, asked }),
    },
    graph,
  );
  return { id, graph, history: [] };
}

/** Durable when it resolves. Fails with `task.run.not_found`, `task.run.ended` or `task.run.changed`; then nothing has changed. */
export async function goOnWithRun(store: StoredTaskRuns, toGoOn: RunToGoOn, owner?: string): Promise<TaskRunPlan> {
  const { files, given, id, parallel, retryFailed } = toGoOn;
  const run = store.run(id);
  if (!run) throw new Failure("task.run.not_found", `there is no run ${id}; task list shows those that there are`);
  if (run.state === "done" || (run.state === "failed" && !retryFailed)) {
    const hint = run.state === "failed" ? "; --retry-failed runs its failed tasks again" : "";
    throw new Failure("task.run.ended", `run ${id} has ended (${run.state}), nothing is left to do${hint}`);
  }
  if (given && fingerprintOf(given) !== run.fingerprint) {
    const message = `run ${id} began with another graph than the file holds now; resume it without the file, or begin a new run`;
    throw new Failure("task.run.changed", message);
  }
  if (retryFailed) await store.forgetFailed(id);
  await store.reopenRun(id, owner ?? null, parallel, files);
  return planOfRun(store, id);
}

/** What is left to do of a run, as it is stored. */
export function planOfRun(store: StoredTaskRuns, id: string): TaskRunPlan {
  const history = store.tasks(id).map(({ attempts, state, task }) => ({ attempts, state, task }) as TaskChange); // pending ones have no row
  return { id, graph: store.graph(id), history };
}

/** Sorts by time; unique enough to be part of an idempotency key that others keep. */
export function newRunId(): string {
  const time = new Date(systemClock.now()).toISOString().replace(/\D/g, "").slice(0, 14);
  return `${time}-${randomBytes(5).toString("hex")}`;
}

/** Fails with `task.run.in_use`. */
export function lockRun(storePath: string, id: string): OutputLocks {
  try {
    return lockOutputs([`${storePath}.${id}`]);
  } catch (thrown) {
    throw new Failure("task.run.in_use", `run ${id} is under way in another process`, { cause: thrown });
  }
}

/** Whether a process works on the run at this moment. */
export function isUnderWay(dataDir: string | undefined, id: string): boolean {
  try {
    lockRun(taskStorePath(dataDir), id).release();
    return false;
  } catch {
    return true;
  }
}

/** How many run at once is nobody's business but the machine's. */
function fingerprintOf({ parallel: _, ...graph }: TaskGraph): string {
  return createHash("sha256").update(JSON.stringify(graph)).digest("hex");
}
