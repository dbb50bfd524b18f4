/** The stages of a run: their hosts, and every batch's way through them. */
export { Edge, NO_SLOT, type Slot } from "./edge.ts";
export {
  EMPTY_BATCHES,
  type Executor,
  type ExecutorFactory,
  type ExecutorOptions,
  type FencePorts,
  type Way,
} from "./executor.ts";
export { ItemTrace } from "./item-trace.ts";
export type { ChangeReport } from "./live-change.ts";
export type { PipelinePorts } from "./pipeline-ports.ts";
export { PipelineStages } from "./pipeline-stages.ts";
export { FAILED_OVER } from "./stage.ts";
export type { StageProgress } from "./stage-at-work.ts";
export {
  addCounts,
  emptyCounts,
  type Fence,
  type Item,
  type ItemResult,
  type Policy,
  type StageCounts,
  type StageEvent,
  type StagePlan,
} from "./types.ts";
export { WaitMeter } from "./wait-meter.ts";
