/** `restart NAME`: ends a part of a running instance and starts it again. */
import { printable } from "../../base/printable.ts";
import { defineCommand, EXIT } from "../command.ts";
import { choicesFrom, instanceArgs } from "../instances.ts";
import { emitJson } from "../output.ts";

export const restart = defineCommand({
  about: "stop a part of a running instance and start it again; done when it serves",
  examples: ["restart validate", 'restart "validate/lane 0"', "restart /basic_pipeline/validate --json"],
  args: {
    name: {
      type: "positional",
      valueHint: "NAME",
      required: true,
      description: "a name, or the end of a path, from ps",
    },
    ...instanceArgs,
  },
  async run(args) {
    const { restartNamed } = await import("../../app/control/operate.ts");
    const report = await restartNamed(choicesFrom(args), args.name);
    if (args.json) await emitJson(report);
    else process.stderr.write(`${report.done.map((path) => `restarted ${printable(path)}\n`).join("")}`);
    return EXIT.done;
  },
});
