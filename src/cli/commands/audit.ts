/** `audit verify FILE`. */
import { printableLines } from "../../base/printable.ts";
import { type CommandGroup, commonArgs, defineCommand } from "../command.ts";
import { emit, emitJson } from "../output.ts";

const verify = defineCommand({
  about: "find any edited, removed, swapped or cut line in a file of the audit plugin",
  examples: ["audit verify output/audit.ndjson", "audit verify --json output/audit.ndjson"],
  args: {
    file: { type: "positional", valueHint: "FILE", required: true, description: "the audit file" },
    "expect-head": {
      type: "string",
      valueHint: "HASH",
      description: "a head noted earlier, which must still be in the chain",
    },
    json: commonArgs.json,
  },
  async run(args) {
    const { verifyAudit } = await import("../../app/audit-file.ts");
    const { report, text, code } = await verifyAudit(args.file, args["expect-head"]);
    await (args.json ? emitJson(report) : emit(printableLines(text)));
    return code;
  },
});

export const audit: CommandGroup = {
  about: "verify audit files",
  commands: { verify: { about: verify.about, load: async () => verify } },
};
