/**
 * One call over HTTP: headers and body become a call of a contract's method, or of a service where the name is no contract's, and
 * what comes of it an answer. The same for every way in that speaks HTTP; who asks has been found out before.
 */
import type { Clock } from "../../base/clock.ts";
import { Failure, toFailure } from "../../base/errors.ts";
import type { Caller } from "./caller.ts";
import type { Contract } from "./contract.ts";
import type { Call, Reply } from "./dispatcher.ts";
import { type Body, closeEnvelope, openEnvelope } from "./envelope.ts";
import { readBody, requireJsonType, requireUncompressed } from "./http-body.ts";
import { type Connection, streamResponse } from "./http-stream.ts";
import { scanJson } from "./json-scan.ts";
import {
  CONTRACT_VALUES_MAX,
  REQUEST_BYTES_MAX,
  SERVICE_VALUES_MAX,
  TIMEOUT_MS_DEFAULT,
  TIMEOUT_MS_MAX,
} from "./limits.ts";
import { jsonBody, jsonResponse, problemResponse } from "./problem.ts";
import { outsideCaller, type ServicesPort } from "./services-port.ts";
import { TRACEPARENT_HEADER, traceparentOf } from "./trace.ts";

/** Milliseconds that the caller goes on waiting. Not a time of day: two machines' clocks need not agree. */
export const DEADLINE_HEADER = "deadline-ms";
export const VERSION_HEADER = "contract-version";

export interface CallPorts {
  /** A Dispatcher. */
  readonly dispatcher: {
    call(call: Call): Promise<Reply>;
    readonly contracts: readonly Contract[];
  };
  /** For names that are no contracts. */
  readonly services?: ServicesPort | undefined;
  readonly clock: Clock;
  /** Of one input of a contract (1 MiB); services take 1 MiB. */
  readonly requestBytesMax?: number | undefined;
  /** `any` where every caller shows a token, which no foreign page can make a browser send. */
  readonly contentType: "json" | "any";
}

export interface CallInfo {
  /** In place of the request's own, where a span has been begun for it. */
  readonly traceparent?: string | undefined;
  /** Hears how many bytes the body had. */
  readonly onBody?: (bytes: number) => void;
  readonly connection?: Connection | undefined;
}

export type CallHandler = (
  request: Request,
  caller: Caller,
  name: string,
  method: string,
  info?: CallInfo,
) => Promise<Response>;

/** What answers calls; it never throws. */
export function callHandler(ports: CallPorts): CallHandler {
  const contracts = new Set(ports.dispatcher.contracts.map(({ name }) => name));
  const { services } = ports;
  return async (request, caller, rawName, rawMethod, info = {}) => {
    try {
      const [name, method] = [decoded(rawName), decoded(rawMethod)];
      if (!services || contracts.has(name)) return await callContract(ports, request, caller, [name, method], info);
      return await callService({ ...ports, services }, request, caller, [name, method], info);
    } catch (thrown) {
      return problemResponse(toFailure(thrown, "rpc.defect"));
    }
  };
}

/** Words of a path as they were meant: `users%401` is `users@1`. */
function decoded(word: string): string {
  if (!word.includes("%")) return word;
  try {
    return decodeURIComponent(word);
  } catch {
    throw new Failure("rpc.bad_request", `${JSON.stringify(word.slice(0, 64))} in the path is no encoded UTF-8`);
  }
}

type Names = readonly [name: string, method: string];

async function callContract(
  ports: CallPorts,
  request: Request,
  caller: Caller,
  [contract, method]: Names,
  info: CallInfo,
): Promise<Response> {
  const { clock, dispatcher, requestBytesMax: bytesMax = REQUEST_BYTES_MAX } = ports;
  const asked = askedOf(request, clock, info);
  const version = wholeNumber(request, VERSION_HEADER);
  const { params, id } = await readInput(ports, request, method, { bytesMax, valuesMax: CONTRACT_VALUES_MAX }, info);
  const input: unknown = JSON.parse(textOf(params));
  const { traceparent } = asked;
  const signal = (): AbortSignal => request.signal;
  const reply = await dispatcher.call({
    contract,
    method,
    version,
    input,
    caller,
    timeoutMs: asked.leftMs(),
    signal,
    traceparent,
  });
  if (!reply.ok) return problemResponse(reply.failure);
  if (id === undefined) return jsonResponse(reply.output);
  return jsonResponse({ id: JSON.parse(textOf(id)), result: reply.output ?? null });
}

