/** `report [ID]`: what runs have done: those of masters, and those of this machine, which nothing needs to run for any more. */
import type { AskChoices } from "../../app/node/ask-node.ts";
import { systemClock } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import { printable } from "../../base/printable.ts";
import { defineCommand, EXIT } from "../command.ts";
import { askChoices, nodeArgs } from "../node-flags.ts";
import { emit, emitJson } from "../output.ts";
import { reportsTable, reportText } from "../view/report.ts";

export const report = defineCommand({
  about: "show what a run of a pipeline or a task graph has done; without ID list the reports there are",
  examples: ["report", "report orders-20260101-k7xq", "report k7xq --json", "report --node 10.0.0.1:8080"],
  args: {
    id: {
      type: "positional",
      valueHint: "ID",
      required: false,
      description: "the report's id, the beginning of it, or its last four letters",
    },
    limit: { type: "string", valueHint: "N", default: "50", description: "most reports listed" },
    ...nodeArgs,
    node: { ...nodeArgs.node, description: "ask the master there only (default: one of this machine, and its files)" },
  },
  async run(args) {
    const { findAnyReport, listAllReports } = await import("../../app/report/ask-reports.ts");
    const choices = askChoices(args);
    const note = (silent?: string): void => {
      if (silent !== undefined) process.stderr.write(`a master here has not answered: ${printable(silent)}\n`);
    };
    if (args.id !== undefined) {
      const { found, silent } = await findAnyReport(choices, args.id);
      note(silent);
      await (args.json ? emitJson(found) : emit(`${reportText(found, systemClock.now())}\n`));
      return EXIT.done;
    }
    const { found, silent } = await listAllReports(choices, wholeNumber(args.limit));
    note(silent);
    if (args.json) await emitJson(found);
    else if (found.length > 0) await emit(`${reportsTable(found, systemClock.now())}\n`);
    else process.stderr.write(`there are no reports ${await placeOf(choices)}\n`);
    return EXIT.done;
  },
});

async function placeOf({ dataDir, node }: AskChoices): Promise<string> {
  const { reportsPath } = await import("../../app/report/reports.ts");
  return node === undefined ? `in ${printable(reportsPath(dataDir))}` : `at ${printable(node)}`;
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new Failure("usage.number", `--limit is ${JSON.stringify(text)}; a whole number above 0 is required`);
}
