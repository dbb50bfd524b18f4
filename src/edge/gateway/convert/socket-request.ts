/**
 * One request in a message: `{"id", "method", "path", "headers"?, "body"?, "encoding"?}`. Its path lies beneath the path of the socket, and its
 * fields do not touch what the gateway has set: a message may do no more than a request by itself could.
 */
import { Failure } from "../../../base/errors.ts";
import type { InTurns } from "../../../base/turns.ts";
import type { HeaderList } from "../../../wire/http/index.ts";
import { type JsonValue, membersOfJson, parseJson } from "../../../wire/protobuf/index.ts";
import { ID_CHARS_MAX } from "./limits.ts";

/** As JSON: of a number all its digits, as they came. */
export type MessageId = string;

export interface SocketRequest {
  readonly id: MessageId;
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: HeaderList;
  readonly body: Uint8Array | undefined;
}

const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
const MEMBERS: ReadonlySet<string> = new Set(["id", "method", "path", "headers", "body", "encoding"]);
const PATH = /^\/[\w\-.~!$&'()*+,;=:@%/]*(?:\?[\w\-.~!$&'()*+,;=:@%/?]*)?$/;
const BROKEN_PERCENT = /%(?![0-9a-fA-F]{2})/;
/** Slash, backslash, dot, NUL and line ends in disguise: they would be seen differently behind. */
const DISGUISED = /%(?:2f|5c|2e|0[0ad])/i;
const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
/** Visible characters and blanks, each of one byte. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const CLIENTS_OWN =
  /^(?:accept|accept-language|content-type|if-[a-z-]+|prefer|x-(?!forwarded|real|request-id|client|envoy|amzn)[a-z0-9-]+)$/;
const FIELDS_ALLOWED =
  "one of accept, accept-language, content-type, if-…, prefer, or x-… but for those that proxies set,";

/** In turns, for bodies may be long. Fails with `gateway.convert_message` (`data.id` where there is one) and as `parseJson`. */
export function* parseSocketRequest(text: string, valuesMax: number): InTurns<SocketRequest> {
  const json = objectOf(yield* parseJson(text, { valuesMax }));
  const texts = membersOfJson(text);
  const id = idOf(json.id, texts.get("id"));
  const fail = (why: string): Failure =>
    new Failure("gateway.convert_message", `reading a request failed: ${why} is required`, { data: { id } });
  const unknown = Object.keys(json).find((name) => !MEMBERS.has(name));
  if (unknown !== undefined)
    throw fail(`${shown(unknown)} is no member of a request; one of ${[...MEMBERS].join(", ")}`);
  const { body, encoding, headers = {}, method = "GET", path } = json;
  if (typeof method !== "string" || !METHODS.has(method))
    throw fail(`the method is ${shown(method)}; one of ${[...METHODS].join(", ")}`);
  if (typeof path !== "string" || !isSafePath(path))
    throw fail(`the path is ${shown(path)}; a plain one that begins with /`);
  const fields = fieldsOf(headers, fail);
  const content = bodyOf({ body, text: texts.get("body") ?? "" }, encoding, fields, fail);
  return { id, method, path, headers: fields, body: content };
}

function objectOf(json: JsonValue): Record<string, unknown> {
  if (typeof json === "object" && json !== null && !Array.isArray(json)) return json;
  throw new Failure("gateway.convert_message", "reading a request failed: it is no object; one is required");
}

function idOf(id: unknown, text = ""): MessageId {
  if (typeof id === "number" && text.length <= ID_CHARS_MAX) return text;
  if (typeof id === "string" && id.length > 0 && id.length <= ID_CHARS_MAX) return JSON.stringify(id);
  throw new Failure(
    "gateway.convert_message",
    `reading a request failed: its id is ${shown(id)}; a number or a text of at most ${ID_CHARS_MAX} characters is required`,
  );
}

/** Of what came, as far as it helps: texts are cut, what is in other values is not told. */
function shown(value: unknown): string {
  if (typeof value === "string" && value.length > CHARS_SHOWN) return `${JSON.stringify(value.slice(0, CHARS_SHOWN))}…`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "missing";
  return Array.isArray(value) ? "an array" : "an object";
}

const CHARS_SHOWN = 100;

function isSafePath(path: string): boolean {
  if (!PATH.test(path) || BROKEN_PERCENT.test(path)) return false;
  const plain = path.split("?", 1)[0]!;
  return (
    !DISGUISED.test(plain) &&
    !plain.includes("//") &&
    !plain.split("/").some((piece) => piece === "." || piece === "..")
  );
}

function fieldsOf(headers: unknown, fail: (why: string) => Failure): HeaderList {
  if (typeof headers !== "object" || headers === null || Array.isArray(headers))
    throw fail("headers are no object; one of names and texts");
  const fields: HeaderList = [];
  for (const [given, value] of Object.entries(headers)) {
    const name = given.toLowerCase();
    if (!NAME.test(name) || !CLIENTS_OWN.test(name))
      throw fail(`${shown(given)} cannot be set by a message; ${FIELDS_ALLOWED}`);
    if (typeof value !== "string" || !VALUE.test(value))
      throw fail(`the value of ${shown(given)} is no field's; a text in one line`);
    fields.push(name, value.trim());
  }
  return fields;
}

/** JSON goes as JSON, as it was written; a text as it is, or out of base64. */
function bodyOf(
  { body, text }: { readonly body: unknown; readonly text: string },
  encoding: unknown,
  fields: HeaderList,
  fail: (why: string) => Failure,
): Uint8Array | undefined {
  if (encoding !== undefined && encoding !== "base64")
    throw fail(`the encoding is ${shown(encoding)}; base64, or none,`);
  if (body === undefined || body === null) return undefined;
  if (encoding === "base64") {
    if (typeof body !== "string" || !/^[A-Za-z0-9+/]*={0,2}$/.test(body)) throw fail("the body is no base64; it");
    return Buffer.from(body, "base64");
  }
  const hasType = fields.includes("content-type");
  if (typeof body === "string") {
    if (!hasType) fields.push("content-type", "text/plain; charset=utf-8");
    return new TextEncoder().encode(body);
  }
  if (!hasType) fields.push("content-type", "application/json");
  return new TextEncoder().encode(text);
}

export interface SocketReply {
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: Uint8Array;
  readonly trailers?: HeaderList | undefined;
}

/** A reply as a message. Bytes that are no text go in base64; a field that came several times is a list. */
export function socketReply(id: MessageId | null, { body, headers, status, trailers = [] }: SocketReply): string {
  const words = {
    status,
    headers: fieldsObject(headers),
    ...bodyWords(body),
    trailers: trailers.length === 0 ? undefined : fieldsObject(trailers),
  };
  return `{"id":${id},${JSON.stringify(words).slice(1)}`;
}

function fieldsObject(headers: HeaderList): Record<string, string | string[]> {
  const fields: Record<string, string | string[]> = {};
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!;
    const before = Object.hasOwn(fields, name) ? fields[name] : undefined;
    const value = headers[at + 1]!;
    Object.defineProperty(fields, name, {
      value: before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value],
      enumerable: true,
      configurable: true,
    });
  }
  return fields;
}

function bodyWords(body: Uint8Array): { readonly body: string; readonly encoding?: "base64" } {
  try {
    return { body: strict.decode(body) };
  } catch {
    // No UTF-8: as bytes.
    return { body: Buffer.from(body).toString("base64"), encoding: "base64" };
  }
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
