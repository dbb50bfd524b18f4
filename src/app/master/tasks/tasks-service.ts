/** Answers the contract `tasks`. */
import { implement, type Service } from "../../../wire/rpc/index.ts";
import type { StoredReports } from "../../../work/report/index.ts";
import { listOf, type RememberedRuns, shownOf, shownTaskOf } from "../../task/stored-runs.ts";
import type { MasterTasks } from "./master-tasks.ts";
import { LINES_MAX, OUTPUT_BYTES_MAX, tasksContract } from "./tasks-contract.ts";

const LISTED = 20;

export function tasksService(tasks: MasterTasks, reports: Pick<StoredReports, "ofRun">): Service {
  const { remembered } = tasks;
  const shownRun = (id: string) => withReport(remembered, reports, id);
  return implement(tasksContract, {
    run: async (request) => ({ run: await tasks.run(request) }),
    progress: ({ run }) => {
      const live = tasks.progress(run);
      if (live) return { ...live, state: "running" as const };
      const { counts, elapsedMs = 0, name, retries, state } = shownOf(remembered, run);
      const total = Object.values(counts).reduce((sum, each) => sum + each, 0);
      return { id: run, name, state, counts, total, retries, elapsedMs };
    },
    list: ({ limit = LISTED }) => ({ runs: listOf(remembered, limit) }),
    show: ({ run }) => ({ run: shownRun(run) }),
    tasks: ({ from = 0, run }) => {
      const { tasks: all } = shownOf(remembered, run);
      return { tasks: all.slice(from, from + LINES_MAX), total: all.length };
    },
    task: ({ run, task }) => {
      const { output, ...shown } = shownTaskOf(remembered, run, task);
      if (output === undefined) return { task: shown };
      const outputBytes = Buffer.byteLength(JSON.stringify(output));
      return { task: { ...shown, ...(outputBytes > OUTPUT_BYTES_MAX ? { outputBytes } : { output }) } };
    },
    cancel: async ({ run }) => {
      await tasks.cancel(run);
      return { run: shownRun(run) };
    },
  });
}

/** Without its tasks: there may be a hundred thousand. */
function withReport(runs: RememberedRuns, reports: Pick<StoredReports, "ofRun">, id: string) {
  const { tasks: _, ...run } = shownOf(runs, id);
  const report = reports.ofRun(id)?.id;
  return { ...run, ...(report !== undefined && { report }) };
}
