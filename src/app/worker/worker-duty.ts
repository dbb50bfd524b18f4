/**
 * What a worker does besides being a member: runs the stages that masters place on it, in a supervision tree of their own each,
 * with files fetched by content. When it is told to leave it says so, and its masters take their batches elsewhere first.
 */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import { printable } from "../../base/printable.ts";
import { seededRandom } from "../../base/random.ts";
import type { Tracer } from "../../base/trace.ts";
import { ArtifactStore } from "../../work/artifact/index.ts";
import { Worker } from "../../work/pipeline/dispatch/index.ts";
import type { PipelinePorts } from "../../work/pipeline/stages/index.ts";
import type { NodeDuty } from "../node/node-duty.ts";
import type { OpenedNode } from "../node/open-node.ts";
import type { NodeSettings } from "../node/settings.ts";
import { noticesOf } from "../notices.ts";
import { hostCommand, stateDirectory } from "../self.ts";
import { machineLoad } from "./machine-load.ts";
import { unpackPlan, unpackSettings } from "./packed-plan.ts";
import { TaskPlugins } from "./task-plugins.ts";
import { TaskWorker } from "./task-worker.ts";

export const WORKER_ROLE = "worker";

export interface WorkerChoices {
  readonly settings: NodeSettings;
  /** What it waits for its masters to take their work away when it is told to leave. */
  readonly drainMs: number;
  readonly logger: Logger;
  readonly tracer?: Tracer;
}

export async function workerDuty({ drainMs, settings, tracer, ...choices }: WorkerChoices): Promise<NodeDuty> {
  const logger = choices.logger.child({ component: "worker" });
  const state = stateDirectory(settings.dataDir);
  const store = await ArtifactStore.open(join(state, "artifacts"));
  const capacity = settings.capacities.cpu ?? availableParallelism();
  const machine = machineLoad(() => systemClock.monotonic());
  let node: OpenedNode | undefined;
  const worker = new Worker({
    clock: systemClock,
    capacity: Math.max(1, capacity),
    pipelinePorts: (pipeline) => ({ ...portsFor(pipeline, join(state, "work"), logger), tracer }),
    settings: unpackSettings,
    unpack: (packed, master) => unpackPlan(packed, store, master),
    linkTo: (peer) => node?.links.byId(peer),
    load: () => machine() ?? NOT_YET_KNOWN,
    tell: (text) => logger.warn(text),
  });
  const { plugins, tasks } = openTasks(store, join(state, "work"), logger);
  return {
    command: WORKER_ROLE,
    handlers: { ...worker.handlers, ...tasks.handlers },
    trees: () => worker.trees(),
    observed: () => ({ worker: { capacity, progress: () => worker.progress(), tasks: () => tasks.queue } }),
    opened: (opened) => {
      node = opened;
    },
    ending: () => drained(worker, tasks, drainMs, logger),
    closed: async () => {
      tasks.close();
      await plugins.close();
      await worker.close();
      await store[Symbol.asyncDispose]();
    },
  };
}

/** For the first half second of a worker: its master takes the machine for idle. */
const NOT_YET_KNOWN = { cpu: 0, memory: 0 } as const;

/** What is still here at the end of the time is refused, so that others do it at once, and nobody waits for its answers here. */
async function drained(worker: Worker, tasks: TaskWorker, drainMs: number, logger: Logger): Promise<void> {
  const over = Promise.withResolvers<"late">();
  const timer = systemClock.after(drainMs, () => over.resolve("late"));
  const how = await Promise.race([Promise.all([worker.leave(), tasks.leave()]), over.promise]);
  timer.cancel();
  if (how === "late") {
    const left = `${worker.queue} batches and ${tasks.queue} tasks`;
    logger.warn(`leaves with ${left} under way: they were not taken over in time`);
    tasks.close();
    await worker.close();
  }
}

function openTasks(store: ArtifactStore, workDirectory: string, logger: Logger) {
  const plugins = new TaskPlugins({
    clock: systemClock,
    store,
    command: hostCommand(),
    workDirectory,
    show: (plugin, stream, line) => logger.info(printable(line), { plugin, stream }),
  });
  const tasks = new TaskWorker({
    clock: systemClock,
    http: { fetch, now: () => systemClock.now() },
    plugin: (...task) => plugins.run(...task),
  });
  return { plugins, tasks };
}

function portsFor(pipeline: string, workDirectory: string, logger: Logger): PipelinePorts {
  return {
    clock: systemClock,
    random: seededRandom(process.pid),
    host: hostCommand(),
    workDirectory,
    show: (stage, stream, line) => logger.info(printable(line), { pipeline, stage, stream }),
    observe: noticesOf((text) => logger.warn(text, { pipeline }), systemClock),
  };
}
