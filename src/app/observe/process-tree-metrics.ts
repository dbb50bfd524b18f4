/**
 * Processes below this one, as its supervision trees name them: memory, processor time, restarts. By the place in the tree, not by
 * pid: a process that was started again goes on in the same series.
 */
import { type Collect, counter, gauge, type MetricsOut } from "../../base/metrics.ts";
import { processUsage } from "../../process/limits/index.ts";
import type { TreeNode } from "../../process/supervise/index.ts";

const MEMORY = gauge(
  "distributed_system_plugin_memory_bytes",
  "Memory of a process of a plugin or service, pages shared with others left out.",
);
const CPU = counter("distributed_system_plugin_cpu_seconds_total", "Processor time of the process that is there now.");
const RESTARTS = counter("distributed_system_plugin_restarts_total", "How often a process was started again.");
const UP = gauge("distributed_system_plugin_up", "1 while a process serves at this place.");

/** Each costs four series and a look into /proc. */
export const PROCESSES_MAX = 200;

export interface TreesPort {
  readonly trees: () => readonly TreeNode[];
  /** What a process uses now; undefined when it is gone. */
  readonly usage?: typeof processUsage | undefined;
}

export function processTreeMetrics({ trees, usage = processUsage }: TreesPort): Collect {
  return (out) => {
    let left = PROCESSES_MAX;
    const visit = (node: TreeNode, path: readonly string[]): void => {
      const own = [...path, node.name];
      if (node.kind === "worker" && left > 0 && (node.pid !== undefined || path.length > 0)) {
        left--;
        tell(out, node, own, usage);
      }
      for (const child of node.children) visit(child, own);
    };
    for (const tree of trees()) visit(tree, []);
  };
}

function tell(
  out: MetricsOut,
  { pid, restarts, state }: TreeNode,
  path: readonly string[],
  usage: typeof processUsage,
): void {
  const labels = { place: path.join("/") };
  const used = pid === undefined ? undefined : usage(pid);
  out.set(UP, state === "running" ? 1 : 0, labels);
  out.set(RESTARTS, restarts, labels);
  out.set(MEMORY, used?.memoryBytes, labels);
  out.set(CPU, used && used.cpuMs / 1_000, labels);
}
