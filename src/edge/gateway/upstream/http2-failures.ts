/** How an HTTP/2 upstream fails a request, in the words of the pools. */
import { Failure } from "../../../base/errors.ts";
import { ERROR } from "../../../wire/http2/index.ts";

/** What the machine says of a stream. */
export function upstreamFailure(failure: Failure): Failure {
  if (failure.code.startsWith("gateway.")) return failure;
  const isProtocol = failure.code === "http2.stream_error" || failure.code === "http2.connection_error";
  const { refused, none, calm } = ERROR;
  const why = failure.data?.code;
  // Who refuses has too much to do and is well: that is not held against him.
  const isBusy = failure.code === "http2.reset" && why === refused;
  const code = isProtocol ? "gateway.upstream_protocol" : isBusy ? "gateway.upstream_busy" : "gateway.upstream_closed";
  const retryable = !isProtocol && (failure.code !== "http2.reset" || why === refused || why === none || why === calm);
  return new Failure(code, `reading the upstream's reply: ${failure.message}`, { cause: failure, retryable });
}

export function noWebSocket(): Failure {
  return new Failure("gateway.upstream_protocol", "the upstream takes no WebSocket over HTTP/2 (RFC 8441)");
}

export function closedEarly(): Failure {
  return new Failure("gateway.upstream_closed", "the connection to the upstream was closed early", { retryable: true });
}
