/**
 * What a failure is to the client: a status of gRPC and thus of HTTP. Of upstreams the client learns the kind only: addresses and reasons are
 * for the log.
 */
import { Failure, toFailure } from "../../../base/errors.ts";
import { codeOf, type GrpcStatus, type StatusName } from "../../../wire/protobuf/index.ts";

const UPSTREAM: ReadonlyMap<string, readonly [StatusName, string]> = new Map([
  ["gateway.connect_failed", ["UNAVAILABLE", "the upstream cannot be reached"]],
  ["gateway.address_denied", ["PERMISSION_DENIED", "the target is not allowed"]],
  ["gateway.upstream_timeout", ["DEADLINE_EXCEEDED", "the upstream took too long"]],
  ["gateway.upstream_closed", ["UNAVAILABLE", "the upstream broke the connection off"]],
  ["gateway.upstream_protocol", ["INTERNAL", "the upstream's reply cannot be understood"]],
  ["gateway.upstream_busy", ["UNAVAILABLE", "the upstream is busy"]],
]);

/** Of what came from the client. */
const REQUEST: ReadonlyMap<string, StatusName> = new Map([
  ["gateway.body_too_large", "RESOURCE_EXHAUSTED"],
  ["grpc.message_too_large", "RESOURCE_EXHAUSTED"],
  ["protobuf.too_many_values", "RESOURCE_EXHAUSTED"],
  ["grpc.encoding", "UNIMPLEMENTED"],
  ["gateway.convert_unknown_method", "UNIMPLEMENTED"],
  ["gateway.convert_media_type", "INVALID_ARGUMENT"],
  ["gateway.convert_busy", "RESOURCE_EXHAUSTED"],
  ["gateway.reflection", "UNAVAILABLE"],
]);

export function statusOfUpstreamFailure(failure: Failure): GrpcStatus {
  const [name, message] = UPSTREAM.get(failure.code) ?? ["INTERNAL", "the upstream's reply cannot be understood"];
  return { code: codeOf(name), message };
}

/** Where the status of gRPC says less: a retry later, as 429 asks for, is of no use. */
const HTTP: ReadonlyMap<string, number> = new Map([
  ["gateway.body_too_large", 413],
  ["grpc.message_too_large", 413],
  ["protobuf.too_many_values", 413],
  ["gateway.convert_coding", 415],
  ["gateway.convert_form", 415],
  ["gateway.convert_unknown_method", 404],
]);

/** The client's own fault is told in full. */
export function statusOfRequestFailure(failure: Failure): GrpcStatus {
  const name = REQUEST.get(failure.code) ?? (isOfRequest(failure.code) ? "INVALID_ARGUMENT" : "INTERNAL");
  const message = name === "INTERNAL" ? "the request cannot be converted" : failure.message;
  const http = HTTP.get(failure.code);
  return { code: codeOf(name), message, cause: failure, ...(http !== undefined && { http }) };
}

/** Of a message that an upstream sent. */
export function statusOfUnreadable(thrown: unknown): GrpcStatus {
  const cause = toFailure(thrown, "protobuf.json");
  return { code: codeOf("INTERNAL"), message: `the upstream's message cannot be converted: ${cause.message}`, cause };
}

/** For whoever still brings something. */
export function callOver(): Failure {
  return new Failure("gateway.convert_over", "the call is over");
}

function isOfRequest(code: string): boolean {
  return code.startsWith("protobuf.") || code.startsWith("grpc.") || code.startsWith("gateway.convert_");
}
