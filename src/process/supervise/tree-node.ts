/**
 * A supervision tree as people see it: plain data, made by `Supervision.tree()` and by whoever describes its children,
 * safe to send as JSON. The helpers find nodes by name or by the end of a path. Nothing here looks at a process.
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

/** A node and the names that lead to it, joined by `/`, its own last. */
export interface NodeAt {
  readonly path: string;
  readonly node: TreeNode;
}

/** Every node with its path: parents before children, children in start order. */
export function flatten(tree: TreeNode): readonly NodeAt[] {
  const found: NodeAt[] = [];
  const visit = (node: TreeNode, above: string): void => {
    const path = above === "" ? node.name : `${above}/${node.name}`;
    found.push({ path, node });
    for (const child of node.children) visit(child, path);
  };
  visit(tree, "");
  return found;
}

/**
 * The nodes called `name`, or whose path ends in it (`b/c` finds `a/b/c`, and not `a/bb/c`). A whole path means that one
 * node, even when a deeper path ends the same way. Several matches are all returned: the caller says that the name is
 * ambiguous.
 */
export function findNodes(tree: TreeNode, name: string): readonly NodeAt[] {
  const all = flatten(tree);
  const exact = all.filter(({ path }) => path === name);
  return exact.length > 0 ? exact : all.filter(({ path }) => path.endsWith(`/${name}`));
}
