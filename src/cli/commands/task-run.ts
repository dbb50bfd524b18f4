/** `task run FILE`: runs a graph, shows how far it is, and says what became of every task. */
import type { TaskReport } from "../../app/task/run-graph.ts";
import { Failure } from "../../base/errors.ts";
import { printable, printableLines } from "../../base/printable.ts";
import { commonArgs, defineCommand, EXIT } from "../command.ts";
import { emitJson } from "../output.ts";
import { listenForSignals } from "../signals.ts";
import { taskReportText } from "../view/task.ts";
import { openTaskMonitor } from "../view/task-monitor.ts";
import { isForMaster, onMasterArgs, runOnMaster } from "./task-on-master.ts";

export const taskRun = defineCommand({
  about: "run a task graph; an interrupted run goes on where it was with --resume",
  examples: [
    "task run config/tasks/checkout.json",
    "task run nightly.ts --parallel 1 --json",
    "task run --resume 20260131120000-0a1b2c3d4e",
    "task run nightly.ts --on-master --detach",
    "task run nightly.ts --resume 20260131120000-0a1b2c3d4e --retry-failed",
  ],
  args: {
    file: { type: "positional", valueHint: "FILE", required: false, description: "the task graph (.json or .ts)" },
    parallel: {
      type: "string",
      valueHint: "N",
      description: "tasks at once, instead of what the graph says; 1 is serial; kept with the run",
    },
    resume: {
      type: "string",
      valueHint: "ID",
      description: "go on with this run; tasks that are done are not repeated",
    },
    "retry-failed": { type: "boolean", description: "with --resume: failed and skipped tasks run again" },
    detach: { type: "boolean", description: "on a master: print the run's id and do not wait for its end" },
    ...onMasterArgs,
    ...commonArgs,
  },
  async run(args) {
    if (isForMaster(args)) return runOnMaster({ ...args, parallel: parallelOf(args.parallel) });
    if (args.detach)
      throw new Failure("usage.detach", "--detach is for a run on a master: --on-master or --node is required");
    const { openTaskRun } = await import("../../app/task/run-graph.ts");
    const monitor = openTaskMonitor({ quiet: args.quiet ?? false, verbose: args.verbose ?? false });
    const handle = await openTaskRun({
      file: args.file,
      dataDir: args["data-dir"],
      parallel: parallelOf(args.parallel),
      resume: args.resume,
      retryFailed: args["retry-failed"] ?? false,
      show: (from, stream, line) => monitor.line(from, stream, line),
    });
    const note = (text: string): void => monitor.note(text);
    const { abort, stop } = handle;
    const signals = listenForSignals({ stop, abort, note, reload() {}, terminalIsGone: () => true });
    monitor.watch(handle);
    const report = await handle.run().finally(() => {
      monitor.close();
      signals.close();
    });
    if (!args.quiet) process.stderr.write(`${taskReportText(report)}\n`);
    if (args.quiet) sayFailures(report);
    if (args.json) await emitJson(report);
    return signals.code ?? exitCode(report);
  },
});

function exitCode({ state }: TaskReport): number {
  if (state === "done") return EXIT.done;
  return state === "stopped" ? EXIT.sigint : EXIT.failures;
}

function sayFailures({ failed }: TaskReport): void {
  for (const { id, reason = "" } of failed)
    process.stderr.write(`error: ${id}: ${printableLines(printable(reason))}\n`);
}

function parallelOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new Failure("usage.number", `--parallel is ${JSON.stringify(text)}; a whole number from 1 to 9999 is required`);
}
