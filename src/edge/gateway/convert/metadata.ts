/** Header fields and metadata: which ones of a request go on to an upstream of another language, and which ones of a reply come back. */

import { Failure } from "../../../base/errors.ts";
import { type HeaderList, headerOf } from "../../../wire/http/index.ts";
import { parseTimeout } from "../../../wire/protobuf/index.ts";
import type { Exchange } from "../words/index.ts";

/** What describes the body or the hop, and thus not what comes out of a conversion. */
const OF_BODY: ReadonlySet<string> = new Set([
  "accept",
  "accept-encoding",
  "accept-ranges",
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "etag",
  "expect",
  "host",
  "keep-alive",
  "last-event-id",
  "proxy-connection",
  "range",
  "sec-websocket-accept",
  "sec-websocket-extensions",
  "sec-websocket-key",
  "sec-websocket-protocol",
  "sec-websocket-version",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "x-request-timeout",
]);

/** What stands for itself whatever the body is. gRPC's own fields (`grpc-…`) are made anew on each side. */
export function carriedFields(headers: HeaderList): HeaderList {
  const carried: HeaderList = [];
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!;
    if (!OF_BODY.has(name) && !name.startsWith("grpc-")) carried.push(name, headers[at + 1]!);
  }
  return carried;
}

export function mediaTypeOf(headers: HeaderList): string {
  const value = headerOf(headers, "content-type");
  if (value === undefined) return "";
  const semicolon = value.indexOf(";");
  return (semicolon < 0 ? value : value.slice(0, semicolon)).trim().toLowerCase();
}

/** `application/grpc`, `application/grpc+proto`; not gRPC-web. */
export function isGrpcType(mediaType: string): boolean {
  return mediaType === "application/grpc" || mediaType.startsWith("application/grpc+");
}

export function isGrpcWebType(mediaType: string): boolean {
  return mediaType.startsWith("application/grpc-web");
}

/** A body of JSON that came coded is not inflated here (`gateway.convert_coding`). */
export function codedBody({ body, request }: Pick<Exchange, "body" | "request">): Failure | undefined {
  const coding = headerOf(request.headers, "content-encoding")?.trim().toLowerCase() ?? "identity";
  if (body.length === 0 || coding === "identity") return undefined;
  const message = `the body has a content-encoding, which is not undone here; a body without one is required`;
  return new Failure("gateway.convert_coding", message);
}

/** What the client may do instead (RFC 9110, 12.5.3). */
export function refusalFields({ code }: Failure): HeaderList {
  return code === "gateway.convert_coding" ? ["accept-encoding", "identity"] : [];
}

const TIMEOUT = /^(\d{1,10})(ms|s|m)?$/;
const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 };

/** How long the client gives it: `grpc-timeout`, or `x-request-timeout` (milliseconds, or with `ms`, `s`, `m`). */
export function clientTimeoutMs(headers: HeaderList): number | undefined {
  const grpc = headerOf(headers, "grpc-timeout");
  if (grpc !== undefined) return parseTimeout(grpc);
  const plain = headerOf(headers, "x-request-timeout");
  const match = plain === undefined ? null : TIMEOUT.exec(plain);
  return match === null ? undefined : Number(match[1]) * UNITS_MS[match[2] ?? "ms"]!;
}

const OF_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Fields of an HTTP reply that mean something in a message: all but those of the hop. */
export function isCarriedBack(name: string): boolean {
  return !OF_HOP.has(name);
}
