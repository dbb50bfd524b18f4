/** `check FILE`: every fault at once, with its place; `--explain`: what may stand in the file. */
import { printableLines } from "../../base/printable.ts";
import { commonArgs, defineCommand, EXIT } from "../command.ts";
import { emit, emitJson } from "../output.ts";

export const check = defineCommand({
  about: "find every fault in a pipeline file, loading each plugin to validate its parameters",
  examples: ["check config/basic_pipeline.txt", "check --explain", "check --json config/basic_pipeline.txt"],
  args: {
    file: { type: "positional", valueHint: "FILE", required: false, description: "the pipeline file" },
    explain: { type: "boolean", description: "describe every field, setting, policy, source and sink" },
    json: commonArgs.json,
  },
  async run({ file, explain, json }) {
    const { checkFile, explainAll } = await import("../../app/check-pipeline.ts");
    if (explain) {
      await emit(`${explainAll()}\n`);
      if (file === undefined) return EXIT.done;
    }
    if (file === undefined) return usage();
    const { faults, text, summary } = await checkFile(file);
    if (json) await emitJson({ file, ok: faults.length === 0, faults, ...summary });
    else process.stderr.write(`${printableLines(text)}\n`);
    return faults.length === 0 ? EXIT.done : EXIT.config;
  },
});

function usage(): number {
  process.stderr.write("error: check needs a pipeline file, or --explain\nTry: distributed_system check --help\n");
  return EXIT.usage;
}
