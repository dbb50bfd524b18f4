/** `stop NAME`: ends a part of a running instance, or all of it, in order. */
import { printable } from "../../base/printable.ts";
import { defineCommand, EXIT } from "../command.ts";
import { choicesFrom, instanceArgs } from "../instances.ts";
import { emitJson } from "../output.ts";

export const stop = defineCommand({
  about: "stop a part of a running instance; its pipeline's name ends the run in order, as Ctrl-C does",
  examples: ["stop basic_pipeline", "stop basic_pipeline/validate", 'stop "validate/lane 0" --timeout 5s --json'],
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
    const { stopNamed } = await import("../../app/control/operate.ts");
    const report = await stopNamed(choicesFrom(args), args.name);
    if (args.json) await emitJson(report);
    else process.stderr.write(`${report.done.map((path) => `stopped ${printable(path)}\n`).join("")}`);
    return EXIT.done;
  },
});
