/** `task run|check|graph|list|show|evaluate`: graphs of tasks that depend on each other. */
import { Failure } from "../../base/errors.ts";
import { printableLines } from "../../base/printable.ts";
import { type CommandGroup, commonArgs, defineCommand, EXIT } from "../command.ts";
import { emit, emitJson } from "../output.ts";
import { graphText, runListText, shownRunText, shownTaskText } from "../view/task.ts";
import { taskRun } from "./task-run.ts";

const file = {
  type: "positional",
  valueHint: "FILE",
  required: true,
  description: "the task graph (.json or .ts)",
} as const;

const dataDir = { "data-dir": commonArgs["data-dir"], json: commonArgs.json } as const;

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

const list = defineCommand({
  about: "list runs of task graphs, the latest first",
  examples: ["task list", "task list --limit 5 --json"],
  args: { limit: { type: "string", valueHint: "N", default: "20", description: "most runs shown" }, ...dataDir },
  async run(args) {
    const { listRuns } = await import("../../app/task/stored-runs.ts");
    const runs = listRuns(args["data-dir"], wholeNumber("--limit", args.limit));
    if (args.json) await emitJson(runs);
    else await emit(`${runListText(runs)}\n`);
    return EXIT.done;
  },
});

const show = defineCommand({
  about: "show a run of a task graph, or one of its tasks with what it has left",
  examples: ["task show 20260131120000-0a1b2c3d4e", "task show 20260131120000-0a1b2c3d4e pay --json"],
  args: {
    run: { type: "positional", valueHint: "ID", required: true, description: "the run's id, as task list shows it" },
    task: { type: "positional", valueHint: "TASK", required: false, description: "the id of one task" },
    ...dataDir,
  },
  async run(args) {
    const { showRun, showTask } = await import("../../app/task/stored-runs.ts");
    if (args.task !== undefined) {
      const shown = showTask(args["data-dir"], args.run, args.task);
      if (args.json) await emitJson(shown);
      else await emit(`${shownTaskText(shown)}\n`);
      return EXIT.done;
    }
    const shown = showRun(args["data-dir"], args.run);
    if (args.json) await emitJson(shown);
    else await emit(`${shownRunText(shown)}\n`);
    return EXIT.done;
  },
});

const evaluate = defineCommand({
  about: "run a TypeScript task graph's file and print the graph as JSON",
  examples: ["task evaluate nightly.ts > nightly.json"],
  args: { file },
  async run(args) {
    const { printableGraph } = await import("../../app/task/describe-graph.ts");
    await emit(`${await printableGraph(args.file)}\n`);
    return EXIT.done;
  },
});

function wholeNumber(name: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new Failure("usage.number", `${name} is ${JSON.stringify(text)}; a whole number is required`);
}

export const task: CommandGroup = {
  about: "run graphs of tasks that depend on each other",
  commands: {
    run: { about: taskRun.about, load: async () => taskRun },
    check: { about: check.about, load: async () => check },
    graph: { about: graph.about, load: async () => graph },
    list: { about: list.about, load: async () => list },
    show: { about: show.about, load: async () => show },
    evaluate: { about: evaluate.about, load: async () => evaluate },
  },
};
