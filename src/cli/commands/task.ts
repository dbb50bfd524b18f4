/** `task run|graph|check|show|list`: graphs of tasks that depend on each other. */
import { printableLines } from "../../base/printable.ts";
import { type CommandGroup, commonArgs, defineCommand, EXIT } from "../command.ts";
import { emit, emitJson } from "../output.ts";
import { graphText } from "../view/task.ts";

const file = {
  type: "positional",
  valueHint: "FILE",
  required: true,
  description: "the task graph (.json or .ts)",
} as const;

const check = defineCommand({
  about: "find every fault in a task graph",
  examples: ["task check config/tasks/checkout.json", "task check nightly.ts --json"],
  args: { file, json: commonArgs.json },
  async run(args) {
    const { checkGraphFile } = await import("../../app/task/describe-graph.ts");
    const { faults, tasks, text } = await checkGraphFile(args.file);
    if (args.json) await emitJson({ file: args.file, ok: faults.length === 0, tasks, faults });
    else process.stderr.write(`${printableLines(text)}\n`);
    return faults.length === 0 ? EXIT.done : EXIT.config;
  },
});

const graph = defineCommand({
  about: "print the order of a task graph and a Mermaid chart of it",
  examples: ["task graph config/tasks/checkout.json", "task graph nightly.ts --json"],
  args: { file, json: commonArgs.json },
  async run(args) {
    const { planGraph } = await import("../../app/task/describe-graph.ts");
    const plan = await planGraph(args.file);
    if (args.json) await emitJson(plan);
    else await emit(`${graphText(plan)}\n`);
    return EXIT.done;
  },
});

const evaluate = defineCommand({
  about:
    "run a TypeScript task graph's file and print the graph as JSON (the other commands do so in a process of its own)",
  examples: ["task evaluate nightly.ts > nightly.json"],
  args: { file },
  async run(args) {
    const { printableGraph } = await import("../../app/task/describe-graph.ts");
    await emit(`${await printableGraph(args.file)}\n`);
    return EXIT.done;
  },
});

export const task: CommandGroup = {
  about: "run graphs of tasks that depend on each other",
  commands: {
    check: { about: check.about, load: async () => check },
    graph: { about: graph.about, load: async () => graph },
    evaluate: { about: evaluate.about, load: async () => evaluate },
  },
};
