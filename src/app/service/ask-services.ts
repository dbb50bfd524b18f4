/** What the commands about services ask of a running node: calls of methods, and the contract `services`. */
import { systemClock } from "../../base/clock.ts";
import { Failure, messageOf, toFailure } from "../../base/errors.ts";
import { createClient, DEADLINE_HEADER, type Transport } from "../../wire/rpc/index.ts";
import { type AskChoices, type Asked, askNode, type Sender, sendersTo } from "../node/ask-node.ts";
import { readEvents } from "./read-events.ts";
import { type Answers, type ServicesClient, servicesContract } from "./services-contract.ts";

export type {
  Answers,
  DescribedService,
  ListedService,
  LocalService,
  RescanAnswer,
} from "./services-contract.ts";

export interface MethodCall {
  readonly service: string;
  readonly method: string;
  /** What JSON holds. */
  readonly params: unknown;
  readonly tags: readonly string[];
}

/** What an answer may take to come back after the node has given up by itself, saying why. */
const ANSWER_GRACE_MS = 1_000;
/** So many pages hold more services than a cluster has. */
const PAGES_MAX = 1_000;

/** Any question of the contract. */
export function askServices<T>(
  choices: AskChoices,
  question: (client: ServicesClient) => Promise<T>,
): Promise<Asked<T>> {
  const { timeoutMs } = choices;
  return askNode(choices, (transport) =>
    question(createClient(servicesContract, transport, { clock: systemClock, timeoutMs })),
  );
}

/** All pages of the list. */
export async function listServices(client: ServicesClient, tags: readonly string[]) {
  const services: Awaited<ReturnType<ServicesClient["list"]>>["services"][number][] = [];
  let cursor: string | undefined;
  for (let page = 0; page < PAGES_MAX; page++) {
    const { next, services: more } = await client.list({ tags, ...(cursor !== undefined && { cursor }) });
    services.push(...more);
    if (next === undefined) break;
    cursor = next;
  }
  return services;
}

/** One answer; a method that streams fails with `service.streams`. */
export async function callMethod(choices: AskChoices, call: MethodCall): Promise<unknown> {
  const { method, params, service, tags } = call;
  const { timeoutMs } = choices;
  if (tags.length > 0) {
    const asked = await askServices(choices, (client) => client.call({ service, method, params, tags, timeoutMs }));
    return asked.answer.result;
  }
  return (await askNode(choices, (transport) => post(transport, call, timeoutMs))).answer;
}

export async function callEverywhere(
  choices: AskChoices,
  { method, params, service, tags }: MethodCall,
): Promise<Answers> {
  const { timeoutMs } = choices;
  const asked = await askServices(choices, (client) => client.broadcast({ service, method, params, tags, timeoutMs }));
  return asked.answer.answers;
}

/** Under the name of the service itself, as every way in has it. */
async function post(
  transport: Transport,
  { method, params, service }: MethodCall,
  timeoutMs: number,
): Promise<unknown> {
  const signal = AbortSignal.timeout(timeoutMs + ANSWER_GRACE_MS);
  const contract = encodeURIComponent(service);
  const call = { contract, method: encodeURIComponent(method), version: 1, input: params, timeoutMs, signal };
  const reply = await transport(call).catch((thrown) => {
    if (!signal.aborted) throw thrown;
    throw new Failure("rpc.deadline_exceeded", `${service}.${method}: no answer within ${timeoutMs} ms`);
  });
  if (reply.ok) return reply.output;
  throw reply.failure;
}

/** Whether the method gives items one by one; false for what is no service. */
export async function isStreamed(choices: AskChoices, { method, service }: MethodCall): Promise<boolean> {
  try {
    const { answer } = await askServices(choices, (client) => client.describe({ service }));
    const { methods = {} } = answer.description as { methods?: Record<string, { isStream?: boolean } | undefined> }; // as words.ts has it
    return Object.hasOwn(methods, method) && methods[method]?.isStream === true;
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.code === "service.not_found") return false;
    throw thrown;
  }
}

/** The JSON text of each item, as they come. */
export async function* streamMethod(
  choices: AskChoices,
  call: MethodCall,
  signal: AbortSignal,
): AsyncGenerator<string> {
  let last: Failure | undefined;
  for (const sender of await sendersTo({ ...choices, access: "operate" })) {
    try {
      const response = await openStream(sender, call, choices.timeoutMs, signal);
      return yield* itemsOf(response);
    } catch (thrown) {
      last = toFailure(thrown, "rpc.unreachable");
      if (last.code !== "rpc.unreachable") throw last;
    }
  }
  throw last!; // there was one at least
}

async function openStream(
  { place, send }: Sender,
  { method, params, service }: MethodCall,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Response> {
  const headers = {
    "content-type": "application/json",
    accept: "text/event-stream",
    [DEADLINE_HEADER]: String(Math.ceil(timeoutMs)),
  };
  const path = `/rpc/${encodeURIComponent(service)}/${encodeURIComponent(method)}`;
  try {
    return await send(path, { method: "POST", headers, body: JSON.stringify(params), signal });
  } catch (thrown) {
    throw new Failure("rpc.unreachable", `${service}.${method}: nobody answers at ${place}: ${messageOf(thrown)}`);
  }
}

async function* itemsOf(response: Response): AsyncGenerator<string> {
  if (response.status !== 200 || !response.body) throw failureOf(await response.text());
  for await (const { data, event } of readEvents(response.body)) {
    if (event === "message") yield data;
    else if (event === "error") throw failureOf(data);
    else if (event === "end") return;
  }
  throw new Failure("service.cut", "the stream has ended without a word from its node", { retryable: true });
}

/** As a problem of HTTP says it. */
function failureOf(text: string): Failure {
  try {
    const { code, data, detail, retryable } = JSON.parse(text) as Partial<Record<string, unknown>>; // looked at below
    if (typeof code === "string" && typeof detail === "string") {
      const isRecord = typeof data === "object" && data !== null && !Array.isArray(data);
      const more = isRecord ? { data: data as Readonly<Record<string, unknown>> } : {};
      return new Failure(code, detail, { retryable: retryable === true, ...more });
    }
  } catch {
    // told below
  }
  return new Failure("rpc.bad_response", "the answer tells no failure");
}
