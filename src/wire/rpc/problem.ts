/**
 * Answers over HTTP: JSON, and failures as problem details (RFC 9457). `type` stays `about:blank`, so `title` is the status' own
 * phrase: what a program tells failures apart by is our `code`, which is the same over every way in.
 */
import { Failure } from "../../base/errors.ts";
import { statusOf } from "./failures.ts";
import { RESPONSE_BYTES_MAX } from "./limits.ts";

export const PROBLEM_TYPE = "application/problem+json";

/** Of every answer: nothing is kept by anybody, guessed at, framed, or followed by a page's address. */
export const SAFE_HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
} as const;

/** Made once: a server copies them faster than it makes them. */
const JSON_HEADERS = new Headers({ "content-type": "application/json", ...SAFE_HEADERS });

const TITLES: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  413: "Content Too Large",
  414: "URI Too Long",
  415: "Unsupported Media Type",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  499: "Client Closed Request",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

export interface Problem {
  readonly type: "about:blank";
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly retryable: boolean;
  readonly data?: Readonly<Record<string, unknown>> | undefined;
}

export function problemOf(failure: Failure): Problem {
  const status = statusOf(failure);
  const { code, message, retryable, data } = failure;
  const title = TITLES[status] ?? "Error";
  return { type: "about:blank", title, status, detail: message, code, retryable, ...(data && { data }) };
}

/** The text of a problem; data that JSON cannot hold is left out. */
export function problemText(failure: Failure): string {
  const problem = problemOf(failure);
  try {
    return JSON.stringify(problem);
  } catch {
    return JSON.stringify({ ...problem, data: undefined });
  }
}

export function problemResponse(failure: Failure, headers: Readonly<Record<string, string>> = {}): Response {
  const told = { "content-type": PROBLEM_TYPE, ...SAFE_HEADERS, ...headersOf(failure), ...headers };
  return new Response(problemText(failure), { status: statusOf(failure), headers: told });
}

/** What HTTP wants beside certain statuses. */
function headersOf(failure: Failure): Record<string, string> {
  const status = statusOf(failure);
  if (status === 401) return { "www-authenticate": "Bearer" };
  const retryAfterMs = failure.data?.retryAfterMs;
  if ((status !== 429 && status !== 503) || typeof retryAfterMs !== "number" || !(retryAfterMs >= 0)) return {};
  return { "retry-after": String(Math.max(1, Math.ceil(retryAfterMs / 1000))) };
}

const sizes = new WeakMap<Response, number>();

/** Of an answer made here; 0 for a stream. */
export function answerBytes(response: Response): number {
  return sizes.get(response) ?? 0;
}

/** A value as an answer; one that JSON cannot hold, or that is too large, is a defect of whoever gave it. */
export function jsonResponse(value: unknown, status = 200, headers?: Readonly<Record<string, string>>): Response {
  const text = jsonText(value);
  if (text === undefined) return problemResponse(new Failure("rpc.defect", "the answer cannot be written as JSON"));
  return jsonBody(text, status, headers);
}

/** A JSON text as an answer. */
export function jsonBody(
  text: string | Uint8Array<ArrayBuffer>,
  status = 200,
  headers?: Readonly<Record<string, string>>,
): Response {
  const size = typeof text === "string" ? Buffer.byteLength(text) : text.length;
  if (size > RESPONSE_BYTES_MAX) {
    const message = `the answer is larger than ${RESPONSE_BYTES_MAX} bytes, the most that is sent`;
    return problemResponse(new Failure("rpc.defect", message));
  }
  const all = headers ? { ...JSON_HEADERS.toJSON(), ...headers } : JSON_HEADERS;
  const response = new Response(text, { status, headers: all });
  sizes.set(response, size);
  return response;
}

function jsonText(value: unknown): string | undefined {
  try {
    return JSON.stringify(value ?? null);
  } catch {
    return undefined;
  }
}
