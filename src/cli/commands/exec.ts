/** `exec FILE [ARGUMENTS…]`: runs a program that embeds a node, with nothing installed but this executable. */
import { defineCommand } from "../command.ts";

export const exec = defineCommand({
  about: "run a program of yours (.ts or .js) that imports distributed-system/node",
  examples: ["exec scripts/examples/ping-pong/pong.ts", "exec my-node.ts --verbose"],
  args: {
    file: {
      type: "positional",
      valueHint: "FILE",
      required: true,
      description: "the program; what follows is its own",
    },
  },
  passesWordsOn: true,
  async run(args, words) {
    const { execProgram } = await import("../../app/exec-program.ts");
    await execProgram(args.file, words);
    return undefined;
  },
});
