/** `doctor`: what this machine gives a pipeline or a node, and what to change. */
import { printableLines } from "../../base/printable.ts";
import { commonArgs, defineCommand, EXIT } from "../command.ts";
import { emit, emitJson } from "../output.ts";

export const doctor = defineCommand({
  about: "look at what this machine gives, and say what to change; exit code 1 when something will fail",
  examples: ["doctor", "doctor --data-dir /var/lib/distributed_system", "doctor --json"],
  args: { json: commonArgs.json, "data-dir": commonArgs["data-dir"] },
  async run(args) {
    const [{ examine }, { reportText }, { stateDirectory }] = await Promise.all([
      import("../../app/doctor/doctor.ts"),
      import("../../app/doctor/report.ts"),
      import("../../app/self.ts"),
    ]);
    const report = await examine(stateDirectory(args["data-dir"]));
    await (args.json ? emitJson(report) : emit(printableLines(reportText(report))));
    return report.verdict === "bad" ? EXIT.failures : EXIT.done;
  },
});
