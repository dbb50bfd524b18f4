/** What a request is answered with: each failure's status, and JSON in every case. */
import type { ServerResponse } from "node:http";
import type { Failure } from "../../../../base/errors.ts";
import type { PostAnswer } from "../source.ts";

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

export function receiptAnswer(receipt: Receipt, isRepeated: boolean): PostAnswer {
  return answer(202, receipt, isRepeated ? { "idempotent-replayed": "true" } : {});
}

export function failureAnswer(failure: Failure): PostAnswer {
  const status = STATUS[failure.code] ?? 500;
  return answer(status, failure.toJSON(), {
    ...(status === 429 || status === 503 ? { "retry-after": String(RETRY_AFTER_S) } : {}),
    ...(status === 401 ? { "www-authenticate": "Bearer" } : {}),
    ...(status === 405 ? { allow: "POST" } : {}),
  });
}

function answer(status: number, value: object, more: Readonly<Record<string, string>>): PostAnswer {
  const headers = {
    "content-type": "application/json",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...more,
  };
  return { status, headers, text: `${JSON.stringify(value)}\n` };
}

/** What is left of a body is not waited for: the connection ends with the answer. */
export function send(response: ServerResponse, { headers, status, text }: PostAnswer, bodyIsRead: boolean): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, {
    ...headers,
    "content-length": String(Buffer.byteLength(text)),
    ...(bodyIsRead ? {} : { connection: "close" }),
  });
  response.end(text);
}
