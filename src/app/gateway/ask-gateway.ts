/** What the commands about gateways ask: a running one, or a gateway file alone. */
import { isIP } from "node:net";
import { systemClock } from "../../base/clock.ts";
import { Failure, toFailure } from "../../base/errors.ts";
import { createClient } from "../../wire/rpc/index.ts";
import { type AskChoices, type Asked, askNode } from "../node/ask-node.ts";
import { explainFile, fileRoutes } from "./file-views.ts";
import { type GatewayClient, gatewayContract, METHOD, type RouteView, type TryAnswer } from "./gateway-contract.ts";

export type { GatewayStatus, ProposalView, RouteView, TryAnswer } from "./gateway-contract.ts";

export function askGateway<T>(choices: AskChoices, question: (client: GatewayClient) => Promise<T>): Promise<Asked<T>> {
  const { timeoutMs } = choices;
  return askNode(choices, (transport) =>
    question(createClient(gatewayContract, transport, { clock: systemClock, timeoutMs })),
  );
}

/** Of a running gateway, or of a file that none runs by: then nothing has been asked yet. */
export async function listRoutes(
  choices: AskChoices,
  config: string | undefined,
): Promise<Asked<{ readonly routes: readonly RouteView[] }>> {
  if (config === undefined) return askedOrFile(askGateway(choices, (client) => client.routes({})));
  return { by: config, answer: { routes: await fileRoutes(config) } };
}

export interface TriedRequest {
  readonly method: string;
  readonly url: string;
  /** Each `name: value`. */
  readonly headers: readonly string[];
  readonly client: string | undefined;
}

export async function tryRequest(
  choices: AskChoices,
  { client, headers, method, url }: TriedRequest,
  config: string | undefined,
): Promise<Asked<TryAnswer>> {
  if (!METHOD.test(method)) {
    throw new Failure("usage.gateway", `METHOD is ${JSON.stringify(method)}; one word such as GET is required`);
  }
  if (client !== undefined && isIP(client) === 0) {
    throw new Failure("usage.gateway", `--client is ${JSON.stringify(client)}; an IPv4 or IPv6 address is required`);
  }
  const question = { method, url, headers: headersOf(headers), ...(client !== undefined && { client }) };
  if (config === undefined) return askedOrFile(askGateway(choices, (asked) => asked.try(question)));
  return { by: config, answer: await explainFile(config, question) };
}

/** Where none runs a file can be asked. */
async function askedOrFile<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (thrown) {
    const failure = toFailure(thrown, "cluster.silent");
    if (failure.code !== "cluster.no_node") throw failure;
    throw new Failure(failure.code, `${failure.message}, and --config FILE looks into a gateway file`, {
      cause: failure,
    });
  }
}

function headersOf(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf(":");
      if (at > 0) return [text.slice(0, at).trim().toLowerCase(), text.slice(at + 1).trim()];
      throw new Failure("usage.gateway", `--header is ${JSON.stringify(text)}; NAME: VALUE is required`);
    }),
  );
}
