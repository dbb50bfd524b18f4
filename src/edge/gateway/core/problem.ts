/** What the gateway says itself: problems (RFC 9457) for HTTP clients, statuses for gRPC clients. Never more than a client may know. */
import { type HeaderList, headerOf, type RequestHead, reasonOf } from "../../../wire/http/index.ts";
import type { Refusal } from "./words.ts";

export interface RefusalReply {
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: Uint8Array;
}

/** By the table that gRPC's documentation gives for proxies. */
const GRPC_STATUS: Readonly<Record<number, number>> = {
  400: 3,
  401: 16,
  403: 7,
  404: 12,
  405: 12,
  408: 4,
  413: 8,
  415: 3,
  429: 8,
  499: 1,
  501: 12,
  502: 14,
  503: 14,
  504: 4,
};
const GRPC_INTERNAL = 13;
const EMPTY = new Uint8Array(0);

export function isGrpc(head: Pick<RequestHead, "headers">): boolean {
  const type = headerOf(head.headers, "content-type");
  return type !== undefined && /^application\/grpc(?!-web)/i.test(type);
}

/** In the form that this client reads. */
export function refusalReply(request: Pick<RequestHead, "headers">, refusal: Refusal, requestId: string): RefusalReply {
  const { code, detail, headers = [], status } = refusal;
  if (isGrpc(request)) {
    const number = String(GRPC_STATUS[status] ?? GRPC_INTERNAL);
    const own = ["content-type", "application/grpc", "grpc-status", number, "grpc-message"];
    const message = grpcText(`${code}: ${detail}`);
    return { status: 200, headers: [...own, message, "x-request-id", requestId, ...headers], body: EMPTY };
  }
  const title = reasonOf(status) || "Error";
  const problem = { type: "about:blank", title, status, detail, code, requestId };
  const own = ["content-type", "application/problem+json", "cache-control", "no-store", "x-request-id", requestId];
  return { status, headers: [...own, ...headers], body: Buffer.from(JSON.stringify(problem)) };
}

/** As gRPC's `grpc-message` wants it: bytes of UTF-8, percent-encoded where they are no printable ASCII. */
function grpcText(text: string): string {
  return text.toWellFormed().replace(/[^\x20-\x24\x26-\x7e]/gu, (character) => encodeURIComponent(character));
}
