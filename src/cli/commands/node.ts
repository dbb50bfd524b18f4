/** `node NAME [HOST PORT [SEED-HOST SEED-PORT]]`: a member of the cluster, until it is told to stop. */
import { defineCommand } from "../command.ts";
import { live, memberArgs, memberFeatures, memberSettings, teller } from "../member.ts";

export const node = defineCommand({
  about: "run a node: a member of the cluster that other nodes find, call and watch",
  examples: [
    "node n1 127.0.0.1 8080",
    "node n2 127.0.0.1 8081 127.0.0.1 8080",
    "node n3 --seeds 127.0.0.1:8080,127.0.0.1:8081 --role worker --json",
    "node n1 10.0.0.1 8080 --secrets ./cluster --split-brain keep-majority",
  ],
  args: {
    name: { type: "positional", valueHint: "NAME", required: true, description: "its name, unique in the cluster" },
    ...memberArgs,
  },
  async run(args, words) {
    const settings = await memberSettings(args.name, args, words);
    const features = await memberFeatures(settings, args, words);
    return live(settings, { ...features, tell: teller(args) });
  },
});
