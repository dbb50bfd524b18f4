/** `nodes`: every member of the cluster, as one of its nodes sees it. */
import { commonArgs, defineCommand, EXIT } from "../command.ts";
import { askChoices, nodeArgs } from "../node-flags.ts";
import { emit, emitJson } from "../output.ts";

export const nodes = defineCommand({
  about: "show the members of the cluster, as one of its nodes sees them",
  examples: ["nodes", "nodes --json", "nodes --node 10.0.0.1:8080 --secrets ./cluster"],
  args: {
    all: { type: "boolean", alias: "a", description: "also those that have left or died" },
    ...nodeArgs,
    verbose: commonArgs.verbose,
  },
  async run(args) {
    const { askNodes } = await import("../../app/node/ask-cluster.ts");
    const { answer, by } = await askNodes(askChoices(args));
    if (args.json) await emitJson({ asked: by, ...answer });
    else {
      const { nodesTable } = await import("../view/cluster.ts");
      const shown = answer.nodes.filter(({ state }) => args.all || (state !== "dead" && state !== "left"));
      await emit(`${nodesTable(shown)}\n`);
      const gone = answer.nodes.length - shown.length;
      const more = gone === 0 ? "" : `; ${gone} more have left or died, --all shows them`;
      process.stderr.write(`as ${by} sees it${more}\n`);
    }
    return EXIT.done;
  },
});
