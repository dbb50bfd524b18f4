/** `task … --on-master`: task graphs that a master runs on its workers, followed from here. */
import type { ArgsDef } from "citty";
import type { RunAtMaster } from "../../app/master/tasks/ask-tasks.ts";
import { Failure } from "../../base/errors.ts";
import { printable } from "../../base/printable.ts";
import { defineCommand, EXIT } from "../command.ts";
import { askChoices, type NodeFlags, nodeArgs } from "../node-flags.ts";
import { emit, emitJson } from "../output.ts";
import { listenForSignals } from "../signals.ts";
import { taskReportText } from "../view/task.ts";
import { openTaskMonitor } from "../view/task-monitor.ts";

/** Of commands that look at this machine unless they are told otherwise. */
export const onMasterArgs = {
  "on-master": { type: "boolean", description: "ask a master that runs on this machine" },
  node: { type: "string", valueHint: "HOST:PORT", description: "ask the master there" },
  secrets: nodeArgs.secrets,
  timeout: { ...nodeArgs.timeout, default: "60s", description: "wait that long for a master's answer at most" },
} as const satisfies ArgsDef;

export interface OnMasterFlags extends NodeFlags {
  readonly "on-master"?: boolean | undefined;
}

export function isForMaster(flags: OnMasterFlags): boolean {
  return flags["on-master"] === true || flags.node !== undefined;
}

interface RunFlags extends OnMasterFlags {
  readonly file?: string | undefined;
  readonly parallel?: number | undefined;
  readonly resume?: string | undefined;
  readonly "retry-failed"?: boolean | undefined;
  readonly detach?: boolean | undefined;
  readonly json?: boolean | undefined;
  readonly quiet?: boolean | undefined;
  readonly verbose?: boolean | undefined;
}

/** Submits, and follows until the end unless it is told to let go. */
export async function runOnMaster(flags: RunFlags): Promise<number> {
  const { resolve } = await import("node:path");
  const { askTasks } = await import("../../app/master/tasks/ask-tasks.ts");
  const { file, parallel, resume } = flags;
  if (file === undefined && resume === undefined)
    throw new Failure("usage.file", "a task graph's file is required, or --resume with the id of a run");
  const request = {
    ...(file !== undefined && { path: resolve(file) }),
    ...(parallel !== undefined && { parallel }),
    ...(resume !== undefined && { resume, retryFailed: flags["retry-failed"] ?? false }),
  };
  const choices = askChoices(flags);
  const { answer, by } = await askTasks(choices, (client) => client.run(request));
  if (!flags.detach) {
    if (!flags.quiet) process.stderr.write(`${resume === undefined ? "submitted to" : "goes on at"} ${by}\n`);
    return followOnMaster(flags, answer.run, resume !== undefined);
  }
  if (flags.json) await emitJson({ run: answer.run, by });
  else await emit(`${answer.run}\n`);
  return EXIT.done;
}

async function followOnMaster(flags: RunFlags, run: string, resumed: boolean): Promise<number> {
  const { followRun, shownAtMaster } = await import("../../app/master/tasks/ask-tasks.ts");
  const choices = askChoices(flags);
  const monitor = openTaskMonitor({ quiet: flags.quiet ?? false, verbose: flags.verbose ?? false });
  const letGo = new AbortController();
  const stop = (): void => letGo.abort();
  const signals = listenForSignals({ stop, abort: stop, note() {}, reload() {}, terminalIsGone: () => true });
  let isWatched = false;
  let now: Parameters<Parameters<typeof followRun>[2]["saw"]>[0] | undefined;
  const end = await followRun(choices, run, {
    signal: letGo.signal,
    saw: (progress) => {
      now = progress;
      if (!isWatched) monitor.watch({ id: run, name: progress.name, resumed, progress: () => now! });
      isWatched = true;
    },
  }).finally(() => {
    monitor.close();
    signals.close();
  });
  if (!end || end.state === "running" || end.state === "interrupted") {
    process.stderr.write(`run ${run} goes on at the master: task show ${run} ${whereOf(flags)} tells how far it is\n`);
    return signals.code ?? EXIT.failures;
  }
  return toldReport(flags, await shownAtMaster(choices, run, 0));
}

function whereOf({ node }: RunFlags): string {
  return node === undefined ? "--on-master" : `--node ${printable(node)}`;
}

async function toldReport(flags: RunFlags, { tasks: _, ...report }: RunAtMaster): Promise<number> {
  const { json, quiet } = flags;
  if (report.state === "interrupted") throw new Failure("task.run.interrupted", `run ${report.run} was interrupted`);
  const shown = { ...report, state: report.state };
  if (!quiet) process.stderr.write(`${taskReportText(shown, whereOf(flags))}\n`);
  else for (const { id, reason = "" } of report.failed) process.stderr.write(`error: ${id}: ${printable(reason)}\n`);
  if (json) await emitJson(shown);
  return report.state === "done" ? EXIT.done : EXIT.failures;
}

export const taskCancel = defineCommand({
  about: "end a run of a task graph on a master: what is done stays done, and --resume goes on with it",
  examples: ["task cancel 20260131120000-0a1b2c3d4e", "task cancel 20260131120000-0a1b2c3d4e --node 10.0.0.1:8080"],
  args: {
    run: { type: "positional", valueHint: "ID", required: true, description: "the run's id, as task list shows it" },
    ...nodeArgs,
    node: { ...nodeArgs.node, description: "which master (default: one that runs on this machine)" },
    timeout: { ...nodeArgs.timeout, default: "60s" },
  },
  async run({ run, ...flags }) {
    const { askTasks } = await import("../../app/master/tasks/ask-tasks.ts");
    const { answer } = await askTasks(askChoices(flags), (client) => client.cancel({ run }));
    if (flags.json) await emitJson(answer.run);
    else process.stderr.write(`cancelled: run ${run} of ${printable(answer.run.name)} is ${answer.run.state}\n`);
    return EXIT.done;
  },
});
