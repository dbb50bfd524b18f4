/** `dashboard`: prints the address of a running node's dashboard, with a token that is good for an hour. */
import { formatDurationMs } from "../../base/units.ts";
import { defineCommand, EXIT } from "../command.ts";
import { askChoices, nodeArgs } from "../node-flags.ts";
import { emit, emitJson } from "../output.ts";

export const dashboard = defineCommand({
  about: "print the address of a node's dashboard, to be opened in a browser; whoever has it may operate for an hour",
  examples: ["dashboard", "dashboard --node 10.0.0.1:8080 --secrets ./cluster"],
  args: nodeArgs,
  async run(args) {
    const { askDashboard } = await import("../../app/token/dashboard-link.ts");
    const { answer, by } = await askDashboard(askChoices(args));
    if (args.json) await emitJson({ asked: by, ...answer });
    else {
      await emit(`${answer.url}\n`);
      process.stderr.write(`of ${by}; its token ends in ${formatDurationMs(answer.expires_in * 1000)}\n`);
    }
    return EXIT.done;
  },
});
