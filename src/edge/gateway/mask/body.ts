/**
 * Masks over a whole body, by its content type: JSON by its fields and patterns, forms and texts by patterns. A body that cannot be read is
 * not let through unseen: what claims to be JSON and is none is refused, and so are records in other forms (gRPC, msgpack, …)
 * and texts in codings that hide ASCII (UTF-16). Pictures, archives and the like hold no fields: they are not looked into.
 */
import { Failure } from "../../../base/errors.ts";
import { MaskBudget } from "./budget.ts";
import { type InflateBounds, inflateBody } from "./inflate.ts";
import { jsonInTurns, noJson, utf8Decoder } from "./json-flow.ts";
import { NoJson } from "./json-text.ts";
import type { MaskRules } from "./rules.ts";
import { formInTurns, type MaskedText, textInTurns } from "./text-mask.ts";
import { atOnce, type Turns } from "./turns.ts";

export interface BodyToMask {
  readonly bytes: Uint8Array;
  /** Values of the headers; empty without them. */
  readonly contentType: string;
  readonly contentEncoding: string;
}

export interface MaskedBody {
  /** The body's own when nothing was hidden; then its coding is as it was. */
  readonly bytes: Uint8Array;
  readonly count: number;
  /** Plain now: `content-encoding` has to go, and `content-length`, `etag` and digests are of another body. */
  readonly isChanged: boolean;
}

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

/** `budget`: of a stream whose records are masked one by one. Throws `gateway.body_unreadable` and `gateway.body_too_large`. */
export function maskBody(
  body: BodyToMask,
  rules: MaskRules,
  bounds: InflateBounds,
  budget = new MaskBudget(),
): MaskedBody {
  if (bodyKind(body.contentType) === "binary" || body.bytes.length === 0) return unchanged(body.bytes);
  requireReadable(body.contentType);
  const plain = inflateBody(body.bytes, body.contentEncoding, bounds);
  const masked = atOnce(plainInTurns(plain, body.contentType, rules, budget));
  return masked.isChanged ? masked : unchanged(body.bytes);
}

/** One that is of any length, and not coded. */
export function* plainInTurns(
  bytes: Uint8Array,
  contentType: string,
  rules: MaskRules,
  budget = new MaskBudget(),
): Turns<MaskedBody> {
  requireReadable(contentType);
  requireAscii(bytes, contentType);
  const decoded = yield* decodeInTurns(bytes);
  const { count, text } = yield* maskAs(decoded, bodyKind(contentType), rules, budget);
  return count === 0 ? unchanged(bytes) : { bytes: yield* encodeInTurns(text, decoded.coding), count, isChanged: true };
}

function unchanged(bytes: Uint8Array): MaskedBody {
  return { bytes, count: 0, isChanged: false };
}

/** Throws `gateway.body_unreadable` where masks do not read the type or its charset. */
export function requireReadable(contentType: string): void {
  if (bodyKind(contentType) === "records")
    throw unreadable(`it is ${contentType.slice(0, 80)}, JSON, a form or a text`);
  requireCharset(contentType);
}

interface Decoded {
  readonly text: string;
  readonly coding: "utf8" | "latin1";
}

function* maskAs(decoded: Decoded, kind: BodyKind, rules: MaskRules, budget: MaskBudget): Turns<MaskedText> {
  const { text } = decoded;
  if (kind === "json") return yield* maskAsJson(decoded, rules, budget);
  if (kind === "form") return yield* formInTurns(text, rules, budget);
  const mayBeJson = rules.paths.length > 0 && /^\s*[[{]/.test(text);
  return yield* mayBeJson ? maskPerhapsJson(text, rules, budget) : textInTurns(text, rules, budget);
}

/** A text that may be JSON which nobody has called so: its fields count. */
function* maskPerhapsJson(text: string, rules: MaskRules, budget: MaskBudget): Turns<MaskedText> {
  try {
    return yield* jsonInTurns(text, rules, budget);
  } catch (thrown) {
    if (!(thrown instanceof NoJson)) throw thrown;
    return yield* textInTurns(text, rules, budget);
  }
}

function requireCharset(contentType: string): void {
  const charset = /;\s*charset\s*=\s*"?([^\s";]*)/i.exec(contentType)?.[1];
  if (charset === undefined || CHARSET.test(charset.toLowerCase())) return;
  throw unreadable(`its charset is ${charset.slice(0, 40)}, UTF-8 or another in which ASCII is itself`);
}

/**
 * UTF-16 and UTF-32 begin with a mark, or have zeros beside what is ASCII; no text has those otherwise. Parts may be pictures. Throws
 * `gateway.body_unreadable`.
 */
export function requireAscii(bytes: Uint8Array, contentType: string): void {
  const [first, second] = bytes;
  const isMarked = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  const hasZeros = bytes.includes(0) && !/^\s*(multipart|message)\//i.test(contentType);
  if (isMarked || hasZeros)
    throw unreadable("it is UTF-16, UTF-32 or no text, UTF-8 or another in which ASCII is itself");
}

function unreadable(what: string): Failure {
  return new Failure("gateway.body_unreadable", `looking for what to hide in a body: ${what} is required`);
}

/** What is no UTF-8 is read byte by byte: patterns are ASCII, and the rest stays as it is. */
function* decodeInTurns(bytes: Uint8Array): Turns<Decoded> {
  let text = "";
  try {
    if (bytes.length <= DECODED_AT_ONCE) return { text: UTF8.decode(bytes), coding: "utf8" };
    const decoder = utf8Decoder();
    for (let from = 0; from < bytes.length; from += DECODED_AT_ONCE) {
      if (from > 0) yield;
      text += decoder.decode(bytes.subarray(from, from + DECODED_AT_ONCE), { stream: true });
    }
    return { text: text + decoder.decode(), coding: "utf8" };
  } catch {
    return { text: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1"), coding: "latin1" };
  }
}

function* encodeInTurns(text: string, coding: Decoded["coding"]): Turns<Uint8Array> {
  if (text.length <= DECODED_AT_ONCE) return Buffer.from(text, coding);
  const pieces: Uint8Array[] = [];
  for (let from = 0; from < text.length; yield) {
    const until = from + DECODED_AT_ONCE;
    // two halves of one character stay together
    const end = isHighSurrogate(text.charCodeAt(until - 1)) ? until + 1 : until;
    pieces.push(Buffer.from(text.slice(from, end), coding));
    from = end;
  }
  return Buffer.concat(pieces);
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code < 0xdc00;
}

/** Decoding and encoding are fast. */
const DECODED_AT_ONCE = 1024 * 1024;

const UTF8 = utf8Decoder();

function* maskAsJson({ coding, text }: Decoded, rules: MaskRules, budget: MaskBudget): Turns<MaskedText> {
  try {
    if (coding !== "utf8") throw new NoJson("it is not UTF-8");
    return yield* jsonInTurns(text, rules, budget);
  } catch (cause) {
    throw noJson(cause);
  }
}
