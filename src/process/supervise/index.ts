/** Supervision of real children. */
export type { RunningChild } from "./incarnations.ts";
export { Supervision, type SupervisionOptions, type SupervisionPorts } from "./supervision.ts";
export { findNodes, flatten, type LastExit, type NodeAt, type NodeState, type TreeNode } from "./tree-node.ts";
