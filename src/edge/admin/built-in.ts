/** What the API answers by itself: health for machines, metrics, the listing of calls, the description of it all. */
import { Failure } from "../../base/errors.ts";
import type { ServiceDescription } from "../../process/service/index.ts";
import {
  type Caller,
  chosenListing,
  jsonResponse,
  mayCall,
  problemResponse,
  SAFE_HEADERS,
} from "../../wire/rpc/index.ts";
import type { MethodTable } from "./methods.ts";
import type { OpenApiSource } from "./openapi/document.ts";
import type { AdminPorts, Readiness } from "./types.ts";

/** As an OpenAPI document is told. */
const OPENAPI_TYPE = "application/vnd.oai.openapi+json;version=3.1";

/** Well, or leaving; nothing else is told without a token. */
export function health({ live, ready, why }: Readiness): Response {
  if (!live) return notNow("node.not_live", why);
  return jsonResponse({ status: ready ? "healthy" : (why ?? "not ready") });
}

export function liveness({ live, why }: Readiness): Response {
  return live ? jsonResponse({ status: "live" }) : notNow("node.not_live", why);
}

/** 503 while it drains: whoever balances load sends no more. */
export function readiness({ ready, why }: Readiness): Response {
  return ready ? jsonResponse({ status: "ready" }) : notNow("node.not_ready", why);
}

function notNow(code: string, why = "not ready"): Response {
  return problemResponse(new Failure(code, `the node is ${why}`, { retryable: true }));
}

export async function metricsPage({ metrics }: AdminPorts, caller: Caller, accept: string | null): Promise<Response> {
  requireReader(caller, "metrics");
  if (!metrics) throw new Failure("rpc.unknown_path", "this node keeps no metrics");
  const { contentType, text } = await metrics(accept);
  return new Response(text, { headers: { ...SAFE_HEADERS, "content-type": contentType, vary: "accept" } });
}

export async function listingPage(
  { services }: AdminPorts,
  methods: MethodTable,
  caller: Caller,
  name?: string,
): Promise<Response> {
  requireReader(caller, "the listing");
  const listing = await methods.listing();
  const described = name === undefined ? undefined : services?.find(name);
  if (described && !listing.some((each) => each.name === name)) return jsonResponse(publicPart(described));
  const contracts = chosenListing(listing, name);
  if (name !== undefined) return jsonResponse(contracts);
  return jsonResponse({ ...(contracts as object), services: (services?.list() ?? []).map(publicPart) });
}

/** What somebody outside can call. */
export function publicPart(description: ServiceDescription): ServiceDescription {
  const methods = Object.entries(description.methods).filter(([, { isPublic }]) => isPublic);
  return { ...description, methods: Object.fromEntries(methods) };
}

export async function openApiPage(document: OpenApiSource, caller: Caller): Promise<Response> {
  requireReader(caller, "the description");
  return new Response(await document.text(), { headers: { ...SAFE_HEADERS, "content-type": OPENAPI_TYPE } });
}

function requireReader(caller: Caller, what: string): void {
  if (mayCall(caller, "read")) return;
  throw new Failure("rpc.forbidden", `${caller.name} may ${caller.access}; ${what} needs read`);
}
