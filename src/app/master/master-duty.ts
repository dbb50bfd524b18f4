/**
 * What a master does besides being a member: takes pipelines, runs them on the cluster's workers, and answers for them. What it
 * was asked to do is on disk, so a master that is killed and started again goes on with all of it.
 */
import { randomInt, randomUUID } from "node:crypto";
import { join } from "node:path";
import { systemClock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import { printable } from "../../base/printable.ts";
import { seededRandom } from "../../base/random.ts";
import { ArtifactShelf, artifactHandlers } from "../../work/artifact/index.ts";
import { prepareOrRefuse } from "../check-pipeline.ts";
import type { NodeDuty } from "../node/node-duty.ts";
import type { NodeSettings } from "../node/settings.ts";
import { newReportId, openReports } from "../report/reports.ts";
import { stateDirectory } from "../self.ts";
import type { MasterPipeline, MasterPipelinePorts } from "./master-pipeline.ts";
import { MasterWorkers } from "./master-workers.ts";
import { Pipelines, type SubmitRequest } from "./pipelines.ts";
import type { PipelineView } from "./pipelines-contract.ts";
import { pipelinesService } from "./pipelines-service.ts";
import { Submissions } from "./submissions.ts";
import { MasterTasks, type MasterTasksPorts } from "./tasks/master-tasks.ts";
import { tasksService } from "./tasks/tasks-service.ts";

export const MASTER_ROLE = "master";

export interface MasterChoices {
  readonly settings: NodeSettings;
  /** Pipelines to run from the start, unless they are known already. */
  readonly submit: readonly SubmitRequest[];
  /** End when they are over. */
  readonly untilDone: boolean;
  /** What batches under way get to be committed when the master is told to end. */
  readonly drainMs: number;
  readonly logger: Logger;
  /** Told when the state of a pipeline changes. */
  readonly changed: (view: PipelineView) => void;
  /** Told what happens between a pipeline and its workers. */
  readonly dispatched: MasterPipelinePorts["dispatched"];
}

export interface Master {
  readonly duty: NodeDuty;
  /** Of the pipelines named at the start, once they are over. */
  outcomes(): readonly MasterPipeline[];
}

export async function openMaster(choices: MasterChoices): Promise<Master> {
  const { changed, dispatched, drainMs, logger, settings, submit, untilDone } = choices;
  const { dataDir, id } = settings;
  const state = stateDirectory(dataDir);
  await using opening = new AsyncDisposableStack();
  const submissions = opening.adopt(new Submissions(join(state, "masters", `${id}.db`)), (each) => each.close());
  const shelf = opening.use(await ArtifactShelf.open(join(state, "shelves")));
  const reports = opening.adopt(openReports(dataDir), (each) => each.close());
  const drained = { all: () => submissions.drained(), set: submissions.setDrained.bind(submissions) };
  const workers = opening.adopt(new MasterWorkers({ clock: systemClock, logger, drained }), (each) => each.close());
  let named: readonly MasterPipeline[] = [];
  let whenDone = (): void => {};
  const pipelines = new Pipelines({
    dataDir,
    instance: `${id}-${randomUUID().slice(0, 8)}`,
    pool: workers,
    shelf,
    submissions,
    newId: (name) => newReportId(reports, name),
    nowMs: () => systemClock.now(),
    check: prepareOrRefuse,
    show: (stage, stream, line) => logger.info(printable(line), { stage, stream }),
    tell: (text) => logger.warn(text),
    dispatched,
    changed: (view, isNews) => {
      if (isNews) changed(view);
      whenDone();
      tasks.pipelineChanged();
    },
  });
  opening.defer(() => pipelines.close());
  const parts = { pool: workers, shelf, pipelines };
  const tasks = opening.adopt(openTasks(choices, parts), (each) => each.close());
  const closing = opening.move();
  const duty: NodeDuty = {
    command: MASTER_ROLE,
    handlers: { ...workers.handlers, ...artifactHandlers(shelf) },
    services: [pipelinesService(pipelines, workers), tasksService(tasks, dataDir)],
    trees: () => pipelines.list().flatMap((each) => each.tree() ?? []),
    async opened({ links, membership }, stop) {
      workers.follow(membership, links);
      pipelines.start();
      tasks.start();
      named = await Promise.all(submit.map((request) => pipelines.submitOnce(request)));
      whenDone = () => {
        if (untilDone && named.length > 0 && named.every(({ isOver }) => isOver)) stop("all pipelines are over");
      };
      whenDone();
    },
    ending: () => left(pipelines, tasks, drainMs, logger),
    closed: () => closing.disposeAsync(),
  };
  return { duty, outcomes: () => named };
}

type TaskParts = Pick<MasterTasksPorts, "pool" | "shelf" | "pipelines">;

function openTasks({ logger, settings: { dataDir, id } }: MasterChoices, parts: TaskParts): MasterTasks {
  return new MasterTasks({
    ...parts,
    dataDir,
    master: id,
    clock: systemClock,
    random: seededRandom(randomInt(2 ** 32)),
    tell: (text) => logger.warn(text),
    say: (text, fields) => logger.info(text, fields),
  });
}

async function left(pipelines: Pipelines, tasks: MasterTasks, drainMs: number, logger: Logger): Promise<void> {
  const over = Promise.withResolvers<"late">();
  const limit = new AbortController();
  const timer = systemClock.after(drainMs, () => {
    limit.abort();
    over.resolve("late");
  });
  const how = await Promise.race([Promise.all([pipelines.leave(), tasks.leave(limit.signal)]), over.promise]);
  timer.cancel();
  if (how === "late") logger.warn("ends with batches under way: they are done again by the next start");
}
