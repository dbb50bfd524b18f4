/** The engine: one run of a pipeline. */
export { type PipelinePlan, PipelineRun, type RunEnd, type RunPorts } from "./pipeline-run.ts";
export type { CountsJson, RunCounts } from "./run-counts.ts";
