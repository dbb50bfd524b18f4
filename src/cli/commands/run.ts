/** `run FILE`: runs a pipeline to the end of its input, shows what it does, and says what became of every record. */
import { version } from "../../../package.json";
import type { FileWatch, RunSummary } from "../../app/run-pipeline.ts";
import { Failure } from "../../base/errors.ts";
import { printableLines } from "../../base/printable.ts";
import { commonArgs, defineCommand, EXIT } from "../command.ts";
import { emitJson } from "../output.ts";
import { reloader } from "../reloader.ts";
import { listenForSignals, watchTerminal } from "../signals.ts";
import { traceArgs, tracingFrom } from "../trace-flags.ts";
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
    watch: {
      type: "boolean",
      alias: "w",
      description: "reload when the pipeline file or a plugin's file changes, as SIGHUP does",
    },
    fresh: { type: "boolean", description: "start over: forget the checkpoint and replace the output" },
    ...traceArgs,
    ...commonArgs,
  },
  async run(args) {
    const { startRun, watchRun } = await import("../../app/run-pipeline.ts");
    const terminalIsGone = watchTerminal();
    const tooEarly = (): void => {}; // the file is only just being read
    process.on("SIGHUP", tooEarly);
    const monitor = await openMonitor({ quiet: args.quiet ?? false, verbose: args.verbose ?? false });
    const tracing = await tracingFrom(args, args.file, version, (text) => monitor.note(text));
    const started = startRun(args.file, {
      tracer: tracing.tracer,
      input: args.input,
      output: args.output,
      dataDir: args["data-dir"],
      fresh: args.fresh ?? false,
      events: args.events,
      show: (stage, stream, line) => monitor.pluginLine(stage, stream, line),
      warn: (text) => monitor.note(printableLines(text)),
    });
    const handle = await (args.json ? started.catch((thrown) => refuse(args.file, args.output, thrown)) : started);
    let files: FileWatch | undefined;
    const note = (text: string): void => monitor.note(text);
    const reload = reloader(handle, { note, follow: (watched) => files?.follow(watched) });
    const signals = listenForSignals({ ...handle, note, terminalIsGone, reload });
    process.off("SIGHUP", tooEarly);
    if (args.watch) files = watchRun(handle, reload);
    monitor.watch(handle);
    const summary = await handle.done;
    await tracing.close();
    files?.close();
    monitor.close();
    signals.close();
    if (!args.quiet) process.stderr.write(`${summaryText(summary)}\n`);
    if (summary.error) process.stderr.write(`error: ${printableLines(summary.error.message)}\n`);
    if (args.json) await tell(summary, summary.output);
    return signals.code ?? exitCode(summary);
  },
});

function exitCode(summary: RunSummary): number {
  if (summary.error?.code === "plugin.refused") return EXIT.config;
  if (summary.error) return summary.error.code.endsWith("not_found") ? EXIT.noInput : EXIT.failures;
  if (summary.faults.length > 0) return EXIT.failures;
  if (summary.run === "stopped") return EXIT.sigint; // by `stop`, which does what Ctrl-C does
  return EXIT.done;
}

/** One JSON document; standard output is left alone where it is the sink. */
async function tell(document: unknown, output: string | undefined): Promise<void> {
  if (output === "-") process.stderr.write(`${JSON.stringify(document)}\n`);
  else await emitJson(document);
}

/** Nothing has been started: programs are told why, people and the exit code by the failure itself. */
async function refuse(pipeline: string, output: string | undefined, thrown: unknown): Promise<never> {
  if (thrown instanceof Failure) {
    const { code, message } = thrown;
    await tell({ pipeline, run: "refused", error: { code, message } }, output);
  }
  throw thrown;
}
