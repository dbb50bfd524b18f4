/** What an HTTP/2 upstream is told of a request: its head, with the length that its body has. A head that may not be sent is a failure. */
import { Failure } from "../../../base/errors.ts";
import {
  type BodySource,
  type HeaderList,
  headerOf,
  type RequestHead,
  withoutHeader,
} from "../../../wire/http/index.ts";
import { checkFields, checkValue } from "../../../wire/http2/index.ts";
import type { Asked } from "./asked.ts";
import { isTls } from "./tls.ts";

/** The head as this upstream gets it; a failure: it holds what may not be sent. */
export function requestHead(asked: Asked, body: BodySource | undefined): RequestHead | Failure {
  const { head, origin } = asked.request;
  const isWebSocket = head.protocol !== undefined;
  try {
    checkFields(head.headers);
    checkValue(":path", head.target);
    checkValue(":authority", head.authority);
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown;
    throw thrown;
  }
  let headers = headersWithLength(head.headers, isWebSocket ? undefined : body?.length);
  if (isWebSocket) headers = withoutHeader(headers, "sec-websocket-key");
  // Servers of gRPC want to hear that trailers get through (they do).
  if ((origin.scheme === "grpc" || origin.scheme === "grpcs") && headerOf(headers, "te") === undefined)
    headers = [...headers, "te", "trailers"];
  return {
    method: isWebSocket ? "CONNECT" : head.method,
    target: head.target,
    scheme: isTls(origin) ? "https" : "http",
    authority: head.authority,
    headers,
    version: "2",
    protocol: head.protocol,
  };
}

function headersWithLength(headers: HeaderList, length: number | undefined): HeaderList {
  const told = headerOf(headers, "content-length");
  if (told === (length === undefined ? undefined : String(length))) return headers;
  const others = told === undefined ? headers : withoutHeader(headers, "content-length");
  return length === undefined ? others : [...others, "content-length", String(length)];
}
