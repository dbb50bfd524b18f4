/** `gateway HOST PORT | check | routes | try | status | reload | proposals | reveal`: the way in from outside, and what it goes by. */
import type { AskChoices } from "../../app/node/ask-node.ts";
import { printable, printableLines } from "../../base/printable.ts";
import { type CommandGroup, commonArgs, defineCommand, EXIT } from "../command.ts";
import { repeated } from "../instances.ts";
import { askChoices, type NodeFlags, nodeArgs } from "../node-flags.ts";
import { emit, emitJson } from "../output.ts";
import { reveal } from "./gateway-reveal.ts";
import { start } from "./gateway-start.ts";

const configArg = {
  type: "string",
  valueHint: "FILE",
  description: "look into this gateway file instead of asking a gateway",
} as const;

const check = defineCommand({
  about: "find every fault in a gateway file; --explain describes what may stand there",
  examples: ["gateway check config/gateway.txt", "gateway check --explain", "gateway check --json config/gateway.txt"],
  args: {
    file: { type: "positional", valueHint: "FILE", required: false, description: "the gateway file" },
    explain: { type: "boolean", description: "describe every kind of line, field and option" },
    json: commonArgs.json,
  },
  async run({ explain, file, json }) {
    const { checkGateway, explainGateway } = await import("../../app/gateway/check-gateway.ts");
    if (explain) {
      await emit(`${explainGateway()}\n`);
      if (file === undefined) return EXIT.done;
    }
    if (file === undefined) {
      process.stderr.write("error: gateway check needs a gateway file, or --explain\n");
      return EXIT.usage;
    }
    const { faults, notes, summary, text } = await checkGateway(file);
    if (json) await emitJson({ file, ok: faults.length === 0, faults, notes, ...summary });
    else process.stderr.write(`${printableLines(text)}\n`);
    return faults.length === 0 ? EXIT.done : EXIT.config;
  },
});

const routes = defineCommand({
  about: "show the routes, their targets, and what they have done",
  examples: ["gateway routes", "gateway routes --json", "gateway routes --config config/gateway.txt"],
  args: { config: configArg, ...nodeArgs },
  async run(args) {
    const { listRoutes } = await import("../../app/gateway/ask-gateway.ts");
    const { answer, by } = await listRoutes(asking(args), args.config);
    if (args.json) await emitJson({ asked: by, ...answer });
    else await emit(`${(await import("../view/gateway.ts")).routesTable(answer.routes)}\n`);
    return EXIT.done;
  },
});

const tryRoute = defineCommand({
  about: "tell which route would take a request, and why not the others; nothing is sent",
  examples: [
    "gateway try GET https://api.example.com/users/7",
    "gateway try POST /grpc/service/helloworld.Greeter/SayHello --header 'content-type: application/json'",
    "gateway try GET /users/7 --config config/gateway.txt --json",
  ],
  args: {
    method: { type: "positional", valueHint: "METHOD", required: true, description: "GET, POST, …" },
    url: { type: "positional", valueHint: "URL", required: true, description: "a path, or a URL with a host" },
    header: { type: "string", valueHint: "'NAME: VALUE'", description: "of the request; may be given several times" },
    client: { type: "string", valueHint: "ADDRESS", description: "the client's address (127.0.0.1)" },
    config: configArg,
    ...nodeArgs,
  },
  async run(args, words) {
    const { tryRequest } = await import("../../app/gateway/ask-gateway.ts");
    const request = { method: args.method, url: args.url, headers: repeated("--header", words), client: args.client };
    const { answer, by } = await tryRequest(asking(args), request, args.config);
    if (args.json) await emitJson({ asked: by, ...answer });
    else await emit(`${(await import("../view/gateway.ts")).tryText(answer)}\n`);
    return answer.route === undefined ? EXIT.failures : EXIT.done;
  },
});

const status = defineCommand({
  about: "show where the gateway listens, and what it has to do",
  examples: ["gateway status", "gateway status --json"],
  args: nodeArgs,
  async run(args) {
    const { askGateway } = await import("../../app/gateway/ask-gateway.ts");
    const { answer, by } = await askGateway(asking(args), (client) => client.status({}));
    if (args.json) await emitJson({ asked: by, ...answer });
    else await emit(`${(await import("../view/gateway.ts")).statusText(answer)}\n`);
    return EXIT.done;
  },
});

const reload = defineCommand({
  about: "have the gateway read its file and certificates again, as SIGHUP does; no connection is lost",
  examples: ["gateway reload", "gateway reload --node 127.0.0.1:8081"],
  // Many rules are loaded for seconds, and another reload may be under way.
  args: { ...nodeArgs, timeout: { ...nodeArgs.timeout, default: "60s" } },
  async run(args) {
    const { askGateway } = await import("../../app/gateway/ask-gateway.ts");
    const choices: AskChoices = { ...asking(args), access: "operate" };
    const { answer, by } = await askGateway(choices, (client) => client.reload({}));
    if (args.json) await emitJson({ asked: by, ...answer });
    else process.stderr.write(`${printable(`${by} goes by its file as it is now: ${answer.routes} routes`)}\n`);
    return EXIT.done;
  },
});

const proposals = defineCommand({
  about: "show the exclusions that the firewall's detect mode proposes from the traffic it has seen",
  examples: ["gateway proposals", "gateway proposals --json"],
  args: nodeArgs,
  async run(args) {
    const { askGateway } = await import("../../app/gateway/ask-gateway.ts");
    const { answer, by } = await askGateway(asking(args), (client) => client.proposals({}));
    if (args.json) await emitJson({ asked: by, ...answer });
    else await emit(`${(await import("../view/gateway.ts")).proposalsText(answer.proposals)}\n`);
    return EXIT.done;
  },
});

function asking(args: NodeFlags): AskChoices {
  return { ...askChoices(args), commands: ["gateway"] };
}

export const gateway: CommandGroup = {
  about: "the way in from outside: HTTP, WebSocket and gRPC on one port; `gateway HOST PORT --config FILE` runs one",
  commands: {
    start: { about: start.about, load: async () => start },
    check: { about: check.about, load: async () => check },
    routes: { about: routes.about, load: async () => routes },
    try: { about: tryRoute.about, load: async () => tryRoute },
    status: { about: status.about, load: async () => status },
    reload: { about: reload.about, load: async () => reload },
    proposals: { about: proposals.about, load: async () => proposals },
    reveal: { about: reveal.about, load: async () => reveal },
  },
  otherwise: "start",
  isOtherwise: isHostAndPort,
};

/** A word alone that looks like a command is a mistyped one. */
function isHostAndPort([first = "", ...rest]: readonly string[]): boolean {
  return !/^[a-z][a-z-]*$/i.test(first) || first === "localhost" || rest.some((word) => /^\d{1,5}$/.test(word));
}
