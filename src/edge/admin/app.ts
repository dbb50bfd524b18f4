/**
 * The HTTP API of a node: one function from Request to Response. Who asks is found out before anything else is told, so that
 * nobody without a token learns what is there; then a table of routes, the calls under `/rpc`, and the endpoints of
 * services. Calls under `/rpc` take a short way: they are most of the traffic and need no router.
 */
import { Hono } from "hono";
import { Failure, toFailure } from "../../base/errors.ts";
import { NO_TRACER, type Span } from "../../base/trace.ts";
import { answerBytes, type Caller, callHandler, problemResponse } from "../../wire/rpc/index.ts";
import { health, listingPage, liveness, metricsPage, openApiPage, readiness } from "./built-in.ts";
import { HttpCounter, type HttpCounts } from "./counts.ts";
import { docsPage } from "./docs/docs.ts";
import { Endpoints } from "./endpoints.ts";
import { URL_CHARS_MAX } from "./limits.ts";
import { methodTable } from "./methods.ts";
import { openApiSource } from "./openapi/document.ts";
import { Patience } from "./patience.ts";
import { serveEndpoint } from "./serve-endpoint.ts";
import { serveRoute } from "./serve-route.ts";
import type { AdminPorts, RequestInfo, Verb } from "./types.ts";

export interface AdminApp {
  /** Never throws. */
  fetch(request: Request, info: RequestInfo): Promise<Response>;
  counts(): HttpCounts;
}

const VERBS: readonly Verb[] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
const CALL_PREFIX = "/rpc/";
const CALL_ROUTE = "/rpc/{service}/{method}";
/** Whoever is answered without a token. */
const NOBODY: Caller = { name: "nobody", access: "read" };

/** One request on its way. */
interface Asked {
  readonly request: Request;
  readonly connection: RequestInfo;
  readonly path: string;
  readonly query: string;
  readonly traceparent: string | undefined;
  readonly onBody: (bytes: number) => void;
  caller: Caller;
  /** For counts. */
  route: string;
}

interface Env {
  Bindings: Asked;
}

export function createAdminApp(ports: AdminPorts): AdminApp {
  const { clock, tracer = NO_TRACER } = ports;
  const counter = new HttpCounter();
  const patience = new Patience(clock);
  const answer = answerer(ports, patience);
  const onBody = (bytes: number): void => counter.received(bytes);
  const fetch = async (request: Request, info: RequestInfo): Promise<Response> => {
    const startedMs = clock.monotonic();
    counter.begun();
    const span = tracer.isEnabled ? beginSpan(ports, request) : undefined;
    const asked = askedOf(request, info, onBody, span?.traceparent);
    const response = await answer(asked).catch((thrown) => refused(ports, thrown));
    patience.ended(info);
    const { status } = response;
    const tookMs = clock.monotonic() - startedMs;
    const sentBytes = answerBytes(response);
    if (sentBytes > 0) info.settled?.(); // it is whole: what comes behind it may be cut for silence again
    counter.answered({ route: asked.route, verb: request.method, status, tookMs, sentBytes });
    if (span) endSpan(span, asked.route, response);
    return response;
  };
  return { fetch, counts: () => counter.counts() };
}

function answerer(ports: AdminPorts, patience: Patience): (asked: Asked) => Promise<Response> {
  const { authenticate, dispatcher, services, clock, requestBytesMax } = ports;
  const call = callHandler({ dispatcher, services, clock, requestBytesMax, contentType: "any" });
  const router = routerOf(ports);
  const open = publicPaths(ports);
  return async (asked) => {
    const { connection, request, path } = asked;
    if (request.url.length > URL_CHARS_MAX) throw tooLong(request.url.length);
    if (isLooking(request)) {
      const page = (await ports.pages?.(path, request.headers)) ?? (await docsPage(path));
      if (page) return served(asked, page);
      if (open.has(path)) return router.answer(asked);
    }
    asked.caller = await authenticate(request, connection); // who looks for the address pays for it
    patience.begun(connection);
    const slash = path.startsWith(CALL_PREFIX) ? path.indexOf("/", CALL_PREFIX.length) : -1;
    if (slash === -1 || request.method !== "POST" || path.includes("/", slash + 1)) return router.answer(asked);
    asked.route = CALL_ROUTE;
    const name = path.slice(CALL_PREFIX.length, slash);
    return call(request, asked.caller, name, path.slice(slash + 1), asked);
  };
}

interface Router {
  answer(asked: Asked): Promise<Response>;
}

