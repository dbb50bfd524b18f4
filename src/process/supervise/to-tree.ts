/** Tree nodes out of what the machine, the binding and the owner know. */
import type { ChildInfo, ChildStateName, SupervisorPhase } from "../../protocol/supervision/index.ts";
import type { LastExit, NodeState, TreeNode } from "./tree-node.ts";

const STATE_OF_CHILD: Readonly<Record<ChildStateName, NodeState>> = {
  waiting: "waiting",
  starting: "starting",
  running: "running",
  restarting: "restarting",
  stopping: "stopping",
  gone: "stopped",
};

const STATE_OF_PHASE: Readonly<Record<SupervisorPhase, NodeState>> = {
  idle: "waiting",
  starting: "starting",
  running: "running",
  stopping: "stopping",
  stopped: "stopped",
};

/**
 * The owner adds to it; what the supervisor itself knows (name, state, restarts) it knows better. An uptime of the owner's counts:
 * what serves for a child may be another process than the one it was started with.
 */
export function nodeOfChild(
  info: ChildInfo,
  uptimeMs: number | undefined,
  lastExit: LastExit | undefined,
  described: Partial<TreeNode> = {},
): TreeNode {
  const { uptimeMs: ownUptimeMs, ...more } = described;
  return {
    kind: info.type,
    children: [],
    ...more,
    name: info.id,
    state: STATE_OF_CHILD[info.state],
    restarts: info.restarts,
    ...(uptimeMs !== undefined && { uptimeMs: ownUptimeMs ?? uptimeMs }),
    ...(lastExit !== undefined && { lastExit }),
  };
}

export function nodeOfSupervisor(
  options: { readonly name?: string; readonly strategy?: string },
  phase: SupervisorPhase,
  uptimeMs: number | undefined,
  children: readonly TreeNode[],
): TreeNode {
  const { name = "supervisor", strategy = "one_for_one" } = options;
  const state = STATE_OF_PHASE[phase];
  const isUp = uptimeMs !== undefined && state !== "stopped";
  return { name, kind: "supervisor", strategy, state, restarts: 0, ...(isUp && { uptimeMs }), children };
}
