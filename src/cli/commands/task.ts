/** `task run|check|graph|list|show|cancel|evaluate`: graphs of tasks that depend on each other. */
import type { ListedRun, ShownRun, ShownTask } from "../../app/task/stored-runs.ts";
import { Failure } from "../../base/errors.ts";
import { printableLines } from "../../base/printable.ts";
import { type CommandGroup, commonArgs, defineCommand, EXIT } from "../command.ts";
import { askChoices } from "../node-flags.ts";
import { emit, emitJson } from "../output.ts";
import { graphText, runListText, shownRunText, shownTaskText } from "../view/task.ts";
import { isForMaster, type OnMasterFlags, onMasterArgs, taskCancel } from "./task-on-master.ts";
import { taskRun } from "./task-run.ts";

const file = {
  type: "positional",
  valueHint: "FILE",
  required: true,
  description: "the task graph (.json or .ts)",
} as const;

const runsArgs = { "data-dir": commonArgs["data-dir"], json: commonArgs.json, ...onMasterArgs } as const;

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
  examples: ["task list", "task list --limit 5 --json", "task list --on-master"],
  args: { limit: { type: "string", valueHint: "N", default: "20", description: "most runs shown" }, ...runsArgs },
  async run(args) {
    const limit = wholeNumber("--limit", args.limit);
    const runs = await (await runsOf(args)).list(limit);
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
    ...runsArgs,
  },
  async run(args) {
    const runs = await runsOf(args);
    if (args.task !== undefined) {
      const shown = await runs.task(args.run, args.task);
      if (args.json) await emitJson(shown);
      else await emit(`${shownTaskText(shown)}\n`);
      return EXIT.done;
    }
    const shown = await runs.show(args.run, args.json ? Number.POSITIVE_INFINITY : TASKS_LOOKED_AT);
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

/** More than people are shown. */
const TASKS_LOOKED_AT = 100;

interface Runs {
  list(limit: number): readonly ListedRun[] | Promise<readonly ListedRun[]>;
  show(run: string, tasksMax: number): ShownRun | Promise<ShownRun>;
  task(run: string, task: string): ShownTask | Promise<ShownTask>;
}

/** Those of a data directory, or of a master that is asked. */
async function runsOf(flags: OnMasterFlags): Promise<Runs> {
  if (!isForMaster(flags)) {
    const { listRuns, showRun, showTask } = await import("../../app/task/stored-runs.ts");
    const dataDir = flags["data-dir"];
    return {
      list: (limit) => listRuns(dataDir, limit),
      show: (run) => showRun(dataDir, run),
      task: (run, id) => showTask(dataDir, run, id),
    };
  }
  const { askTasks, shownAtMaster, taskAtMaster } = await import("../../app/master/tasks/ask-tasks.ts");
  const choices = askChoices(flags);
  return {
    list: async (limit) => (await askTasks(choices, (client) => client.list({ limit }))).answer.runs,
    show: (run, tasksMax) => shownAtMaster(choices, run, tasksMax),
    task: (run, id) => taskAtMaster(choices, run, id),
  };
}

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
    cancel: { about: taskCancel.about, load: async () => taskCancel },
    evaluate: { about: evaluate.about, load: async () => evaluate },
  },
};
