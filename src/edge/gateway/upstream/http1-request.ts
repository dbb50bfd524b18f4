/** What an HTTP/1.1 upstream is told of a request: its first line, how its body is framed, and which requests may be sent twice. */
import type { RequestFraming, RequestHead, RequestLine } from "../../../wire/http/index.ts";

const NO_BODY: RequestFraming = { length: undefined };
const EMPTY_BODY: RequestFraming = { length: 0 };

/** A WebSocket is a GET here, whatever it was where it came from (an extended CONNECT of HTTP/2). */
export function lineOf(head: RequestHead): RequestLine {
  return head.protocol === undefined ? head : { ...head, method: "GET" };
}

/** `length`: 0, so many bytes, or `CHUNKED`. Methods that usually have a body say that they have none. */
export function framingOf({ method, protocol }: RequestHead, length: number): RequestFraming {
  if (protocol !== undefined) return { length: undefined, connection: "upgrade", protocol };
  if (length !== 0) return { length };
  return method === "POST" || method === "PUT" || method === "PATCH" ? EMPTY_BODY : NO_BODY;
}

/** RFC 9110, 9.2.2. */
export function isIdempotent(method: string): boolean {
  switch (method) {
    case "GET":
    case "HEAD":
    case "OPTIONS":
    case "PUT":
    case "DELETE":
    case "TRACE":
      return true;
    default:
      return false;
  }
}
