/**
 * Where an answer sends a request on to, and with what. The first request may have had its effect by then, so nothing that is not
 * idempotent is sent a second time: of it only 303 is followed, by a GET of what it left. What may be secret stays with its origin.
 */
import type { ReadyHttp } from "./ready-task.ts";
import { isIdempotent, type Method } from "./types.ts";

/** As many as people chain, from an old name to a new one, to its secure form, to a sign-in; a circle ends here. */
export const REDIRECTS_MAX = 10;

/** One request of those that a task may take. */
export interface Hop {
  readonly method: Method;
  readonly url: URL;
  readonly headers: Headers;
  readonly body?: string;
}

/** They say how to answer and nothing of who asks: all that another origin is told. */
const HARMLESS: ReadonlySet<string> = new Set([
  "accept",
  "accept-language",
  "content-type",
  "idempotency-key",
  "user-agent",
]);

/** Undefined when the answer is the task's own: it sends nobody on, or to where this request must not go. */
export function nextHop(
  work: Pick<ReadyHttp, "type" | "method" | "idempotencyKey">,
  from: Hop,
  { headers, status }: Pick<Response, "headers" | "status">,
): Hop | undefined {
  const url = targetOf(headers.get("location"), from.url);
  if (!url) return undefined;
  if (status === 303) return asGet(from, url);
  if (![301, 302, 307, 308].includes(status)) return undefined;
  if (from.method === "GET" || from.method === "HEAD") return { ...from, url, headers: headersFor(from, url) };
  if (status === 301 || status === 302) return undefined; // some mean GET by it, and some the same again
  return isIdempotent(work) && !losesSecrets(from, url) ? { ...from, url } : undefined;
}

function targetOf(location: string | null, base: URL): URL | undefined {
  if (location === null || !URL.canParse(location, base.href)) return undefined;
  const url = new URL(location, base);
  return url.protocol === "http:" || url.protocol === "https:" ? url : undefined;
}

/** The request is done; what it has left is read. */
function asGet(from: Hop, url: URL): Hop {
  const headers = headersFor(from, url);
  for (const name of [...headers.keys()]) if (/^(content-|idempotency-key$)/.test(name)) headers.delete(name);
  return { method: from.method === "HEAD" ? "HEAD" : "GET", url, headers };
}

function headersFor(from: Hop, url: URL): Headers {
  if (url.origin === from.url.origin) return new Headers(from.headers);
  return new Headers([...from.headers].filter(([name]) => HARMLESS.has(name)));
}

/** It would reach the other origin as another request than it was meant to be. */
function losesSecrets({ headers, url: from }: Hop, url: URL): boolean {
  if (url.origin === from.origin) return false;
  return from.username !== "" || [...headers.keys()].some((name) => !HARMLESS.has(name));
}