function routerOf(ports: AdminPorts): Router {
  const { clock, dispatcher, logger, routes, services } = ports;
  const methods = methodTable(dispatcher, clock);
  const document = openApiSource(ports, methods);
  const hono = new Hono<Env>();
  const get = (
    path: string,
    handler: (asked: Asked, name: string | undefined) => Response | Promise<Response>,
  ): void => {
    hono.get(path, (context) => {
      context.env.route = path.replaceAll(/:([^/]+)/g, "{$1}");
      return handler(context.env, context.req.param("name"));
    });
  };
  get("/health", () => health(ports.readiness()));
  get("/livez", () => liveness(ports.readiness()));
  get("/readyz", () => readiness(ports.readiness()));
  get("/metrics", ({ caller, request }) => metricsPage(ports, caller, request.headers.get("accept")));
  get("/openapi.json", ({ caller }) => openApiPage(document, caller));
  get("/rpc", ({ caller }) => listingPage(ports, methods, caller));
  get("/rpc/:name", ({ caller }, name) => listingPage(ports, methods, caller, name));
  hono.post("/rpc/:name/:method", () => problemResponse(new Failure("rpc.defect", "calls take another way")));
  for (const route of routes) {
    const found = methods.find(route);
    hono.on(route.verb, route.path.replaceAll(/\{([^}]+)\}/g, ":$1"), (context) => {
      context.env.route = route.path;
      return serveRoute({ dispatcher, clock }, route, found, { ...context.env, words: context.req.param() });
    });
  }
  const isTaken = (verb: string, path: string): boolean => hono.router.match(verb, path)[0].length > 0;
  const open = publicPaths(ports);
  // Where nobody is asked who he is, no service answers, whatever the verb.
  const isOurs = (verb: string, path: string): boolean => open.has(path) || isTaken(verb, path);
  const endpoints = services && new Endpoints({ services, isTaken: isOurs, logger });
  hono.notFound(async ({ env: asked }) => {
    const { path, request } = asked;
    const verb = request.method === "HEAD" ? "GET" : request.method;
    const matched = endpoints?.match(verb, path);
    if (!matched || !services) return nothingThere(asked, allowed(path, isTaken, endpoints));
    asked.route = matched.found.endpoint.path;
    return serveEndpoint({ services, clock }, matched, asked);
  });
  hono.onError((thrown) => refused(ports, thrown));
  return { answer: async (asked) => hono.fetch(asked.request, asked) };
}

/** Of a defect the caller gets the message only; the rest is for whoever looks after the node. */
function refused({ logger }: AdminPorts, thrown: unknown): Response {
  if (!(thrown instanceof Failure)) logger.error("a defect in the HTTP API", { error: thrown });
  return problemResponse(toFailure(thrown, "rpc.defect"));
}

function allowed(path: string, isTaken: (verb: string, path: string) => boolean, endpoints?: Endpoints): string[] {
  const verbs = VERBS.filter((verb) => isTaken(verb, path) || endpoints?.match(verb, path) !== undefined);
  return verbs.flatMap((verb) => (verb === "GET" ? ["GET", "HEAD"] : [verb]));
}

function nothingThere({ path, request }: Asked, verbs: readonly string[]): Response {
  const shown = JSON.stringify(path.slice(0, 200));
  if (verbs.length === 0) {
    return problemResponse(
      new Failure("rpc.unknown_path", `there is nothing at ${shown}; /openapi.json tells what there is`),
    );
  }
  const allow = [...verbs, "OPTIONS"].join(", ");
  if (request.method === "OPTIONS") return new Response(null, { status: 204, headers: { allow } });
  const message = `${request.method.slice(0, 20)} ${shown}: ${verbs.join(" or ")} is required`;
  return problemResponse(new Failure("rpc.wrong_verb", message), { allow });
}

function publicPaths({ routes }: AdminPorts): ReadonlySet<string> {
  const paths = routes.filter(({ isPublic }) => isPublic).map(({ path }) => path);
  return new Set(["/health", "/livez", "/readyz", ...paths]);
}

function isLooking({ method }: Request): boolean {
  return method === "GET" || method === "HEAD";
}

function served(asked: Asked, page: Response): Response {
  asked.route = "page";
  return asked.request.method === "HEAD" ? new Response(null, page) : page;
}

function askedOf(
  request: Request,
  connection: RequestInfo,
  onBody: (bytes: number) => void,
  traceparent: string | undefined,
): Asked {
  const { url } = request;
  const start = url.indexOf("/", url.indexOf("//") + 2);
  const mark = url.indexOf("?", start);
  const path = start === -1 ? "/" : url.slice(start, mark === -1 ? undefined : mark);
  const query = mark === -1 ? "" : url.slice(mark + 1);
  return { request, connection, path, query, traceparent, onBody, caller: NOBODY, route: "other" };
}

function tooLong(chars: number): Failure {
  return new Failure("rpc.path_too_long", `the address has ${chars} characters; at most ${URL_CHARS_MAX} are taken`);
}

function beginSpan({ tracer = NO_TRACER }: AdminPorts, { headers, method }: Request): Span {
  const parent = headers.get("traceparent") ?? undefined;
  return tracer.start(method, { parent, kind: "server", attributes: { "http.request.method": method } });
}

function endSpan(span: Span, route: string, { status }: Response): void {
  if (!span.isRecording) return;
  span.set({ "http.route": route, "http.response.status_code": status });
  if (status >= 500) span.fail(new Failure("http.status", `answered with ${status}`));
  span.end();
}
