/**
 * The task graphs of a master: taken, run on its workers, several at once, and gone on with by whoever leads next. What was begun
 * stands in the state that the masters keep.
 */
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Clock } from "../../../base/clock.ts";
import { Failure, messageOf } from "../../../base/errors.ts";
import { isDeposed } from "../../../base/kept-state.ts";
import type { Random } from "../../../base/random.ts";
import type { ArtifactShelf } from "../../../work/artifact/index.ts";
import type { WorkerPool } from "../../../work/pipeline/dispatch/index.ts";
import type { StoredReports } from "../../../work/report/index.ts";
import {
  GRAPH_BYTES_MAX,
  type KeptTaskRuns,
  type NewRun,
  type StoredRun,
  type TaskGraph,
  type TaskProgress,
  type TaskRunPlan,
} from "../../../work/task/index.ts";
import { inspectPlugin } from "../../inspect-plugin.ts";
import { beginRun, goOnWithRun, newRunId, planOfRun } from "../../task/begin-run.ts";
import { graphOrRefuse } from "../../task/load-graph.ts";
import type { RememberedRuns } from "../../task/stored-runs.ts";
import type { Pipelines } from "../pipelines.ts";
import type { GraphFiles, SubmittedFiles } from "../submitted/submitted-files.ts";
import { GraphRun, type GraphRunPorts } from "./graph-run.ts";
import { PipelineTasks } from "./pipeline-tasks.ts";
import { TaskWorkers } from "./task-workers.ts";

/** Graphs under way: each is in memory with all its tasks. */
const RUNS_MAX = 64;
const INSPECT_TIMEOUT_MS = 10_000;
/** Who asks again asks soon: what was lost on the way is missed at once. */
const KEY_MS = 24 * 3_600_000;
/** Whose runs they are: whoever leads goes on with them. */
const OWNER = "masters";

export interface MasterTasksPorts {
  /** The master's id: where pipelines run. */
  readonly master: string;
  /** Another one in each life of each master. */
  readonly instance: string;
  readonly store: KeptTaskRuns;
  readonly files: Pick<SubmittedFiles, "keepGraph" | "graph">;
  readonly reports: StoredReports;
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
  /** Of who asks for a new run of `path`: the same one gives the same run. */
  readonly key?: string | undefined;
}

interface Keyed {
  /** Of one graph's file: clients of others cannot come upon its runs. */
  readonly key: string;
  readonly asked: string | undefined;
}

/** How far a run is. */
export interface RunProgress extends Pick<TaskProgress, "counts" | "elapsedMs" | "retries" | "total"> {
  readonly id: string;
  readonly name: string;
}

export class MasterTasks {
  readonly #ports: MasterTasksPorts;
  readonly #workers: TaskWorkers;
  readonly #pipelines: PipelineTasks;
  readonly #runs = new Map<string, GraphRun>();
  /** Runs that begin or go on in a moment. */
  readonly #opening = new Set<string>();
  /** Runs with a key that have not begun yet. */
  readonly #keyed = new Map<string, Promise<string>>();
  #attempts = 0;
  #isLeaving = false;

  constructor(ports: MasterTasksPorts) {
    const { clock, pipelines, pool, reports, tell } = ports;
    this.#ports = ports;
    this.#workers = new TaskWorkers({ clock, pool, tell });
    this.#pipelines = new PipelineTasks({ reports, pipelines, tell });
  }

  /** Goes on with what was under way when the master before ended. */
  start(): void {
    const { store, tell } = this.#ports;
    for (const { id, name } of store.runsOf(OWNER)) {
      try {
        this.#open(planOfRun(store, id), "goes on");
      } catch (thrown) {
        tell(`the run ${id} of ${name} cannot go on: ${messageOf(thrown)}`);
      }
    }
  }

