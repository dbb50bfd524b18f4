/** The engine: one run of a pipeline. */
export { PipelineRun, type RunEnd } from "./pipeline-run.ts";
export type { PipelinePlan, RunPorts } from "./plan.ts";
export type { CountsJson, RunCounts } from "./run-counts.ts";
