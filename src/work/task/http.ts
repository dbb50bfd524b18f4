/**
 * HTTP tasks. The answer is read up to a limit and judged by its status; a failure says whether trying again can help and whether
 * the request certainly never reached the other side. Loopback is never asked for through a proxy.
 */

import { Failure, messageOf } from "../../base/errors.ts";
import { NO_PROXY } from "../../base/no-proxy.ts";
import type { ReadyHttp } from "./ready-task.ts";
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
  const response = await send(work, signal, port);
  const bytes = await readBody(response, work, signal);
  const { status } = response;
  const body = bodyOf(response, bytes);
  if (work.expect.some(([from, to]) => status >= from && status <= to)) {
    return { status, headers: Object.fromEntries(response.headers), ...body };
  }
  const excerpt = typeof body.body === "string" ? body.body : JSON.stringify(body.body);
  const said = bytes.length === 0 ? "" : `: ${excerpt.slice(0, EXCERPT_LENGTH_MAX).toWellFormed()}`;
  const expected = work.expect.map(([from, to]) => (from === to ? from : `${from}-${to}`)).join(", ");
  const message = `${work.method} ${shownUrl(work.url)} answered ${status}, expected ${expected}${said}`;
  const retryAfterMs = patience(response.headers.get("retry-after"), port.now());
  throw new Failure("task.http.status", message, {
    retryable: isPassing(status),
    data: { status, ...(retryAfterMs !== undefined && { retryAfterMs }) },
  });
}

async function send(work: ReadyHttp, signal: AbortSignal, port: HttpPort): Promise<Response> {
  const { expect, method, url } = work;
  const headers = new Headers(work.headers);
  const body = work.body === undefined || typeof work.body === "string" ? work.body : JSON.stringify(work.body);
  if (work.idempotencyKey !== undefined) headers.set("idempotency-key", work.idempotencyKey);
  if (typeof work.body === "object" && !headers.has("content-type")) headers.set("content-type", "application/json");
  const wantsRedirect = expect.some(([from, to]) => from < 400 && to >= 300);
  const target = parseUrl(url);
  try {
    return await port.fetch(target.href, {
      method,
      headers,
      signal,
      redirect: wantsRedirect ? "manual" : "follow",
      ...(body !== undefined && { body }),
      ...(isLoopback(target) && NO_PROXY),
    });
  } catch (thrown) {
    throw sendFailure(`${method} ${shownUrl(url)}`, thrown);
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

function sendFailure(what: string, thrown: unknown): Failure {
  const { code } = thrown as { code?: unknown }; // the runtime's errors carry one beside the message
  const untouched = typeof code === "string" && NEVER_SENT.has(code);
  const retryable = !(thrown instanceof TypeError && code === undefined); // such as a header that cannot be sent
  return new Failure("task.http.failed", `${what}: ${messageOf(thrown)}`, {
    cause: thrown,
    retryable,
    data: { untouched },
  });
}

async function readBody(response: Response, work: ReadyHttp, signal: AbortSignal): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = response.body?.getReader();
  try {
    for (;;) {
      const next = await reader?.read();
      if (!next || next.done) return Buffer.concat(chunks);
      size += next.value.length;
      if (size > work.responseBytesMax) break;
      chunks.push(next.value);
    }
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    const message = `${work.method} ${shownUrl(work.url)}: its answer broke off: ${messageOf(thrown)}`;
    throw new Failure("task.http.failed", message, { cause: thrown, retryable: true });
  }
  await reader?.cancel();
  const message = `${work.method} ${shownUrl(work.url)} answered with more than ${work.responseBytesMax} bytes; response_bytes sets the limit`;
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
