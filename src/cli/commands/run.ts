/** `run FILE`: runs a pipeline to the end of its input, shows what it does, and says what became of every record. */
import type { RunHandle, RunSummary } from "../../app/run-pipeline.ts";
import { commonArgs, defineCommand, EXIT } from "../command.ts";
import { openMonitor } from "../view/monitor.ts";
import { summaryText } from "../view/summary.ts";

export const run = defineCommand({
  about: "run a pipeline file; an interrupted run goes on where it was",
  examples: [
    "run config/basic_pipeline.txt",
    "run config/basic_pipeline.txt --fresh --json",
    "run config/basic_pipeline.txt --input orders.ndjson.gz --output -",
  ],
  args: {
    file: { type: "positional", valueHint: "FILE", required: true, description: "the pipeline file" },
    input: {
      type: "string",
      alias: "i",
      valueHint: "PATH",
      description: "read this instead of the file's source; - is standard input",
    },
    output: {
      type: "string",
      alias: "o",
      valueHint: "PATH",
      description: "write there instead of the file's sink; - is standard output",
    },
    events: {
      type: "string",
      valueHint: "FILE",
      description: "append a line of JSON for each host that starts or ends and each batch that a stage finishes",
    },
    fresh: { type: "boolean", description: "start over: forget the checkpoint and replace the output" },
    ...commonArgs,
  },
  async run(args) {
    const { startRun } = await import("../../app/run-pipeline.ts");
    const monitor = await openMonitor({ quiet: args.quiet ?? false, verbose: args.verbose ?? false });
    const handle = await startRun(args.file, {
      input: args.input,
      output: args.output,
      dataDir: args["data-dir"],
      fresh: args.fresh ?? false,
      events: args.events,
      show: (stage, stream, line) => monitor.pluginLine(stage, stream, line),
    });
    const signals = listenForSignals(handle, (text) => monitor.note(text));
    monitor.watch(handle);
    const summary = await handle.done;
    monitor.close();
    signals.close();
    if (args.json) (summary.output === "-" ? process.stderr : process.stdout).write(`${JSON.stringify(summary)}\n`);
    if (!args.quiet) process.stderr.write(`${summaryText(summary)}\n`);
    if (summary.error) process.stderr.write(`error: ${summary.error.message}\n`);
    return signals.code ?? exitCode(summary);
  },
});

function exitCode(summary: RunSummary): number {
  if (summary.error) return summary.error.code.endsWith("not_found") ? EXIT.noInput : EXIT.failures;
  if (summary.faults.length > 0) return EXIT.failures;
  return EXIT.done;
}

/** The first signal drains, the second gives up; the checkpoint says where either way. */
function listenForSignals(handle: RunHandle, note: (text: string) => void) {
  const state: { code: number | undefined; close(): void } = { code: undefined, close() {} };
  const on = (signal: "SIGINT" | "SIGTERM") => (): void => {
    if (state.code !== undefined) return handle.abort(`a second ${signal}`);
    state.code = signal === "SIGINT" ? EXIT.sigint : EXIT.sigterm;
    note(`${signal}: finishing what is under way; once more gives up at once`);
    handle.stop();
  };
  const listeners = { SIGINT: on("SIGINT"), SIGTERM: on("SIGTERM") };
  for (const [signal, listener] of Object.entries(listeners)) process.on(signal, listener);
  state.close = () => {
    for (const [signal, listener] of Object.entries(listeners)) process.off(signal, listener);
  };
  return state;
}
