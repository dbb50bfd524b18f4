/** Answers the contract `tasks`. */
import { implement, type Service } from "../../../wire/rpc/index.ts";
import { reportOfRun } from "../../report/reports.ts";
import { listRuns, showRun, showTask } from "../../task/stored-runs.ts";
import type { MasterTasks } from "./master-tasks.ts";
import { LINES_MAX, OUTPUT_BYTES_MAX, tasksContract } from "./tasks-contract.ts";

const LISTED = 20;

export function tasksService(tasks: MasterTasks, dataDir: string | undefined): Service {
  return implement(tasksContract, {
    run: async (request) => ({ run: await tasks.run(request) }),
    progress: ({ run }) => {
      const live = tasks.progress(run);
      if (live) return { ...live, state: "running" as const };
      const { counts, elapsedMs = 0, name, retries, state } = showRun(dataDir, run);
      const total = Object.values(counts).reduce((sum, each) => sum + each, 0);
      return { id: run, name, state, counts, total, retries, elapsedMs };
    },
    list: ({ limit = LISTED }) => ({ runs: listRuns(dataDir, limit) }),
    show: ({ run }) => ({ run: shownRun(dataDir, run) }),
    tasks: ({ from = 0, run }) => {
      const { tasks: all } = showRun(dataDir, run);
      return { tasks: all.slice(from, from + LINES_MAX), total: all.length };
    },
    task: ({ run, task }) => {
      const { output, ...shown } = showTask(dataDir, run, task);
      if (output === undefined) return { task: shown };
      const outputBytes = Buffer.byteLength(JSON.stringify(output));
      return { task: { ...shown, ...(outputBytes > OUTPUT_BYTES_MAX ? { outputBytes } : { output }) } };
    },
    cancel: async ({ run }) => {
      await tasks.cancel(run);
      return { run: shownRun(dataDir, run) };
    },
  });
}

/** Without its tasks: there may be a hundred thousand. */
function shownRun(dataDir: string | undefined, id: string) {
  const { tasks: _, ...run } = showRun(dataDir, id);
  const report = reportOfRun(dataDir, id);
  return { ...run, ...(report !== undefined && { report }) };
}
