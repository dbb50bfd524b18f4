/** The commands that talk to a master: submit, pipelines, pause, resume, cancel, drain. */
import type { ArgsDef } from "citty";
import type { PipelineView } from "../../app/master/ask-master.ts";
import { printable } from "../../base/printable.ts";
import { type Command, commonArgs, defineCommand, EXIT } from "../command.ts";
import { askChoices, nodeArgs } from "../node-flags.ts";
import { emit, emitJson } from "../output.ts";

const masterArgs = {
  ...nodeArgs,
  node: { ...nodeArgs.node, description: "which master (default: one that runs on this machine)" },
  timeout: { ...nodeArgs.timeout, default: "60s" },
  quiet: commonArgs.quiet,
} as const satisfies ArgsDef;

const pipelineArgs = {
  pipeline: {
    type: "positional",
    valueHint: "PIPELINE",
    required: true,
    description: "its name or id, from pipelines",
  },
  ...masterArgs,
} as const satisfies ArgsDef;

export const submit = defineCommand({
  about:
    "have a master run a pipeline file; one that is under way becomes what its file says now, from its checkpoint on",
  examples: ["submit config/basic_pipeline.txt", "submit orders.txt --fresh --node 10.0.0.1:8080 --secrets ./cluster"],
  args: {
    file: { type: "positional", valueHint: "FILE", required: true, description: "the file, on the master's machine" },
    fresh: { type: "boolean", description: "start over: forget the checkpoint and replace the output" },
    input: { type: "string", alias: "i", valueHint: "PATH", description: "read this instead of the file's source" },
    output: { type: "string", alias: "o", valueHint: "PATH", description: "write there instead of the file's sink" },
    ...masterArgs,
  },
  async run({ file, fresh, input, output, ...flags }) {
    const { resolve } = await import("node:path");
    const { askMaster } = await import("../../app/master/ask-master.ts");
    const ends = {
      ...(input !== undefined && { input: resolve(input) }),
      ...(output !== undefined && { output: resolve(output) }),
    };
    const request = { path: resolve(file), ...ends, ...(fresh && { fresh }) };
    const { answer } = await askMaster(askChoices(flags), (client) => client.submit(request));
    return told(answer.pipeline, flags, "submitted");
  },
});

export const pipelines = defineCommand({
  about: "show a master's pipelines and its workers",
  examples: ["pipelines", "pipelines --json", "pipelines --node 10.0.0.1:8080 --secrets ./cluster"],
  args: masterArgs,
  async run(args) {
    const { askMaster } = await import("../../app/master/ask-master.ts");
    const { answer, by } = await askMaster(askChoices(args), (client) => client.list({}));
    if (args.json) await emitJson({ asked: by, ...answer });
    else {
      const { pipelinesTable, workersTable } = await import("../view/pipelines.ts");
      const none = "no pipelines: submit FILE runs one";
      await emit(`${answer.pipelines.length > 0 ? pipelinesTable(answer.pipelines) : none}\n\n`);
      await emit(`${answer.workers.length > 0 ? workersTable(answer.workers) : "no workers are here"}\n`);
      if (!args.quiet) process.stderr.write(`as ${by} sees it\n`);
    }
    return EXIT.done;
  },
});

export const pause = onPipeline("pause", "paused", "let a pipeline commit what is under way and wait");
export const resume = onPipeline("resume", "resumed", "let a paused or failed pipeline go on from its checkpoint");
export const cancel = onPipeline("cancel", "cancelled", "end a pipeline for good; what is committed stays");

export const drain = defineCommand({
  about:
    "give a worker no new work and take away what it has, so that it can be stopped without a loss of time; the master remembers it",
  examples: ["drain worker1", "drain worker1 --off"],
  args: {
    worker: { type: "positional", valueHint: "NODE", required: true, description: "its id" },
    off: { type: "boolean", description: "let it work again" },
    ...masterArgs,
  },
  async run({ off, worker, ...flags }) {
    const { askMaster } = await import("../../app/master/ask-master.ts");
    const request = { node: worker, on: !off };
    const { answer } = await askMaster(askChoices(flags), (client) => client.drain(request));
    if (flags.json) await emitJson(answer);
    else if (!flags.quiet) process.stderr.write(`${off ? "works again" : "drains"}: ${printable(worker)}\n`);
    return EXIT.done;
  },
});

function onPipeline(word: "pause" | "resume" | "cancel", done: string, about: string): Command<typeof pipelineArgs> {
  return defineCommand({
    about,
    examples: [`${word} orders`, `${word} orders-20260101-k7xq --node 10.0.0.1:8080 --secrets ./cluster`],
    args: pipelineArgs,
    async run({ pipeline, ...flags }) {
      const { askMaster } = await import("../../app/master/ask-master.ts");
      const { answer } = await askMaster(askChoices(flags), (client) => client[word]({ pipeline }));
      return told(answer.pipeline, flags, done);
    },
  });
}

async function told(
  pipeline: PipelineView,
  { json, quiet }: { readonly json?: boolean | undefined; readonly quiet?: boolean | undefined },
  done: string,
): Promise<number> {
  if (json) await emitJson({ pipeline });
  else if (!quiet) process.stderr.write(`${done}: ${printable(pipeline.name)} (${pipeline.id}) is ${pipeline.state}\n`);
  return EXIT.done;
}
