/**
 * Preflights of browsers (the Fetch standard, CORS): OPTIONS that asks leave for a request of another method, whose headers it names and
 * whose values it does not. It goes by the routes as that request would.
 */
import { headerOf, headersOf, type RequestHead } from "../../../wire/http/index.ts";

const METHOD = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,32}$/;

/** What a browser asks leave for, as far as it is known; undefined: this asks for nothing. */
export function preflightOf(head: RequestHead): RequestHead | undefined {
  if (head.method !== "OPTIONS" || headerOf(head.headers, "origin") === undefined) return undefined;
  const method = headerOf(head.headers, "access-control-request-method");
  return method === undefined || !METHOD.test(method) ? undefined : { ...head, method };
}

/** In lower case. */
export function announcedHeaders({ headers }: RequestHead): ReadonlySet<string> {
  const names = headersOf(headers, "access-control-request-headers").flatMap((line) => line.split(","));
  return new Set(names.map((name) => name.trim().toLowerCase()).filter((name) => name !== ""));
}
