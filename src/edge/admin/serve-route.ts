/** Answers a request to a path of the table: fields of path, query and body become the input of the method behind it. */
import type { Clock } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import {
  askedOf,
  type Caller,
  CONTRACT_VALUES_MAX,
  type Connection,
  jsonResponse,
  mayCall,
  problemResponse,
  readBody,
  requireUncompressed,
  scanJson,
} from "../../wire/rpc/index.ts";
import { type Fields, noFields, pathFields, queryFields } from "./fields.ts";
import { BODY_BYTES_MAX } from "./limits.ts";
import type { FoundMethod } from "./methods.ts";
import { nextLink, type PageQuestion, pageInput, pageOf, pageQuestion } from "./paging.ts";
import type { CallPort, Route } from "./types.ts";

export interface RouteRequest {
  readonly request: Request;
  readonly caller: Caller;
  readonly path: string;
  readonly query: string;
  /** Of the path, decoded. */
  readonly words: Readonly<Record<string, string>>;
  readonly traceparent: string | undefined;
  readonly onBody: (bytes: number) => void;
  readonly connection: Connection;
}

export interface RoutePorts {
  readonly dispatcher: Pick<CallPort, "call">;
  readonly clock: Clock;
}

/** Fails with what keeps it from being asked; what the method fails with is an answer. */
export async function serveRoute(
  { dispatcher, clock }: RoutePorts,
  route: Route,
  found: FoundMethod | undefined,
  asked: RouteRequest,
): Promise<Response> {
  const { contract, method, paged } = route;
  if (!found) throw new Failure("rpc.unknown_contract", `this node has no ${contract}; ask one that does`);
  const { caller, path, query, request } = asked;
  requireAccess(caller, found);
  const { leftMs, traceparent } = askedOf(request, clock, asked);
  const fields = queryFields(query, found.input);
  const question = paged && pageQuestion(fields);
  const body = await bodyFields(request, clock, asked.onBody);
  const input = inputOf(route, found, { fields, body, question, words: asked.words });
  const signal = (): AbortSignal => request.signal;
  const reply = await dispatcher.call({ contract, method, input, caller, timeoutMs: leftMs(), signal, traceparent });
  if (!reply.ok) return problemResponse(reply.failure);
  requireContent(route, path, reply.output);
  const status = route.status ?? 200;
  if (!paged || !question) return jsonResponse(reply.output, status);
  const { output, next } = pageOf(paged, question, reply.output);
  return jsonResponse(output, status, next === undefined ? {} : { link: nextLink(path, query, question.limit, next) });
}

/** What else the method tells, such as a revision, goes with it. */
function requireContent({ content }: Route, path: string, output: unknown): void {
  if (content === undefined) return;
  const told = output as Fields; // a method of the table gives an object with that field in it
  const value = told[content];
  if (value !== undefined && !(Array.isArray(value) && value.length === 0)) return;
  const message = `there is nothing at ${JSON.stringify(path.slice(0, 200))}`;
  throw new Failure("rpc.not_found", message, { data: told });
}

/** The method asks again; here the body is not even read. */
export function requireAccess(caller: Caller, { contract, method, access }: FoundMethod): void {
  if (mayCall(caller, access)) return;
  throw new Failure("rpc.forbidden", `${caller.name} may ${caller.access}; ${contract}.${method} needs ${access}`);
}

interface InputParts {
  readonly fields: Fields;
  readonly body: Fields;
  readonly words: Readonly<Record<string, string>>;
  readonly question: PageQuestion | undefined;
}

/** The path wins over the body, the body over the query; what the route fixes wins over all. */
function inputOf({ fixed, paged }: Route, { input }: FoundMethod, { fields, body, words, question }: InputParts) {
  const page = paged && question ? pageInput(paged, question) : undefined;
  // A plain object in the end: schemas refuse one without a prototype.
  return { ...fields, ...body, ...pathFields(words, input), ...page, ...fixed };
}

/** Of a body that is an object, or of none at all. A query cannot hold what is not text; a body can. */
export async function bodyFields(request: Request, clock: Clock, onBody: (bytes: number) => void): Promise<Fields> {
  if (request.method === "GET" || request.method === "HEAD") return noFields();
  const bytes = await bodyBytes(request, clock, onBody);
  if (bytes.length === 0) return noFields();
  scanJson(bytes, { valuesMax: CONTRACT_VALUES_MAX, what: "the input" });
  const value: unknown = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString());
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields; // seen just here
  throw new Failure("rpc.invalid_input", "the input is no object; an object with fields is required");
}

async function bodyBytes(request: Request, clock: Clock, onBody: (bytes: number) => void): Promise<Uint8Array> {
  requireUncompressed(request);
  const bytes = await readBody(request, { clock, bytesMax: BODY_BYTES_MAX });
  onBody(bytes.length);
  return bytes;
}
