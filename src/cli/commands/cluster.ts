/** `cluster status` and `cluster explain NODE`: what one node knows of the cluster, and why. */
import { Failure } from "../../base/errors.ts";
import { type CommandGroup, defineCommand, EXIT } from "../command.ts";
import { askChoices, nodeArgs } from "../node-flags.ts";
import { emit, emitJson } from "../output.ts";

const status = defineCommand({
  about:
    "show one node's view: its side of a partition, who leads, what it has counted; exit code 1 when its side is down",
  examples: ["cluster status", "cluster status --node 127.0.0.1:8080 --json"],
  args: nodeArgs,
  async run(args) {
    const { askStatus } = await import("../../app/node/ask-cluster.ts");
    const { answer, by } = await askStatus(askChoices(args));
    if (args.json) await emitJson({ asked: by, ...answer });
    else await emit(`${(await import("../view/cluster.ts")).statusText(answer)}\n`);
    return answer.self.status === "down" ? EXIT.failures : EXIT.done;
  },
});

const explain = defineCommand({
  about: "say why a member is held to be alive, suspect or dead: probes, heart-beats, who says so",
  examples: ["cluster explain n2", "cluster explain 127.0.0.1:8081 --json"],
  args: {
    member: { type: "positional", valueHint: "NODE", required: true, description: "its id, name or host:port" },
    ...nodeArgs,
  },
  async run(args) {
    if (args.member === "") throw new Failure("usage.node", "NODE is empty; an id, a name or HOST:PORT is required");
    const { askWhy } = await import("../../app/node/ask-cluster.ts");
    const { answer, by } = await askWhy(askChoices(args), args.member);
    if (args.json) await emitJson({ asked: by, ...answer });
    else await emit(`${(await import("../view/cluster.ts")).whyText(answer, by)}\n`);
    return EXIT.done;
  },
});

export const cluster: CommandGroup = {
  about: "look at the cluster through one of its nodes",
  commands: {
    status: { about: status.about, load: async () => status },
    explain: { about: explain.about, load: async () => explain },
  },
};
