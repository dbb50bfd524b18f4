/** `reload [NAME]`: a running pipeline reads its file again and becomes what that says. */
import { printable } from "../../base/printable.ts";
import { formatDurationMs } from "../../base/units.ts";
import { defineCommand, EXIT } from "../command.ts";
import { choicesFrom, instanceArgs } from "../instances.ts";
import { emitJson } from "../output.ts";

export const reload = defineCommand({
  about: "read the pipeline file again and become what it says; a file with faults changes nothing",
  examples: ["reload", "reload basic_pipeline", "reload config/basic_pipeline.txt --timeout 2m --json"],
  args: {
    name: {
      type: "positional",
      valueHint: "NAME",
      required: false,
      description: "the pipeline's name or file; not needed when one runs",
    },
    ...instanceArgs,
  },
  async run(args) {
    const { reloadInstance } = await import("../../app/control/operate.ts");
    const report = await reloadInstance(choicesFrom(args), args.name);
    if (args.json) await emitJson(report);
    else {
      const { changed, added, removed, moved, unchanged, tookMs } = report;
      const lines = Object.entries({ changed, added, removed, moved, unchanged })
        .filter(([, stages]) => stages.length > 0)
        .map(([what, stages]) => `${what}: ${stages.map(printable).join(", ")}\n`);
      process.stderr.write(`${lines.join("")}reloaded in ${formatDurationMs(tookMs)}\n`);
    }
    return EXIT.done;
  },
});
