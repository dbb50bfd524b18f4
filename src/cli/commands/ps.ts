/** `ps [NAME]`: what runs: every instance with its supervisors and processes. */
import { systemClock } from "../../base/clock.ts";
import { defineCommand, EXIT } from "../command.ts";
import { choicesFrom, instanceArgs } from "../instances.ts";
import { emit, emitJson } from "../output.ts";

export const ps = defineCommand({
  about: "show running instances with their supervisors and processes",
  examples: ["ps", "ps --tree", "ps validate", "ps --json --instance 4711"],
  args: {
    name: { type: "positional", valueHint: "NAME", required: false, description: "only what has this name or path" },
    tree: { type: "boolean", description: "draw who supervises whom" },
    ...instanceArgs,
    timeout: { ...instanceArgs.timeout, default: "5s" },
  },
  async run(args) {
    const { showInstances } = await import("../../app/control/operate.ts");
    const shown = await showInstances(choicesFrom(args), args.name);
    if (args.json) await emitJson(shown);
    else if (shown.length === 0) process.stderr.write("nothing is running with this data directory\n");
    else {
      const { instancesTable } = await import("../view/tree.ts");
      await emit(`${instancesTable(shown, args.tree ?? false, systemClock.now())}\n`);
    }
    return shown.some((each) => "error" in each) ? EXIT.failures : EXIT.done;
  },
});
