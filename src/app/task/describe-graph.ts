/** What `task check` and `task graph` answer with: plain data and text, nothing printed. */
import {
  criticalPath,
  formatTaskFaults,
  MERMAID_EDGES_MAX,
  mermaidText,
  orderOf,
  type TaskFault,
  type TaskGraph,
} from "../../work/task/index.ts";
import { graphOrRefuse, loadGraph } from "./load-graph.ts";

export { printableGraph } from "./evaluate-graph.ts";

export interface GraphCheck {
  readonly faults: readonly TaskFault[];
  /** For people. */
  readonly text: string;
  readonly tasks: number;
}

export async function checkGraphFile(file: string): Promise<GraphCheck> {
  const { faults, graph, text } = await loadGraph(file);
  const tasks = graph?.tasks.length ?? 0;
  if (faults.length === 0) return { faults, tasks, text: `${file}: right, ${countText(tasks, "task")}` };
  return { faults, tasks, text: `${formatTaskFaults(faults, text)}\n${countText(faults.length, "fault")}` };
}

export interface GraphPlan {
  readonly name: string;
  readonly parallel: number;
  /** Ids by level: what stands in one list does not wait for each other. */
  readonly levels: readonly (readonly string[])[];
  readonly order: readonly string[];
  /** The longest chain of needs, by number of tasks. */
  readonly criticalPath: readonly string[];
  readonly mermaid: string;
  /** Set when Mermaid would not draw it without being told to. */
  readonly tooManyEdges?: number;
}

export async function planGraph(file: string): Promise<GraphPlan> {
  const { graph } = await graphOrRefuse(file);
  return planOf(graph);
}

export function planOf(graph: TaskGraph): GraphPlan {
  const { name, parallel, tasks } = graph;
  const { levels, order } = orderOf(tasks);
  const byLevel: string[][] = [];
  for (const task of order) {
    byLevel[levels[task]!] ??= [];
    byLevel[levels[task]!]!.push(tasks[task]!.id);
  }
  const id = (task: number): string => tasks[task]!.id;
  const edges = tasks.reduce((sum, { needs }) => sum + needs.length, 0);
  return {
    name,
    parallel,
    levels: byLevel,
    order: order.map(id),
    criticalPath: criticalPath(tasks, order, () => 1).path.map(id),
    mermaid: mermaidText(graph),
    ...(edges > MERMAID_EDGES_MAX && { tooManyEdges: edges }),
  };
}

function countText(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
