/**
 * The messages of grpc.reflection (v1 and v1alpha are the same on the wire) and grpc.health.v1, read and written by hand: they are a few fields,
 * and whoever needs descriptors first has none to read them with.
 */
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { Failure, messageOf } from "../../base/errors.ts";

export type ReflectionRequest =
  | { readonly kind: "file" | "symbol" | "extension_numbers" | "services"; readonly name: string }
  | { readonly kind: "extension"; readonly name: string; readonly number: number };

export type ReflectionReply =
  | { readonly kind: "files"; readonly files: readonly Uint8Array[] }
  | { readonly kind: "extension_numbers"; readonly name: string; readonly numbers: readonly number[] }
  | { readonly kind: "services"; readonly names: readonly string[] }
  | { readonly kind: "error"; readonly code: number; readonly message: string };

const REQUEST_FIELDS = { file: 3, symbol: 4, extension: 5, extension_numbers: 6, services: 7 } as const;
const REPLY_FIELDS = { files: 4, extension_numbers: 5, services: 6, error: 7 } as const;
const REQUEST_KINDS = new Map(
  Object.entries(REQUEST_FIELDS).map(([kind, number]) => [number as number, kind as keyof typeof REQUEST_FIELDS]),
);

export function encodeReflectionRequest(request: ReflectionRequest): Uint8Array {
  const writer = new BinaryWriter().tag(REQUEST_FIELDS[request.kind], WireType.LengthDelimited);
  if (request.kind !== "extension") return writer.string(request.name).finish();
  writer
    .fork()
    .tag(1, WireType.LengthDelimited)
    .string(request.name)
    .tag(2, WireType.Varint)
    .int32(request.number)
    .join();
  return writer.finish();
}

/** Undefined: it asks nothing that is known here. Fails with `protobuf.binary`. */
export function decodeReflectionRequest(bytes: Uint8Array): ReflectionRequest | undefined {
  let request: ReflectionRequest | undefined;
  eachField(bytes, (number, reader) => {
    const kind = REQUEST_KINDS.get(number);
    if (kind === undefined) return false;
    request = kind === "extension" ? extensionOf(reader.bytes()) : { kind, name: reader.string() };
    return true;
  });
  return request;
}

function extensionOf(bytes: Uint8Array): ReflectionRequest {
  let name = "";
  let extension = 0;
  eachField(bytes, (number, reader) => {
    if (number === 1) name = reader.string();
    else if (number === 2) extension = reader.int32();
    else return false;
    return true;
  });
  return { kind: "extension", name, number: extension };
}

/** `asked`: the request as it came, which goes back with the reply. */
export function encodeReflectionReply(reply: ReflectionReply, asked: Uint8Array): Uint8Array {
  const writer = new BinaryWriter().tag(2, WireType.LengthDelimited).bytes(asked);
  writer.tag(REPLY_FIELDS[reply.kind], WireType.LengthDelimited).fork();
  if (reply.kind === "files") for (const file of reply.files) writer.tag(1, WireType.LengthDelimited).bytes(file);
  if (reply.kind === "services") {
    for (const name of reply.names)
      writer.tag(1, WireType.LengthDelimited).fork().tag(1, WireType.LengthDelimited).string(name).join();
  }
  if (reply.kind === "extension_numbers") {
    writer.tag(1, WireType.LengthDelimited).string(reply.name).tag(2, WireType.LengthDelimited).fork();
    for (const number of reply.numbers) writer.int32(number);
    writer.join();
  }
  if (reply.kind === "error")
    writer.tag(1, WireType.Varint).int32(reply.code).tag(2, WireType.LengthDelimited).string(reply.message);
  return writer.join().finish();
}

/** Undefined: no reply that is known here. Fails with `protobuf.binary`. */
export function decodeReflectionReply(bytes: Uint8Array): ReflectionReply | undefined {
  let reply: ReflectionReply | undefined;
  eachField(bytes, (number, reader) => {
    if (number === REPLY_FIELDS.files) reply = { kind: "files", files: bytesFields(reader.bytes()) };
    else if (number === REPLY_FIELDS.services) {
      const names = bytesFields(reader.bytes()).map((one) => new TextDecoder().decode(bytesFields(one)[0]));
      reply = { kind: "services", names };
    } else if (number === REPLY_FIELDS.error) reply = errorOf(reader.bytes());
    else return false;
    return true;
  });
  return reply;
}

/** All of field 1. */
function bytesFields(bytes: Uint8Array): Uint8Array[] {
  const all: Uint8Array[] = [];
  eachField(bytes, (number, reader) => {
    if (number !== 1) return false;
    all.push(reader.bytes());
    return true;
  });
  return all;
}

function errorOf(bytes: Uint8Array): ReflectionReply {
  let code = 0;
  let message = "";
  eachField(bytes, (number, reader) => {
    if (number === 1) code = reader.int32();
    else if (number === 2) message = reader.string();
    else return false;
    return true;
  });
  return { kind: "error", code, message };
}

export const SERVING = 1;
export const NOT_SERVING = 2;
export const SERVICE_UNKNOWN = 3;

/** The service that is asked about. Fails with `protobuf.binary`. */
export function decodeHealthRequest(bytes: Uint8Array): string {
  const names = bytesFields(bytes);
  return names.length === 0 ? "" : new TextDecoder().decode(names[names.length - 1]);
}

export function encodeHealthReply(status: number): Uint8Array {
  return new BinaryWriter().tag(1, WireType.Varint).int32(status).finish();
}

/** `take` reads the field and says true, or leaves it. */
function eachField(bytes: Uint8Array, take: (number: number, reader: BinaryReader) => boolean): void {
  try {
    const reader = new BinaryReader(bytes);
    while (reader.pos < reader.len) {
      const [number, wireType] = reader.tag();
      if (!take(number, reader)) reader.skip(wireType, number);
    }
  } catch (thrown) {
    throw new Failure(
      "protobuf.binary",
      `reading a message failed: ${messageOf(thrown)}; a message of reflection or health is required`,
      { cause: thrown },
    );
  }
}
