/** `services`: what services there are in the cluster, and with `--local` what a node runs itself. */
import { defineCommand, EXIT } from "../command.ts";
import { repeated } from "../instances.ts";
import { askChoices, nodeArgs } from "../node-flags.ts";
import { emit, emitJson } from "../output.ts";

export const services = defineCommand({
  about: "show the services of the cluster, each version with the nodes that offer it",
  examples: ["services", "services --tag billing", "services --local --json"],
  args: {
    tag: { type: "string", valueHint: "TAG", description: "only those that have it; may be given several times" },
    local: { type: "boolean", description: "what the asked node runs itself, with processes and faults" },
    ...nodeArgs,
  },
  async run(args, words) {
    const { askServices, listServices } = await import("../../app/service/ask-services.ts");
    const { localTable, servicesTable } = await import("../view/services.ts");
    if (args.local) {
      const { answer, by } = await askServices(askChoices(args), (client) => client.local({}));
      if (args.json) await emitJson({ asked: by, ...answer });
      else await emit(`${localTable(answer.services)}\n`);
      return EXIT.done;
    }
    const tags = repeated("--tag", words);
    const { answer, by } = await askServices(askChoices(args), (client) => listServices(client, tags));
    if (args.json) await emitJson({ asked: by, services: answer });
    else await emit(`${servicesTable(answer)}\n`);
    return EXIT.done;
  },
});
