/** Task graphs as people see them: the order by levels. Pure. */
import type { GraphPlan } from "../../app/task/describe-graph.ts";

/** Ids of one level on its line; a level of thousands is no reading matter. */
const SHOWN_PER_LEVEL = 20;
const PATH_SHOWN_MAX = 20;

export function graphText(plan: GraphPlan): string {
  const width = String(plan.levels.length).length;
  const levels = plan.levels.map((ids, index) => {
    const more = ids.length > SHOWN_PER_LEVEL ? `, … ${ids.length - SHOWN_PER_LEVEL} more` : "";
    return `${String(index + 1).padStart(width)}  ${ids.slice(0, SHOWN_PER_LEVEL).join(", ")}${more}`;
  });
  const path = plan.criticalPath;
  const cut =
    path.length > PATH_SHOWN_MAX ? [...path.slice(0, PATH_SHOWN_MAX), `… ${path.length - PATH_SHOWN_MAX} more`] : path;
  return [
    `${plan.name}: ${plan.order.length} tasks, ${plan.parallel} at once; a line waits for the lines above it`,
    ...levels,
    `longest chain (${path.length}): ${cut.join(" → ")}`,
    ...(plan.tooManyEdges ? [`${plan.tooManyEdges} needs: Mermaid draws them with maxEdges set to that`] : []),
    "",
    plan.mermaid,
  ].join("\n");
}
