/**
 * HTTP tasks. The answer is read up to a limit and judged by its status; a failure says whether trying again can help and whether
 * the request certainly never reached the other side. Redirects are followed here and not by the runtime, which would send a
 * request twice that must not be. Loopback is never asked for through a proxy.
 */

import { Failure, messageOf } from "../../base/errors.ts";
import { NO_PROXY } from "../../base/no-proxy.ts";
import type { ReadyHttp } from "./ready-task.ts";
import { type Hop, nextHop, REDIRECTS_MAX } from "./redirects.ts";
import type { Json } from "./types.ts";

export interface HttpPort {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Milliseconds since the epoch, for Retry-After with a date. */
  readonly now: () => number;
}

/** Of an answer that was not expected, shown in the reason. */
const EXCERPT_LENGTH_MAX = 300;

/** `{ status, headers, body }`: the body is JSON where the answer says so, else text, else base64 with `encoding` beside it. */
export async function requestHttp(work: ReadyHttp, signal: AbortSignal, port: HttpPort): Promise<Json> {
  const { asked, response } = await follow(work, signal, port);
  const bytes = await readBody(response, asked, work.responseBytesMax, signal);
  const { status } = response;
  const body = bodyOf(response, bytes);
  if (isExpected(work, status)) return { status, headers: Object.fromEntries(response.headers), ...body };
  const excerpt = typeof body.body === "string" ? body.body : JSON.stringify(body.body);
  const said = bytes.length === 0 ? "" : `: ${excerpt.slice(0, EXCERPT_LENGTH_MAX).toWellFormed()}`;
  const expected = work.expect.map(([from, to]) => (from === to ? from : `${from}-${to}`)).join(", ");
  const message = `${asked} answered ${status}, expected ${expected}${notFollowed(response)}${said}`;
  const retryAfterMs = patience(response.headers.get("retry-after"), port.now());
  throw new Failure("task.http.status", message, {
    retryable: isPassing(status),
    data: { status, ...(retryAfterMs !== undefined && { retryAfterMs }) },
  });
}

function isExpected({ expect }: ReadyHttp, status: number): boolean {
  return expect.some(([from, to]) => status >= from && status <= to);
}

function notFollowed({ headers, status }: Response): string {
  const location = headers.get("location");
  return status < 300 || status > 399 || location === null
    ? ""
    : ` (not sent on to ${shownUrl(location.replace(/[?#].*/s, ""))})`;
}

interface Answered {
  /** For people: what the last request was, and what led to it. */
  readonly asked: string;
  readonly response: Response;
}

/** Sends it, and what its answers send it on to, unless an answer that does so is expected. */
async function follow(work: ReadyHttp, signal: AbortSignal, port: HttpPort): Promise<Answered> {
  const wantsRedirect = work.expect.some(([from, to]) => from < 400 && to >= 300);
  let hop = firstHop(work);
  let asked = `${hop.method} ${shownUrl(work.url)}`;
  for (let hops = 0; hops <= REDIRECTS_MAX; hops++) {
    const response = await send(hop, { asked, isFirst: hops === 0, signal }, port);
    const next = wantsRedirect ? undefined : nextHop(work, hop, response);
    if (!next) return { asked, response };
    await response.body?.cancel();
    hop = next;
    asked = `${work.method} ${shownUrl(work.url)} (sent on to ${hop.method} ${shownUrl(hop.url.href)})`;
  }
  throw new Failure("task.http.redirects", `${asked} was sent on again; at most ${REDIRECTS_MAX} times are allowed`);
}

function firstHop({ body, headers: given, idempotencyKey, method, url }: ReadyHttp): Hop {
  const headers = new Headers(given);
  if (idempotencyKey !== undefined) headers.set("idempotency-key", idempotencyKey);
  if (typeof body === "object" && !headers.has("content-type")) headers.set("content-type", "application/json");
  const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
  return { method, url: parseUrl(url), headers, ...(text !== undefined && { body: text }) };
}

interface Sending {
  readonly asked: string;
  /** Nothing has been sent before it. */
  readonly isFirst: boolean;
  readonly signal: AbortSignal;
}

async function send({ url, ...init }: Hop, { asked, isFirst, signal }: Sending, port: HttpPort): Promise<Response> {
  try {
    return await port.fetch(url.href, { ...init, signal, redirect: "manual", ...(isLoopback(url) && NO_PROXY) });
  } catch (thrown) {
    throw sendFailure(asked, thrown, isFirst);
  }
}

function parseUrl(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol === "http:" || parsed?.protocol === "https:") return parsed;
  const message = `the url is ${JSON.stringify(url.slice(0, 200))} once filled in; an http:// or https:// URL is required`;
  throw new Failure("task.http.url", message, { data: { untouched: true } });
}

function isLoopback({ hostname }: URL): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/** No byte of the request has left when no connection came about. */
const NEVER_SENT = new Set([
  "ConnectionRefused",
  "ECONNREFUSED",
  "FailedToOpenSocket",
  "ENOTFOUND",
  "DNSResolveFailed",
]);

function sendFailure(what: string, thrown: unknown, isFirst: boolean): Failure {
  const { code } = thrown as { code?: unknown }; // the runtime's errors carry one beside the message
  const untouched = isFirst && typeof code === "string" && NEVER_SENT.has(code);
  const retryable = !(thrown instanceof TypeError && code === undefined); // such as a header that cannot be sent
  return new Failure("task.http.failed", `${what}: ${messageOf(thrown)}`, {
    cause: thrown,
    retryable,
    data: { untouched },
  });
}

async function readBody(response: Response, asked: string, bytesMax: number, signal: AbortSignal): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = response.body?.getReader();
  try {
    for (;;) {
      const next = await reader?.read();
      if (!next || next.done) return Buffer.concat(chunks);
      size += next.value.length;
      if (size > bytesMax) break;
      chunks.push(next.value);
    }
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    const message = `${asked}: its answer broke off: ${messageOf(thrown)}`;
    throw new Failure("task.http.failed", message, { cause: thrown, retryable: true });
  }
  await reader?.cancel();
  const message = `${asked} answered with more than ${bytesMax} bytes; response_bytes sets the limit`;
  throw new Failure("task.http.too_large", message);
}

function bodyOf(response: Response, bytes: Uint8Array): { body: Json; encoding?: "base64" } {
  const text = textOf(bytes);
  if (text === undefined) return { body: Buffer.from(bytes).toString("base64"), encoding: "base64" };
  if (!/[/+]json\b/i.test(response.headers.get("content-type") ?? "")) return { body: text };
  try {
    return { body: JSON.parse(text) as Json };
  } catch {
    return { body: text }; // it only says that it is JSON
  }
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Statuses that speak of the moment and not of the request. */
function isPassing(status: number): boolean {
  return [408, 425, 429].includes(status) || (status >= 500 && status !== 501 && status !== 505);
}

/** Retry-After as milliseconds from now. */
function patience(header: string | null, nowMs: number): number | undefined {
  if (header === null) return undefined;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * 1000;
  const atMs = Date.parse(header);
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}

/** Without name, password and query: what stands there may be secret, and reasons are kept. */
function shownUrl(url: string): string {
  if (!URL.canParse(url)) return url.slice(0, 200);
  const { host, pathname, protocol } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}
