/** `service show|swap|restart|rescan`: one service, and what a node runs. */
import { resolve } from "node:path";
import type { AskChoices } from "../../app/node/ask-node.ts";
import { printable } from "../../base/printable.ts";
import { type CommandGroup, defineCommand, EXIT } from "../command.ts";
import { askChoices, type NodeFlags, nodeArgs } from "../node-flags.ts";
import { emit, emitJson } from "../output.ts";

const name = {
  type: "positional",
  valueHint: "NAME[@VERSION]",
  required: true,
  description: "users, users@1 or users@1.2.0",
} as const;

/** A swap waits for a process to start, and for `init`. */
const changeArgs = { ...nodeArgs, timeout: { ...nodeArgs.timeout, default: "60s" } } as const;

const show = defineCommand({
  about: "show a service: its methods, what they take and who may call them, and where it runs",
  examples: ["service show users", "service show users@1.2.0 --json"],
  args: { name, ...nodeArgs },
  async run(args) {
    const { askServices } = await import("../../app/service/ask-services.ts");
    const { answer, by } = await askServices(askChoices(args), (client) => client.describe({ service: args.name }));
    if (args.json) await emitJson({ asked: by, ...answer });
    else await emit(`${(await import("../view/services.ts")).describedText(answer)}\n`);
    return EXIT.done;
  },
});

const swap = defineCommand({
  about: "have new processes take over, from the service's file as it is now or from FILE; no call is lost",
  examples: ["service swap users", "service swap users@1 ./services/users-1.3.ts"],
  args: {
    name,
    file: { type: "positional", valueHint: "FILE", required: false, description: "a module, or its directory" },
    ...changeArgs,
  },
  async run(args) {
    const { askServices } = await import("../../app/service/ask-services.ts");
    const file = args.file === undefined ? {} : { file: resolve(args.file) };
    const asked = await askServices(operating(args), (client) => client.swap({ service: args.name, ...file }));
    return changed(asked.answer, args.json, "swapped; now serves");
  },
});

const restart = defineCommand({
  about: "have new processes of a service take over; one that has failed is tried again",
  examples: ["service restart users"],
  args: { name, ...changeArgs },
  async run(args) {
    const { askServices } = await import("../../app/service/ask-services.ts");
    const asked = await askServices(operating(args), (client) => client.restart({ service: args.name }));
    return changed(asked.answer, args.json, "restarted; now serves");
  },
});

const rescan = defineCommand({
  about:
    "start services whose files are new, swap changed ones, stop those whose files are gone; exit code 1 for faults",
  examples: ["service rescan", "service rescan --json"],
  args: changeArgs,
  async run(args) {
    const { askServices } = await import("../../app/service/ask-services.ts");
    const { answer } = await askServices(operating(args), (client) => client.rescan({}));
    if (args.json) await emitJson(answer);
    else await emit(`${(await import("../view/services.ts")).rescanText(answer)}\n`);
    return answer.faults.length === 0 ? EXIT.done : EXIT.failures;
  },
});

function operating(args: NodeFlags): AskChoices {
  return { ...askChoices(args), access: "operate" };
}

async function changed(answer: { readonly service: string }, json: boolean | undefined, done: string): Promise<number> {
  if (json) await emitJson(answer);
  else process.stderr.write(`${done} ${printable(answer.service)}\n`);
  return EXIT.done;
}

export const service: CommandGroup = {
  about: "look at one service, and change what a node runs",
  commands: {
    show: { about: show.about, load: async () => show },
    swap: { about: swap.about, load: async () => swap },
    restart: { about: restart.about, load: async () => restart },
    rescan: { about: rescan.about, load: async () => rescan },
  },
};
