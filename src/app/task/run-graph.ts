/**
 * A run of a task graph as the command line drives it: its store and its places put together, begun or gone on with, summed up at its
 * end. One process at a time works on a run; a run whose process died goes on where it was.
 */
import { join } from "node:path";
import { systemClock } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import { seededRandom } from "../../base/random.ts";
import {
  localPlace,
  PluginHosts,
  type RunEnd,
  reportOf,
  type TaskGraph,
  type TaskProgress,
  type TaskReport,
  TaskRun,
  type TaskRunPlan,
  TaskStore,
} from "../../work/task/index.ts";
import type { OutputLocks } from "../output-locks.ts";
import { openReports } from "../report/reports.ts";
import { hostCommand, stateDirectory } from "../self.ts";
import { beginRun, goOnWithRun, lockRun, newRunId, taskStorePath } from "./begin-run.ts";
import { graphOrRefuse } from "./load-graph.ts";
import { pipelinePort } from "./pipeline-port.ts";
import { keepTaskReport, type TaskReportKeeper } from "./task-report.ts";

export type { TaskProgress, TaskReport } from "../../work/task/index.ts";

export interface TaskRunChoices {
  /** Left out where a run is resumed: it knows its graph. */
  readonly file?: string | undefined;
  readonly dataDir?: string | undefined;
  readonly parallel?: number | undefined;
  readonly resume?: string | undefined;
  /** Of a resumed run: failed and skipped tasks too. */
  readonly retryFailed: boolean;
  /** What plugins and pipelines print. */
  readonly show: (from: string, stream: string, line: string) => void;
}

/** What became of a run, and the id of its report. */
export interface EndedTaskRun extends TaskReport {
  readonly report: string;
}

export interface TaskRunHandle {
  readonly id: string;
  readonly name: string;
  readonly resumed: boolean;
  progress(): TaskProgress;
  /** Begins, once it can be stopped; to be called once. Resolves at the end. */
  run(): Promise<EndedTaskRun>;
  /** Starts nothing any more; resolves through `run`. */
  stop(): void;
  abort(reason: string): void;
}

/** Starts nothing yet. Fails when the graph does not check or the run cannot be resumed. */
export async function openTaskRun(choices: TaskRunChoices): Promise<TaskRunHandle> {
  const { file, parallel, resume } = choices;
  const given = file === undefined ? undefined : await graphOrRefuse(file);
  const path = taskStorePath(choices.dataDir);
  const store = TaskStore.open(path);
  let locks: OutputLocks | undefined;
  try {
    const id = resume ?? newRunId();
    locks = lockRun(path, id);
    const { retryFailed } = choices;
    const plan =
      resume === undefined
        ? await beginRun(store, id, { ...(given ?? noFile()), parallel })
        : await goOnWithRun(store, { id, given: given?.graph, parallel, retryFailed });
    return open(plan, store, locks, choices);
  } catch (thrown) {
    store.close();
    locks?.release();
    throw thrown;
  }
}

function open(
  plan: TaskRunPlan,
  store: TaskStore,
  locks: OutputLocks,
  { dataDir, resume, show }: TaskRunChoices,
): TaskRunHandle {
  const clock = systemClock;
  const workDirectory = join(stateDirectory(dataDir), "work");
  const hosts = new PluginHosts({ command: hostCommand(), clock, workDirectory, show });
  const place = localPlace({
    http: { fetch, now: () => clock.now() },
    plugin: (work, signal) => hosts.run(work, signal),
    pipeline: pipelinePort({ dataDir, show }),
  });
  const env = (name: string): string | undefined => process.env[name];
  const warn = (text: string): void => show("report", "warn", text);
  const report = keepTaskReport({
    open: () => openReports(dataDir),
    run: plan.id,
    graph: plan.graph,
    progress: () => run.progress(),
    warn,
  });
  const { observe } = report;
  const run: TaskRun = new TaskRun(plan, { clock, random: seededRandom(process.pid), place, store, env, observe });
  return {
    id: plan.id,
    name: plan.graph.name,
    resumed: resume !== undefined,
    progress: () => run.progress(),
    run: () =>
      finish(run, plan, store, report, () => hosts.close()).finally(() => {
        store.close();
        locks.release();
      }),
    stop: () => run.drain(),
    abort: (reason) => run.abort(reason),
  };
}

async function finish(
  run: TaskRun,
  { graph, id }: { readonly id: string; readonly graph: TaskGraph },
  store: TaskStore,
  report: Pick<TaskReportKeeper, "id" | "end">,
  close: () => Promise<void>,
): Promise<EndedTaskRun> {
  let how: RunEnd = "stopped"; // also where the disk refuses: it can be resumed
  try {
    how = await run.run();
    store.endRun(id, how, systemClock.now());
    return { ...reportOf(store.run(id)!, graph, store.tasks(id)), report: report.id };
  } finally {
    report.end(how === "done" ? "ended" : how);
    await close();
  }
}

function noFile(): never {
  throw new Failure("usage.file", "a task graph's file is required, or --resume with the id of a run");
}
