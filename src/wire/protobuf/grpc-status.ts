/** gRPC's status: codes and names, what they are in HTTP and what HTTP is in them, and how they travel in trailers. */
import { fromBinary, type JsonValue, type Registry, toJson } from "@bufbuild/protobuf";
import { BinaryReader, base64Decode, base64Encode, WireType } from "@bufbuild/protobuf/wire";
import { type Any, AnySchema } from "@bufbuild/protobuf/wkt";
import type { Failure } from "../../base/errors.ts";
import { STATUS_MESSAGE_CHARS_MAX } from "./limits.ts";

/** In the order of their numbers. */
const NAMES = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;

export type StatusName = (typeof NAMES)[number];

/** As google.rpc.Code says. */
const HTTP_OF_CODE = [200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401] as const;

/** As gRPC's HTTP mapping says ("HTTP to gRPC Status Code Mapping"), for replies that are not gRPC. */
const CODE_OF_HTTP: ReadonlyMap<number, StatusName> = new Map([
  [400, "INTERNAL"],
  [401, "UNAUTHENTICATED"],
  [403, "PERMISSION_DENIED"],
  [404, "UNIMPLEMENTED"],
  [429, "UNAVAILABLE"],
  [502, "UNAVAILABLE"],
  [503, "UNAVAILABLE"],
  [504, "UNAVAILABLE"],
]);

/** As google.rpc.Code says it backwards: what an HTTP API means by its statuses. */
const CODE_OF_API: ReadonlyMap<number, StatusName> = new Map([
  [400, "INVALID_ARGUMENT"],
  [401, "UNAUTHENTICATED"],
  [403, "PERMISSION_DENIED"],
  [404, "NOT_FOUND"],
  [405, "UNIMPLEMENTED"],
  [408, "DEADLINE_EXCEEDED"],
  [409, "ABORTED"],
  [412, "FAILED_PRECONDITION"],
  [413, "RESOURCE_EXHAUSTED"],
  [416, "OUT_OF_RANGE"],
  [422, "INVALID_ARGUMENT"],
  [429, "RESOURCE_EXHAUSTED"],
  [499, "CANCELLED"],
  [501, "UNIMPLEMENTED"],
  [502, "UNAVAILABLE"],
  [503, "UNAVAILABLE"],
  [504, "DEADLINE_EXCEEDED"],
]);

export interface GrpcStatus {
  readonly code: number;
  readonly message: string;
  /** A serialized google.rpc.Status. */
  readonly details?: Uint8Array | undefined;
  /** Of HTTP, where it says more than the code's own. */
  readonly http?: number | undefined;
  /** What decided it, where no upstream did: for logs, never for clients. */
  readonly cause?: Failure | undefined;
}

export function codeOf(name: StatusName): number {
  return NAMES.indexOf(name);
}

export function nameOfCode(code: number): StatusName {
  return NAMES[code] ?? "UNKNOWN";
}

export function httpOfCode(code: number): number {
  return HTTP_OF_CODE[code] ?? 500;
}

/** Of a reply that ought to have been gRPC. */
export function codeOfForeignReply(httpStatus: number): number {
  return codeOf(CODE_OF_HTTP.get(httpStatus) ?? "UNKNOWN");
}

/** Of the reply of an HTTP API. */
export function codeOfApiReply(httpStatus: number): number {
  if (httpStatus >= 200 && httpStatus < 300) return 0;
  return codeOf(
    CODE_OF_API.get(httpStatus) ?? (httpStatus >= 400 && httpStatus < 500 ? "FAILED_PRECONDITION" : "UNKNOWN"),
  );
}

/** Bytes outside printable ASCII, and the percent sign, in percent-encoding. */
export function encodeStatusMessage(message: string): string {
  const bounded = message.slice(0, STATUS_MESSAGE_CHARS_MAX).toWellFormed();
  if (PLAIN.test(bounded)) return bounded;
  return Array.from(new TextEncoder().encode(bounded), (byte) =>
    byte >= 0x20 && byte <= 0x7e && byte !== 0x25
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`,
  ).join("");
}

const PLAIN = /^[ -$&-~]*$/;

/** Never fails: what is no encoding stays as it is. */
export function decodeStatusMessage(encoded: string): string {
  if (!encoded.includes("%")) return encoded;
  const bytes = Buffer.from(
    encoded.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    "latin1",
  );
  return bytes.toString("utf8");
}

/** Undefined: there is no `grpc-status`, or none that is a number. */
export function statusOfTrailers(trailers: readonly string[]): GrpcStatus | undefined {
  let code: number | undefined;
  let message = "";
  let details: Uint8Array | undefined;
  for (let at = 0; at < trailers.length; at += 2) {
    const value = trailers[at + 1]!;
    if (trailers[at] === "grpc-status") code = /^\d{1,3}$/.test(value) ? Number(value) : undefined;
    else if (trailers[at] === "grpc-message") message = decodeStatusMessage(value);
    else if (trailers[at] === "grpc-status-details-bin") details = decodeBinaryField(value);
  }
  return code === undefined ? undefined : { code, message, details };
}

export function trailersOfStatus(status: GrpcStatus): string[] {
  const trailers = ["grpc-status", String(status.code)];
  if (status.message !== "") trailers.push("grpc-message", encodeStatusMessage(status.message));
  if (status.details !== undefined) trailers.push("grpc-status-details-bin", encodeBinaryField(status.details));
  return trailers;
}

/** Fields that end in `-bin` are base64, without padding as a rule. */
export function encodeBinaryField(bytes: Uint8Array): string {
  return base64Encode(bytes, "std_raw");
}

export function decodeBinaryField(text: string): Uint8Array | undefined {
  try {
    return base64Decode(text);
  } catch {
    // A peer's broken field says nothing; the status itself still counts.
    return undefined;
  }
}

/** For JSON clients, as google.rpc.Status looks in canonical JSON; details of unknown types keep their type and bytes. */
export function jsonOfStatus(status: GrpcStatus, registry: Registry | undefined): { [name: string]: JsonValue } {
  const json: { [name: string]: JsonValue } = {
    code: status.code,
    status: nameOfCode(status.code),
    message: status.message,
  };
  const details = status.details === undefined ? [] : detailsOf(status.details);
  if (details.length > 0) json.details = details.map((detail) => jsonOfDetail(detail, registry));
  return json;
}

function jsonOfDetail(detail: Any, registry: Registry | undefined): JsonValue {
  try {
    if (registry !== undefined) return toJson(AnySchema, detail, { registry });
  } catch {
    // Its type is not known here: the reader may know it.
  }
  return { "@type": detail.typeUrl, value: base64Encode(detail.value) };
}

/** Field 3 of google.rpc.Status. */
function detailsOf(status: Uint8Array): Any[] {
  const details: Any[] = [];
  try {
    const reader = new BinaryReader(status);
    while (reader.pos < reader.len) {
      const [number, wireType] = reader.tag();
      if (number === 3 && wireType === WireType.LengthDelimited) details.push(fromBinary(AnySchema, reader.bytes()));
      else reader.skip(wireType, number);
    }
  } catch {
    // What was read until it broke is told; code and message do not depend on it.
  }
  return details;
}
