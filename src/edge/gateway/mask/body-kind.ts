/**
 * What a body is by its content type, and whether masks can read it: what they cannot read is not let through unseen. Records in other forms
 * (gRPC, msgpack, …) and texts in codings that hide ASCII (UTF-16) are refused; pictures, archives and the like hold no fields, and are not looked into.
 */
import { Failure } from "../../../base/errors.ts";
import type { InTurns } from "../../../base/turns.ts";
import type { MaskRules } from "./rules.ts";

/** `records`: data in a form that masks do not read. */
export type BodyKind = "json" | "form" | "text" | "records" | "binary";

/** A media type and nothing else; others are read as texts, which may be JSON. */
const TYPE = /^\s*[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+\s*(;|$)/;
const JSON_TYPE = /^[^/]+\/(.*json.*|csp-report)$/;
const TEXT_TYPE =
  /^(application|image|model)\/(.*[+.-])?(xml|javascript|ecmascript|graphql|yaml|toml|sql|csv|rtf|ldif|http)$/;
const RECORDS_TYPE =
  /^[^/]+\/(grpc.*|(.*[^a-z])?(protobuf|proto|msgpack|messagepack|cbor|avro|thrift|bson|smile|flatbuffers|capnp|ion|arrow|parquet|eventstream|hessian|java-serialized-object)([^a-z].*)?)$/;
/** Codings in which ASCII is ASCII: the only ones in which patterns are found. */
const CHARSET =
  /^(utf-?8|(us-)?ascii|iso-?8859-?\d{1,2}|latin-?\d|(windows|cp)-?125\d|koi8-[ru]|euc-(jp|kr)|shift[_-]jis|gbk|gb2312|gb18030|big5)$/;

/** Says before any byte of a body whether it will have to be read as a whole. */
export function bodyKind(contentType: string): BodyKind {
  const type = contentType.split(";", 1)[0]!.trim().toLowerCase();
  if (type === "" || !TYPE.test(contentType)) return "text";
  if (JSON_TYPE.test(type)) return "json";
  if (type === "application/x-www-form-urlencoded") return "form";
  if (RECORDS_TYPE.test(type)) return "records";
  if (type.startsWith("text/") || TEXT_TYPE.test(type)) return "text";
  return type.startsWith("multipart/") || type.startsWith("message/") ? "text" : "binary";
}

/** Whether there may be something to hide in it. A text has no fields, but what nobody has named, or wrongly, may be JSON. */
export function mayHide(contentType: string, rules: MaskRules): boolean {
  const kind = bodyKind(contentType);
  if (kind === "json") return true;
  if (kind !== "text" && kind !== "form") return false;
  return rules.patterns.length > 0 || !TYPE.test(contentType) || /^\s*text\/plain\b/i.test(contentType);
}

/** Throws `gateway.body_unreadable` where masks do not read the type or its charset. */
export function requireReadable(contentType: string): void {
  if (bodyKind(contentType) === "records")
    throw unreadable(`it is ${contentType.slice(0, 80)}, JSON, a form or a text`);
  requireCharset(contentType);
}

function requireCharset(contentType: string): void {
  const charset = /;\s*charset\s*=\s*"?([^\s";]*)/i.exec(contentType)?.[1];
  if (charset === undefined || CHARSET.test(charset.toLowerCase())) return;
  throw unreadable(`its charset is ${charset.slice(0, 40)}, UTF-8 or another in which ASCII is itself`);
}

/** `requireAscii` of a body in pieces. */
export function* requireAsciiInTurns(pieces: readonly Uint8Array[], contentType: string): InTurns<void> {
  requireNoMark(pieces[0]?.[0], pieces[0]?.[1] ?? pieces[1]?.[0]);
  if (mayHoldZeros(contentType)) return;
  for (const piece of pieces) {
    requireNoZeros(piece);
    yield;
  }
}

/**
 * UTF-16 and UTF-32 begin with a mark, or have zeros beside what is ASCII; no text has those otherwise. Parts may be pictures. Throws
 * `gateway.body_unreadable`.
 */
export function requireAscii(bytes: Uint8Array, contentType: string): void {
  requireNoMark(bytes[0], bytes[1]);
  if (!mayHoldZeros(contentType)) requireNoZeros(bytes);
}

function requireNoMark(first: number | undefined, second: number | undefined): void {
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) throw noAscii();
}

function mayHoldZeros(contentType: string): boolean {
  return /^\s*(multipart|message)\//i.test(contentType);
}

function requireNoZeros(bytes: Uint8Array): void {
  if (bytes.includes(0)) throw noAscii();
}

function noAscii(): Failure {
  return unreadable("it is UTF-16, UTF-32 or no text, UTF-8 or another in which ASCII is itself");
}

function unreadable(what: string): Failure {
  return new Failure("gateway.body_unreadable", `looking for what to hide in a body: ${what} is required`);
}
