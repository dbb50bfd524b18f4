/**
 * The task graphs of a master: taken, run on its workers, several at once, and gone on with when the master starts again. What
 * it has begun stands in the store of its data directory under its name; runs of others there are left alone.
 */
import { randomUUID } from "node:crypto";
import { resolve } from "node:path";
import type { Clock } from "../../../base/clock.ts";
import { Failure, messageOf } from "../../../base/errors.ts";
import type { Random } from "../../../base/random.ts";
import type { ArtifactShelf } from "../../../work/artifact/index.ts";
import type { WorkerPool } from "../../../work/pipeline/dispatch/index.ts";
import { type StoredRun, type TaskProgress, type TaskRunPlan, TaskStore } from "../../../work/task/index.ts";
import { inspectPlugin } from "../../inspect-plugin.ts";
import { beginRun, type GivenGraph, goOnWithRun, lockRun, newRunId, taskStorePath } from "../../task/begin-run.ts";
import { graphOrRefuse } from "../../task/load-graph.ts";
import type { Pipelines } from "../pipelines.ts";
import { GraphRun, type GraphRunPorts } from "./graph-run.ts";
import { PipelineTasks } from "./pipeline-tasks.ts";
import { TaskWorkers } from "./task-workers.ts";

/** Graphs under way: each is in memory with all its tasks. */
const RUNS_MAX = 64;
const INSPECT_TIMEOUT_MS = 10_000;

export interface MasterTasksPorts {
  readonly dataDir: string | undefined;
  /** The master's id. */
  readonly master: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly pool: WorkerPool;
  readonly shelf: ArtifactShelf;
  readonly pipelines: Pipelines;
  /** For people. */
  readonly tell: (text: string) => void;
  readonly say: (text: string, fields: Readonly<Record<string, unknown>>) => void;
}

export interface TaskRunRequest {
  /** Left out when a run is to go on: it knows its graph. */
  readonly path?: string | undefined;
  readonly parallel?: number | undefined;
  readonly resume?: string | undefined;
  readonly retryFailed?: boolean | undefined;
}

/** How far a run is. */
export interface RunProgress extends Pick<TaskProgress, "counts" | "elapsedMs" | "retries" | "total"> {
  readonly id: string;
  readonly name: string;
}

export class MasterTasks {
  readonly #ports: MasterTasksPorts;
  readonly #storePath: string;
  readonly #store: TaskStore;
  readonly #workers: TaskWorkers;
  readonly #pipelines: PipelineTasks;
  readonly #runs = new Map<string, GraphRun>();
  /** Of this life: a worker may still have attempts of another one. */
  readonly #instance: string;
  #attempts = 0;
  #isLeaving = false;

  /** Fails with `task.store.*`. */
  constructor(ports: MasterTasksPorts) {
    const { clock, dataDir, master, pipelines, pool, tell } = ports;
    this.#ports = ports;
    this.#storePath = taskStorePath(dataDir);
    this.#store = TaskStore.open(this.#storePath);
    this.#workers = new TaskWorkers({ clock, pool, tell });
    this.#pipelines = new PipelineTasks({ dataDir, pipelines, tell });
    this.#instance = `${master}-${randomUUID()}`;
  }

  /** Goes on with what was under way when the master ended. */
  start(): void {
    for (const run of this.#store.runsOf(this.#ports.master)) {
      try {
        this.#goOn(run.id, {}, "goes on");
      } catch (thrown) {
        this.#ports.tell(`the run ${run.id} of ${run.name} cannot go on: ${messageOf(thrown)}`);
      }
    }
  }

