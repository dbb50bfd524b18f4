/**
 * Contracts over HTTP: `POST /rpc/CONTRACT/METHOD` with JSON in and out, `GET /rpc[/CONTRACT]` for what there is. A plain
 * function from Request to Response: it opens no port, and whoever does may put other things beside it. Only JSON is
 * taken, which a foreign web page cannot send without asking first.
 */
import type { Clock } from "../../base/clock.ts";
import { Failure, toFailure } from "../../base/errors.ts";
import { parseJson, readText } from "./body.ts";
import type { Caller } from "./caller.ts";
import type { Dispatcher, Reply } from "./dispatcher.ts";
import { statusOf } from "./failures.ts";
import { BODY_TIMEOUT_MS, REQUEST_BYTES_MAX, RESPONSE_BYTES_MAX } from "./limits.ts";
import { type ContractListing, listContracts } from "./listing.ts";
import { TRACEPARENT_HEADER } from "./trace.ts";

export const RPC_PATH = "/rpc";
/** Milliseconds that the caller goes on waiting. Not a time of day: two machines' clocks need not agree. */
export const DEADLINE_HEADER = "deadline-ms";
export const VERSION_HEADER = "contract-version";

export interface HttpServerOptions {
  readonly clock: Clock;
  /** Who sends it; throws `rpc.unauthenticated`. */
  readonly authenticate: (request: Request) => Caller | Promise<Caller>;
  /** Of one input (1 MiB). */
  readonly requestBytesMax?: number | undefined;
}

export function serveContracts(
  dispatcher: Dispatcher,
  { clock, authenticate, requestBytesMax = REQUEST_BYTES_MAX }: HttpServerOptions,
): (request: Request) => Promise<Response> {
  let listing: readonly ContractListing[] | undefined;
  const answer = async (request: Request): Promise<Response> => {
    const path = pathOf(request);
    const caller = await authenticate(request);
    if (path.length < 2) {
      requireVerb(request, "GET");
      listing ??= listContracts(dispatcher.contracts);
      return json(200, chosen(listing, path[0]));
    }
    requireVerb(request, "POST");
    return call(dispatcher, caller, request, path as [string, string], { clock, requestBytesMax });
  };
  return (request) => answer(request).catch((thrown) => refusal(toFailure(thrown, "rpc.defect")));
}

async function call(
  dispatcher: Dispatcher,
  caller: Caller,
  request: Request,
  [contract, method]: readonly [string, string],
  limits: BodyLimits,
): Promise<Response> {
  const { clock } = limits;
  requireJson(request);
  const version = wholeNumber(request, VERSION_HEADER);
  const timeoutMs = wholeNumber(request, DEADLINE_HEADER);
  const startedMs = clock.monotonic();
  const input = parseJson(await readBody(request, limits), "the input");
  const leftMs = timeoutMs === undefined ? undefined : timeoutMs - (clock.monotonic() - startedMs);
  const { signal } = request;
  const traceparent = request.headers.get(TRACEPARENT_HEADER) ?? undefined;
  return reply(
    await dispatcher.call({ contract, method, version, input, caller, timeoutMs: leftMs, signal, traceparent }),
  );
}

interface BodyLimits {
  readonly clock: Clock;
  readonly requestBytesMax: number;
}

async function readBody(request: Request, { clock, requestBytesMax }: BodyLimits): Promise<string> {
  const late = new AbortController();
  const timer = clock.after(BODY_TIMEOUT_MS, () => {
    late.abort(new Failure("rpc.body_timeout", `the input did not arrive within ${BODY_TIMEOUT_MS} ms`));
  });
  try {
    return await readText(request, { bytesMax: requestBytesMax, what: "the input", signal: late.signal });
  } finally {
    timer.cancel();
  }
}

function reply(result: Reply): Response {
  return result.ok ? json(200, result.output ?? null) : refusal(result.failure);
}

function refusal(failure: Failure): Response {
  return json(statusOf(failure), failure);
}

function json(status: number, value: unknown): Response {
  const text = jsonText(value);
  if (text === undefined) return refusal(new Failure("rpc.defect", "the answer cannot be written as JSON"));
  if (Buffer.byteLength(text) > RESPONSE_BYTES_MAX) {
    return refusal(
      new Failure("rpc.defect", `the answer is larger than ${RESPONSE_BYTES_MAX} bytes, the most that is sent`),
    );
  }
  const headers = {
    "content-type": "application/json",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  };
  return new Response(text, { status, headers });
}

/** Data of a failure may hold what JSON cannot; the failure is told without it then. */
function jsonText(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    if (!(value instanceof Failure)) return undefined;
    const { code, message, retryable } = value;
    return JSON.stringify({ code, message, retryable });
  }
}

/** The words behind `/rpc`: none, a contract, or a contract and a method. */
function pathOf(request: Request): string[] {
  const { pathname } = new URL(request.url);
  const words = pathname.split("/").slice(1);
  if (`/${words[0]}` === RPC_PATH && words.length <= 3) return words.slice(1).filter((word) => word !== "");
  const message = `there is nothing at ${JSON.stringify(pathname.slice(0, 200))}; methods are at ${RPC_PATH}/CONTRACT/METHOD`;
  throw new Failure("rpc.unknown_path", message);
}

function chosen(listing: readonly ContractListing[], name: string | undefined): unknown {
  if (name === undefined) return { contracts: listing };
  const found = listing.find((each) => each.name === name);
  if (found) return found;
  const known = listing.map((each) => each.name).join(", ") || "none";
  throw new Failure(
    "rpc.unknown_contract",
    `there is no contract ${JSON.stringify(name.slice(0, 64))}; there are ${known}`,
  );
}

function requireVerb({ method, url }: Request, verb: string): void {
  if (method === verb) return;
  throw new Failure("rpc.wrong_verb", `${method} ${new URL(url).pathname.slice(0, 200)}: ${verb} is required`);
}

function requireJson({ headers }: Request): void {
  const type = headers.get("content-type") ?? "nothing";
  const coding = headers.get("content-encoding") ?? "identity";
  if (/^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i.test(type) && coding === "identity") return;
  const found = coding === "identity" ? type : `${type} as ${coding}`;
  throw new Failure("rpc.content_type", `the input is ${found.slice(0, 100)}; application/json in UTF-8 is required`);
}

function wholeNumber({ headers }: Request, name: string): number | undefined {
  const text = headers.get(name);
  if (text === null) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new Failure("rpc.bad_request", `${name} is ${JSON.stringify(text.slice(0, 40))}; a whole number is required`);
}
