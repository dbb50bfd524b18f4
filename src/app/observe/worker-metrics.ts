/** A worker: what masters have given it, and how the stages are that it runs. */
import { type Collect, gauge } from "../../base/metrics.ts";
import { mergeStages, type StageSample, tellStage } from "./stage-metrics.ts";

const QUEUE = gauge("distributed_system_worker_batches", "Batches that the worker has under way, for all masters.");
const TASKS = gauge(
  "distributed_system_worker_tasks",
  "Tasks that the worker has under way, or whose outcome nobody has fetched.",
);
const DEPLOYMENTS = gauge("distributed_system_worker_deployments", "Groups of stages that masters have placed here.");
const CAPACITY = gauge(
  "distributed_system_worker_capacity",
  "Batches that it should have at a time, as it tells its masters.",
);

export interface WorkerPort {
  readonly capacity: number;
  readonly progress: () => readonly {
    readonly pipeline: string;
    readonly queue: number;
    readonly stages: readonly StageSample[];
  }[];
  readonly tasks?: (() => number) | undefined;
}

export function workerMetrics({ capacity, progress, tasks }: WorkerPort): Collect {
  return (out) => {
    const placed = progress();
    out.set(CAPACITY, capacity);
    out.set(DEPLOYMENTS, placed.length);
    out.set(
      QUEUE,
      placed.reduce((sum, { queue }) => sum + queue, 0),
    );
    out.set(TASKS, tasks?.());
    for (const [pipeline, same = []] of Object.entries(Object.groupBy(placed, (each) => each.pipeline))) {
      for (const stage of mergeStages(same.flatMap(({ stages }) => stages))) tellStage(out, pipeline, stage);
    }
  };
}
