/** `report [ID]`: what runs have done, from what they have stored: nothing needs to run any more. */
import { systemClock } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import { printable } from "../../base/printable.ts";
import { commonArgs, defineCommand, EXIT } from "../command.ts";
import { emit, emitJson } from "../output.ts";
import { reportsTable, reportText } from "../view/report.ts";

export const report = defineCommand({
  about: "show what a run of a pipeline or a task graph has done; without ID list the reports there are",
  examples: ["report", "report orders-20260101-k7xq", "report k7xq --json"],
  args: {
    id: {
      type: "positional",
      valueHint: "ID",
      required: false,
      description: "the report's id, the beginning of it, or its last four letters",
    },
    limit: { type: "string", valueHint: "N", default: "50", description: "most reports listed" },
    json: commonArgs.json,
    "data-dir": commonArgs["data-dir"],
  },
  async run(args) {
    const { findReport, listReports, reportsPath } = await import("../../app/report/reports.ts");
    if (args.id !== undefined) {
      const found = findReport(args["data-dir"], args.id);
      await (args.json ? emitJson(found) : emit(`${reportText(found, systemClock.now())}\n`));
      return EXIT.done;
    }
    const lines = listReports(args["data-dir"], wholeNumber(args.limit));
    if (args.json) await emitJson(lines);
    else if (lines.length > 0) await emit(`${reportsTable(lines, systemClock.now())}\n`);
    else process.stderr.write(`there are no reports in ${printable(reportsPath(args["data-dir"]))}\n`);
    return EXIT.done;
  },
});

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new Failure("usage.number", `--limit is ${JSON.stringify(text)}; a whole number above 0 is required`);
}
