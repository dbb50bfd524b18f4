/** The engine: one run of a pipeline. */
export type { ChangeReport } from "./live-change.ts";
export type { PipelinePorts } from "./pipeline-ports.ts";
export { type PipelinePlan, PipelineRun, type RunEnd } from "./pipeline-run.ts";
export type { CountsJson, RunCounts } from "./run-counts.ts";
export type { StageProgress } from "./stage-at-work.ts";
export type { Policy, StageCounts, StageEvent, StagePlan } from "./types.ts";
