/** Paths of what a node does for people: pipelines, workers, task graphs, reports. */
import type { Route } from "../../edge/admin/index.ts";
import { REPORTS_MAX } from "../../work/report/index.ts";
import { LIST_MAX } from "../dead-letter/dead-letter-contract.ts";
import { RUNS_LISTED_MAX } from "../master/tasks/tasks-contract.ts";
import { routesOf, sliced } from "./route-table.ts";

const pipelines = routesOf("pipelines", "pipelines");
const tasks = routesOf("tasks", "tasks");
const letters = routesOf("dead letters", "dead_letters");
const reports = routesOf("reports", "reports");

export const workRoutes: readonly Route[] = [
  pipelines("GET", "/pipelines", "list", sliced("pipelines", "id")),
  pipelines("POST", "/pipelines", "submit", { status: 201 }),
  pipelines("GET", "/pipelines/{pipeline}", "show"),
  pipelines("POST", "/pipelines/{pipeline}/pause", "pause"),
  pipelines("POST", "/pipelines/{pipeline}/resume", "resume"),
  pipelines("POST", "/pipelines/{pipeline}/cancel", "cancel"),
  pipelines("POST", "/pipelines/{pipeline}/swap", "swap"),
  pipelines("GET", "/workers", "list", {
    about: "the workers of this master, with its pipelines",
    ...sliced("workers", "id"),
  }),
  pipelines("POST", "/workers/{node}/drain", "drain", {
    about: "gives a worker no new work, and takes away what it owns",
    fixed: { on: true },
  }),
  pipelines("DELETE", "/workers/{node}/drain", "drain", { about: "lets a worker work again", fixed: { on: false } }),

  tasks("GET", "/tasks", "list", { fixed: { limit: RUNS_LISTED_MAX }, ...sliced("runs", "id") }),
  tasks("POST", "/tasks", "run", { status: 201 }),
  tasks("GET", "/tasks/{run}", "show"),
  tasks("GET", "/tasks/{run}/progress", "progress"),
  tasks("GET", "/tasks/{run}/tasks", "tasks", { paged: { kind: "from", items: "tasks", total: "total" } }),
  tasks("GET", "/tasks/{run}/tasks/{task}", "task"),
  tasks("POST", "/tasks/{run}/cancel", "cancel"),

  reports("GET", "/reports", "list", { fixed: { limit: REPORTS_MAX }, ...sliced("reports", "id") }),
  reports("GET", "/reports/{report}", "show"),

  letters("GET", "/dead-letters", "summary", sliced("pipelines", "pipeline")),
  letters("GET", "/dead-letters/{pipeline}", "list", {
    paged: { kind: "offset", items: "letters", next: "next", limitMax: LIST_MAX },
  }),
  letters("GET", "/dead-letters/{pipeline}/{number}", "show"),
  letters("POST", "/dead-letters/{pipeline}/replay", "replay"),
  letters("POST", "/dead-letters/{pipeline}/purge", "purge"),
  letters("GET", "/replays", "replays", sliced("replays", "id")),
];
