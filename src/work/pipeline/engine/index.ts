/** The engine: one run of a pipeline. */
export { type PipelinePlan, type PipelinePorts, PipelineRun, type RunEnd } from "./pipeline-run.ts";
export { type CountsJson, type RunCounts, toJson } from "./run-counts.ts";
export type { StageProgress } from "./stage-at-work.ts";
export type { Policy, StageCounts, StageEvent, StagePlan } from "./types.ts";
