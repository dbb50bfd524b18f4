/**
 * A task graph written in TypeScript: one request for each region, and one task behind them all that adds up what they gave.
 * `distributed_system task graph scripts/examples/task-graph/fan-out.ts` draws it, `task run` runs it.
 */
import { defineTaskGraph, type TaskDefinition } from "distributed-system";

const REGIONS = ["north", "south", "west", "east"];

const fetches = REGIONS.map(
  (region): TaskDefinition => ({
    id: `fetch-${region}`,
    type: "GET",
    url: `\${env.SALES_URL}/sales?region=${region}`,
    timeout: "10s",
    retry: { max: 3, backoff: "200ms" },
  }),
);

export default defineTaskGraph({
  name: "sales by region",
  parallel: 4,
  env: ["SALES_URL"],
  tasks: [
    ...fetches,
    {
      id: "publish",
      type: "PUT",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a reference of the graph
      url: "${env.SALES_URL}/summary",
      body: Object.fromEntries(REGIONS.map((region) => [region, `\${tasks.fetch-${region}.output.body.total ?? 0}`])),
      needs: fetches.map(({ id }) => ({ task: id, optional: true })),
    },
  ],
});
