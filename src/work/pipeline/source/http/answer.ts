/** What a request is answered with: each failure's status, and JSON in every case. */
import type { ServerResponse } from "node:http";
import type { Failure } from "../../../../base/errors.ts";

/** Anything else is a defect of ours, 500. */
const STATUS: Readonly<Record<string, number>> = {
  "source.http.malformed": 400,
  "source.http.encoding": 400,
  "source.http.bad_key": 400,
  "source.http.cut_off": 400,
  "source.http.unauthenticated": 401,
  "source.http.foreign_page": 403,
  "source.http.unknown_path": 404,
  "source.http.wrong_verb": 405,
  "source.http.too_large": 413,
  "source.http.content_type": 415,
  "source.http.key_reused": 422,
  "source.http.busy": 429,
  "source.http.full": 429,
  "source.http.closing": 503,
  "source.http.storage": 503,
};

/** Long enough for some batches to be committed, short enough to be waited for. */
const RETRY_AFTER_S = 1;

export interface Receipt {
  readonly accepted: true;
  readonly records: number;
  /** Offset in the spool behind the records: grows with each request. */
  readonly position: number;
}

export function sendReceipt(response: ServerResponse, receipt: Receipt, isRepeated: boolean): void {
  send(response, 202, receipt, isRepeated ? { "idempotent-replayed": "true" } : {});
}

/** What is left of the body is not waited for: the connection ends with the answer. */
export function sendFailure(response: ServerResponse, failure: Failure, bodyIsRead: boolean): void {
  const status = STATUS[failure.code] ?? 500;
  send(response, status, failure.toJSON(), {
    ...(status === 429 || status === 503 ? { "retry-after": String(RETRY_AFTER_S) } : {}),
    ...(status === 401 ? { "www-authenticate": "Bearer" } : {}),
    ...(status === 405 ? { allow: "POST" } : {}),
    ...(bodyIsRead ? {} : { connection: "close" }),
  });
}

function send(
  response: ServerResponse,
  status: number,
  value: object,
  headers: Readonly<Record<string, string>>,
): void {
  if (response.headersSent || response.destroyed) return;
  const text = `${JSON.stringify(value)}\n`;
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(text)),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...headers,
  });
  response.end(text);
}
