/** `call SERVICE.METHOD [JSON]`: calls a method of a service, wherever in the cluster it runs. */
import type { AskChoices } from "../../app/node/ask-node.ts";
import type { MethodCall } from "../../app/service/ask-services.ts";
import { defineCommand, EXIT } from "../command.ts";
import { repeated } from "../instances.ts";
import { askChoices, nodeArgs } from "../node-flags.ts";
import { emit, emitJson } from "../output.ts";
import { methodFrom, paramsFrom } from "../service-flags.ts";

export const call = defineCommand({
  about: "call a method of a service; its result is one line of JSON, a stream's items one line each",
  examples: [
    "call users.get '{\"id\": 7}'",
    "call users@1.create - < user.json",
    "call users.ping --all",
    "call orders.watch --timeout 1h",
  ],
  args: {
    method: { type: "positional", valueHint: "SERVICE.METHOD", required: true, description: "users.get, users@1.get" },
    params: { type: "positional", valueHint: "JSON", required: false, description: "its params; - is standard input" },
    all: { type: "boolean", description: "on every node that offers it; exit code 1 when one of them fails" },
    tag: { type: "string", valueHint: "TAG", description: "only where it has that tag; may be given several times" },
    ...nodeArgs,
    timeout: { ...nodeArgs.timeout, default: "30s" },
  },
  async run(args, words) {
    const choices: AskChoices = { ...askChoices(args), access: "operate" };
    const params = await paramsFrom(args.params);
    const asked: MethodCall = { ...methodFrom(args.method), params, tags: repeated("--tag", words) };
    if (args.all) return callAll(choices, asked);
    const { callMethod, isStreamed } = await import("../../app/service/ask-services.ts");
    if (asked.tags.length === 0 && (await isStreamed(choices, asked))) return callStream(choices, asked);
    await emitJson((await callMethod(choices, asked)) ?? null);
    return EXIT.done;
  },
});

async function callAll(choices: AskChoices, asked: MethodCall): Promise<number> {
  const { callEverywhere } = await import("../../app/service/ask-services.ts");
  const answers = await callEverywhere(choices, asked);
  for (const answer of answers) await emitJson(answer);
  return answers.every(({ ok }) => ok) ? EXIT.done : EXIT.failures;
}

async function callStream(choices: AskChoices, asked: MethodCall): Promise<number> {
  const { streamMethod } = await import("../../app/service/ask-services.ts");
  for await (const item of streamMethod(choices, asked, new AbortController().signal)) await emit(`${item}\n`);
  return EXIT.done;
}
