/**
 * A supervision tree as people see it: plain data, made by `Supervision.tree()` and by whoever describes its children,
 * safe to send as JSON. Nothing here looks at a process.
 */

export type NodeState = "waiting" | "starting" | "running" | "restarting" | "stopping" | "stopped";

/** How a child ended last. For a process: exit code or signal, the other is null. For anything else both are null. */
export interface LastExit {
  readonly code: number | null;
  readonly signal: string | null;
  /** For people. */
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

export interface TreeNode {
  readonly name: string;
  readonly kind: "supervisor" | "worker";
  /** Of a supervisor: one_for_one, one_for_all, rest_for_one, simple_one_for_one. */
  readonly strategy?: string;
  readonly state: NodeState;
  readonly pid?: number;
  /** Since it serves; absent while it does not. */
  readonly uptimeMs?: number;
  /** Times it was started again. */
  readonly restarts: number;
  readonly lastExit?: LastExit;
  readonly memoryBytes?: number;
  readonly cpuMs?: number;
  /** For people: what it is doing. */
  readonly detail?: string;
  /** In start order. */
  readonly children: readonly TreeNode[];
}