  /** The id of the run. Fails with the file's faults, as `goOnWithRun`, or with `master.too_many`; then nothing has begun. */
  async run({ parallel, path, resume, retryFailed = false }: TaskRunRequest): Promise<string> {
    const given = path === undefined ? undefined : await graphOrRefuse(resolve(path));
    if (this.#isLeaving) throw new Failure("master.ending", "this master is about to end", { retryable: true });
    if (this.#runs.size >= RUNS_MAX) {
      const message = `${this.#runs.size} task graphs are under way; at most ${RUNS_MAX} are allowed`;
      throw new Failure("master.too_many", message, { retryable: true });
    }
    if (resume !== undefined) return this.#goOn(resume, { given: given?.graph, retryFailed, parallel }, "goes on").id;
    if (!given) throw new Failure("usage.file", "a task graph's file is required, or the id of a run to go on with");
    return this.#begin({ ...given, parallel }).id;
  }

  /** Undefined for a run that is not under way here. */
  progress(id: string): RunProgress | undefined {
    const run = this.#runs.get(id);
    if (!run) return undefined;
    const { counts, elapsedMs, retries, total } = run.progress();
    return { id, name: run.name, counts: { ...counts }, elapsedMs, retries, total };
  }

  /** Fails with `task.run.not_found`. */
  stored(id: string): StoredRun {
    const run = this.#store.run(id);
    if (run) return run;
    throw new Failure("task.run.not_found", `there is no run ${id}; task list shows those that there are`);
  }

  /** Resolves when it is over. Fails with `task.run.not_found` or `task.run.ended`. */
  async cancel(id: string): Promise<void> {
    const { state } = this.stored(id);
    const run = this.#runs.get(id);
    if (!run) throw new Failure("task.run.ended", `run ${id} is ${state} and not under way here`);
    await run.cancel();
  }

  /** The state of some pipeline has changed: a task may wait for it. */
  pipelineChanged(): void {
    this.#pipelines.changed();
  }

  /** What workers have under way may end until the signal. */
  async leave(signal: AbortSignal): Promise<void> {
    this.#isLeaving = true;
    this.#pipelines.leave();
    await Promise.all([...this.#runs.values()].map((run) => run.leave(signal)));
  }

  async close(): Promise<void> {
    await this.leave(AbortSignal.abort());
    this.#workers.close();
    this.#store.close();
  }

  #begin(given: GivenGraph): GraphRun {
    const id = newRunId();
    const locks = lockRun(this.#storePath, id);
    try {
      const plan = beginRun(this.#store, id, given, this.#ports.master);
      return this.#open({ ...plan, file: given.path, locks }, "begins");
    } catch (thrown) {
      locks.release();
      throw thrown;
    }
  }

  #goOn(
    id: string,
    { given, parallel, retryFailed = false }: { given?: TaskRunPlan["graph"] | undefined } & TaskRunRequest,
    how: string,
  ): GraphRun {
    const locks = lockRun(this.#storePath, id);
    try {
      const plan = goOnWithRun(this.#store, { id, given, parallel, retryFailed }, this.#ports.master);
      return this.#open({ ...plan, file: this.stored(id).file, locks }, how);
    } catch (thrown) {
      locks.release();
      throw thrown;
    }
  }

  #open(plan: ConstructorParameters<typeof GraphRun>[0], how: string): GraphRun {
    const run = new GraphRun(plan, this.#runPorts());
    const { id, name } = run;
    this.#runs.set(id, run);
    this.#ports.say(`task graph ${name} ${how}`, { run: id, tasks: plan.graph.tasks.length });
    void run.over.then((state) => {
      this.#runs.delete(id);
      this.#ports.say(`task graph ${name} is ${state}`, { run: id });
    });
    return run;
  }

  #runPorts(): GraphRunPorts {
    return {
      ...this.#ports,
      store: this.#store,
      workers: this.#workers,
      pipelines: this.#pipelines,
      schemaOf,
      newAttempt: () => `${this.#instance}/${++this.#attempts}`,
    };
  }
}

async function schemaOf(library: string) {
  const plugin = await inspectPlugin(library, INSPECT_TIMEOUT_MS);
  await plugin.close();
  return plugin.loaded.params;
}