async function callService(
  ports: CallPorts & { readonly services: ServicesPort },
  request: Request,
  caller: Caller,
  [service, method]: Names,
  info: CallInfo,
): Promise<Response> {
  const asked = askedOf(request, ports.clock, info);
  const limits = { bytesMax: REQUEST_BYTES_MAX, valuesMax: SERVICE_VALUES_MAX };
  const { params, id } = await readInput(ports, request, method, limits, info);
  const call = {
    service,
    method,
    params,
    timeoutMs: asked.leftMs() ?? TIMEOUT_MS_DEFAULT,
    traceparent: asked.traceparent,
  };
  return answerService({ ...ports, connection: info.connection }, call, { request, caller, id });
}

export interface ServiceQuestion {
  readonly service: string;
  readonly method: string;
  readonly params: Uint8Array;
  readonly timeoutMs: number;
  readonly traceparent: string | undefined;
}

export interface ServiceAsker {
  readonly request: Request;
  readonly caller: Caller;
  readonly id?: Uint8Array | undefined;
}

export interface ServiceAnswerPorts {
  readonly services: ServicesPort;
  readonly clock: Clock;
  readonly connection?: Connection | undefined;
}

/** Fails with what the service fails with. */
export async function answerService(
  { services, clock, connection }: ServiceAnswerPorts,
  question: ServiceQuestion,
  { request, caller, id }: ServiceAsker,
): Promise<Response> {
  const { service, method, timeoutMs } = question;
  if (timeoutMs <= 0)
    throw new Failure("rpc.deadline_exceeded", `${service}.${method}: not done within ${timeoutMs} ms`);
  const asked = { ...question, caller: outsideCaller(caller) };
  const methods = services.find(service)?.methods;
  const isStream = methods !== undefined && Object.hasOwn(methods, method) && methods[method]?.isStream === true;
  if (isStream) {
    const open = (signal: AbortSignal) => services.stream({ ...asked, signal });
    return streamResponse(open, { request, clock, connection });
  }
  const result = await services.call({ ...asked, signal: request.signal });
  // Bytes of a link or a host's channel are never shared memory.
  return jsonBody(closeEnvelope(result, id) as Uint8Array<ArrayBuffer>);
}

interface InputLimits {
  readonly bytesMax: number;
  readonly valuesMax: number;
}

/** What a request without a body asks with. */
const NO_FIELDS = Buffer.from("{}");

/** The JSON text of the input, looked over, out of its envelope when it came in one. */
async function readInput(
  { clock, contentType }: Pick<CallPorts, "clock" | "contentType">,
  request: Request,
  method: string,
  { bytesMax, valuesMax }: InputLimits,
  { onBody }: CallInfo,
): Promise<Body> {
  requireUncompressed(request);
  if (contentType === "json") requireJsonType(request);
  const bytes = await readBody(request, { clock, bytesMax });
  onBody?.(bytes.length);
  if (bytes.length === 0) return { params: NO_FIELDS, id: undefined };
  return openEnvelope(bytes, scanJson(bytes, { valuesMax, what: "the input" }), method);
}

interface Asked {
  readonly traceparent: string | undefined;
  /** Of the caller's patience, once the body is there; undefined when nothing is said of it. */
  leftMs(): number | undefined;
}

export function askedOf(request: Request, clock: Clock, { traceparent }: CallInfo = {}): Asked {
  const timeoutMs = wholeNumber(request, DEADLINE_HEADER);
  const startedMs = clock.monotonic();
  return {
    traceparent: traceparent ?? traceparentOf(request.headers.get(TRACEPARENT_HEADER) ?? undefined),
    leftMs() {
      if (timeoutMs === undefined) return undefined;
      return Math.min(timeoutMs, TIMEOUT_MS_MAX) - (clock.monotonic() - startedMs);
    },
  };
}

function wholeNumber({ headers }: Request, name: string): number | undefined {
  const text = headers.get(name);
  if (text === null) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new Failure("rpc.bad_request", `${name} is ${JSON.stringify(text.slice(0, 40))}; a whole number is required`);
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
}
