/**
 * The processes of a stage as people see them. A lane lives longer than its hosts, so what a person asks (since when, how
 * often, how did the last one end) is the keeper's to say, not the supervisor's. Pure.
 */
import type { TreeNode } from "../../../process/supervise/index.ts";
import type { LaneKeeper } from "./lane-keeper.ts";
import type { StageHost } from "./stage-host.ts";

export function laneNode(
  node: TreeNode,
  keeper: Pick<LaneKeeper, "lane" | "lastExit" | "lives" | "handOvers" | "servesSinceMs">,
  nowMs: number,
): TreeNode {
  const { uptimeMs: _uptime, lastExit: _exit, ...rest } = node;
  const { lane, lastExit, servesSinceMs } = keeper;
  const { pid } = lane;
  const state = node.state === "running" && servesSinceMs === undefined ? "starting" : node.state;
  return {
    ...rest,
    state,
    restarts: Math.max(0, keeper.lives - keeper.handOvers - 1),
    ...(pid !== undefined && { pid }),
    ...(servesSinceMs !== undefined && { uptimeMs: nowMs - servesSinceMs }),
    ...(lastExit && { lastExit }),
    ...(lane.onTrial && { detail: "on trial after a swap" }),
  };
}

/** A place has started at once for its supervisor; for people it has when a process is ready in it. */
export function standbyNode(
  node: TreeNode,
  place: { readonly host: StageHost | undefined; readonly readySinceMs: number | undefined } | undefined,
  nowMs: number,
): TreeNode {
  const { uptimeMs: _uptime, ...rest } = node;
  const { host, readySinceMs } = place ?? {};
  if (node.state !== "running") return rest;
  return {
    ...rest,
    state: readySinceMs === undefined ? "starting" : "running",
    ...(host?.pid !== undefined && { pid: host.pid }),
    ...(readySinceMs !== undefined && { uptimeMs: nowMs - readySinceMs }),
  };
}

/** A host that no lane and no standby place has: of the plugin before a swap, or of the one to come. */
export function besideNode({ number, pid }: StageHost): TreeNode {
  const detail = "another plugin's host, kept beside during a swap";
  return { name: `beside ${number}`, kind: "worker", state: "running", restarts: 0, children: [], detail, pid: pid! }; // filtered
}
