/** Task graphs: read and checked, put in order, drawn, run and remembered. */

export { formatTaskFaults, type TaskFault, taskFaultsFailure } from "./faults.ts";
export { GRAPH_BYTES_MAX } from "./limits.ts";
export { MERMAID_EDGES_MAX, mermaidText } from "./mermaid.ts";
export { criticalPath, type GraphOrder, orderOf } from "./order.ts";
export { parseTaskGraph, type ReadGraph, readTaskGraph } from "./read-graph.ts";
export type { Json, Task, TaskGraph, Work } from "./types.ts";
