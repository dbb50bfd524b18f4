/** Task graphs: read and checked, put in order, drawn, run and remembered. */

export { type ExecuteOptions, executeTask, type TaskPorts } from "./execute.ts";
export { formatTaskFaults, type TaskFault, taskFaultsFailure } from "./faults.ts";
export { KeptTaskRuns } from "./kept-task-runs.ts";
export { GRAPH_BYTES_MAX, PARALLEL_MAX } from "./limits.ts";
export { MERMAID_EDGES_MAX, mermaidText } from "./mermaid.ts";
export { criticalPath, type GraphOrder, orderOf } from "./order.ts";
export type { FailedOutcome, TaskChange, TaskOutcome, TaskState } from "./outcome.ts";
export { localPlace, type TaskPlace } from "./place.ts";
export { HOSTS_MAX, PluginHosts, type PluginHostsOptions } from "./plugin-hosts.ts";
export { findParamFaults, hasReference } from "./plugin-params.ts";
export { parseTaskGraph, type ReadGraph, readTaskGraph } from "./read-graph.ts";
export type { ReadyPlugin, ReadyTask, ReadyWork } from "./ready-task.ts";
export { linesOf, reportOf, type TaskLine, type TaskReport } from "./report.ts";
export type { RunEnd } from "./scheduler.ts";
export { TaskStore } from "./store.ts";
export type { NewRun, StoredRun, StoredTask, StoredTaskRuns, TimedChange } from "./stored-runs.ts";
export { type TaskProgress, TaskRun, type TaskRunPlan, type TaskRunPorts } from "./task-run.ts";
export { isIdempotent, type Json, type PipelineWork, type Task, type TaskGraph, type Work } from "./types.ts";