  /** For who asks. */
  get remembered(): RememberedRuns {
    return { store: this.#ports.store, isUnderWay: (id) => this.#runs.has(id) || this.#opening.has(id) };
  }

  /**
   * The id of the run. Fails with the file's faults, as `goOnWithRun`, with `master.too_many`, or with `task.run.key_reused` where the key
   * is that of a run of another file's content; then nothing has begun.
   */
  async run(request: TaskRunRequest): Promise<string> {
    const { key, path, resume } = request;
    if (key === undefined || path === undefined || resume !== undefined) return this.#run(request, undefined);
    const own = { key: digestOf([resolve(path), key]), asked: await contentOf(resolve(path), request.parallel) };
    return this.#once(own, () => this.#run(request, own));
  }

  /** While one with this key begins the others wait; where it could not, the next one tries in its place. */
  async #once({ asked, key }: Keyed, begin: () => Promise<string>): Promise<string> {
    for (let first = this.#keyed.get(key); first; first = this.#keyed.get(key)) await first.catch(() => {});
    const { clock, store } = this.#ports;
    const known = store.runWithKey(key, clock.now() - KEY_MS);
    if (known !== undefined) return sameOrRefuse(known, asked);
    const beginning = begin(); // from the last look to the next line nothing else can run
    this.#keyed.set(key, beginning);
    try {
      return await beginning;
    } finally {
      this.#keyed.delete(key);
    }
  }

  async #run(request: TaskRunRequest, keyed: Keyed | undefined): Promise<string> {
    const { parallel, path, resume, retryFailed = false } = request;
    const given = path === undefined ? undefined : await graphOrRefuse(resolve(path));
    if (this.#isLeaving) throw new Failure("master.ending", "this master is about to end", { retryable: true });
    if (this.#runs.size + this.#opening.size >= RUNS_MAX) {
      const message = `${this.#runs.size} task graphs are under way; at most ${RUNS_MAX} are allowed`;
      throw new Failure("master.too_many", message, { retryable: true });
    }
    const { clock, store } = this.#ports;
    if (resume !== undefined) {
      const toGoOn = { id: resume, given: given?.graph, retryFailed, parallel };
      return this.#opened(resume, "goes on", async () =>
        goOnWithRun(store, { ...toGoOn, files: await this.#filesNow(resume) }, OWNER),
      );
    }
    if (!given) throw new Failure("usage.file", "a task graph's file is required, or the id of a run to go on with");
    const id = newRunId();
    return this.#opened(id, "begins", async () => {
      const files = await this.#ports.files.keepGraph(given.path, filesIn(given.graph));
      return beginRun(store, id, { ...given, ...keyed, files, parallel, startedMs: clock.now() }, OWNER);
    });
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
    const run = this.#ports.store.run(id);
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

  /** Another master leads: everything ends at once, and nobody hears of it. */
  async drop(reason: string): Promise<void> {
    this.#isLeaving = true;
    this.#pipelines.leave();
    await Promise.all([...this.#runs.values()].map((run) => run.drop(reason)));
    this.#workers.close();
  }

  async close(): Promise<void> {
    await this.leave(AbortSignal.abort());
    this.#workers.close();
  }

  /** Who goes on by hand means what the files say now; where they are not there, or faulty, what they said stays. */
  async #filesNow(id: string): Promise<string | undefined> {
    const { files, store } = this.#ports;
    const [{ file }, graph] = [this.stored(id), store.graph(id)];
    try {
      return await files.keepGraph(file, filesIn(graph));
    } catch (thrown) {
      if (isDeposed(thrown)) throw thrown;
      return undefined;
    }
  }

  /** One at a time works on a run. */
  async #opened(id: string, how: string, store: () => Promise<TaskRunPlan>): Promise<string> {
    if (this.#runs.has(id) || this.#opening.has(id))
      throw new Failure("task.run.in_use", `run ${id} is under way already`);
    this.#opening.add(id);
    try {
      const plan = await store();
      if (this.#isLeaving) throw new Failure("master.ending", "this master is about to end", { retryable: true });
      return this.#open(plan, how).id;
    } finally {
      this.#opening.delete(id);
    }
  }

  #open(plan: TaskRunPlan, how: string): GraphRun {
    const kept = this.#ports.store.filesOf(plan.id);
    const files = kept === undefined ? undefined : () => this.#ports.files.graph(kept);
    const run = new GraphRun({ ...plan, file: this.stored(plan.id).file, files }, this.#runPorts());
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
      workers: this.#workers,
      pipelines: this.#pipelines,
      schemaOf,
      newAttempt: () => `${this.#ports.instance}/${++this.#attempts}`,
    };
  }
}

/** What the file holds, not what is read out of it: a graph that is a program may be another one each time. Undefined: nothing can be said. */
async function contentOf(path: string, parallel: number | undefined): Promise<string | undefined> {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? Number.POSITIVE_INFINITY;
  if (size > GRAPH_BYTES_MAX) return undefined;
  const text = await readFile(path, "latin1").catch(() => undefined); // whoever reads it as a graph says why
  return text === undefined ? undefined : digestOf([text, parallel ?? null]);
}

function sameOrRefuse(known: Pick<NewRun, "id" | "asked">, asked: string | undefined): string {
  if (known.asked === undefined || asked === undefined || known.asked === asked) return known.id;
  const message = `the key is that of run ${known.id}, which began with another content of the graph's file, or another \`parallel\`; another key is required`;
  throw new Failure("task.run.key_reused", message, { data: { run: known.id } });
}

/** One length, whatever it holds. */
function digestOf(parts: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

function filesIn({ tasks }: TaskGraph): GraphFiles {
  const plugins = tasks.flatMap(({ work }) => (work.type === "plugin" ? [work.library] : []));
  const pipelines = tasks.flatMap(({ work }) => (work.type === "pipeline" ? [work.file] : []));
  return { plugins: [...new Set(plugins)], pipelines: [...new Set(pipelines)] };
}

async function schemaOf(library: string) {
  const plugin = await inspectPlugin(library, INSPECT_TIMEOUT_MS);
  await plugin.close();
  return plugin.loaded.params;
}
