/** Supervision of real children. */
export type { RunningChild } from "./incarnations.ts";
export { Supervision, type SupervisionOptions, type SupervisionPorts } from "./supervision.ts";
export type { LastExit, NodeState, TreeNode } from "./tree-node.ts";
