/**
 * One request in a message: `{"id", "method", "path", "headers"?, "body"?, "encoding"?}`. Its path lies beneath the path of the socket, and its
 * fields do not touch what the gateway has set: a message may do no more than a request by itself could.
 */
import { Failure } from "../../../base/errors.ts";
import type { HeaderList } from "../../../wire/http/index.ts";
import { ID_CHARS_MAX } from "./limits.ts";

export type MessageId = string | number;

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

/** Fails with `gateway.convert_message`; `data.id` where there is one. */
export function parseSocketRequest(text: string): SocketRequest {
  const json = objectOf(text);
  const id = idOf(json.id);
  const fail = (why: string): Failure =>
    new Failure("gateway.convert_message", `reading a request failed: ${why} is required`, { data: { id } });
  const unknown = Object.keys(json).find((name) => !MEMBERS.has(name));
  if (unknown !== undefined)
    throw fail(`${JSON.stringify(unknown)} is no member of a request; one of ${[...MEMBERS].join(", ")}`);
  const { body, encoding, headers = {}, method = "GET", path } = json;
  if (typeof method !== "string" || !METHODS.has(method))
    throw fail(`the method is ${JSON.stringify(method)}; one of ${[...METHODS].join(", ")}`);
  if (typeof path !== "string" || !isSafePath(path))
    throw fail(`the path is ${JSON.stringify(path)}; a plain one that begins with /`);
  const fields = fieldsOf(headers, fail);
  return { id, method, path, headers: fields, body: bodyOf(body, encoding, fields, fail) };
}

function objectOf(text: string): Record<string, unknown> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (thrown) {
    throw new Failure("gateway.convert_message", "reading a request failed: it is no JSON; an object is required", {
      cause: thrown,
    });
  }
  if (typeof json === "object" && json !== null && !Array.isArray(json)) return json as Record<string, unknown>;
  throw new Failure("gateway.convert_message", "reading a request failed: it is no object; one is required");
}

function idOf(id: unknown): MessageId {
  if (typeof id === "number" || (typeof id === "string" && id.length > 0 && id.length <= ID_CHARS_MAX)) return id;
  throw new Failure(
    "gateway.convert_message",
    `reading a request failed: its id is ${JSON.stringify(id)?.slice(0, ID_CHARS_MAX)}; a number or a text is required`,
  );
}

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
      throw fail(`${JSON.stringify(given)} cannot be set by a message; another field`);
    if (typeof value !== "string" || !VALUE.test(value))
      throw fail(`the value of ${JSON.stringify(given)} is no field's; a text in one line`);
    fields.push(name, value.trim());
  }
  return fields;
}

/** JSON goes as JSON; a text as it is, or out of base64. */
function bodyOf(
  body: unknown,
  encoding: unknown,
  fields: HeaderList,
  fail: (why: string) => Failure,
): Uint8Array | undefined {
  if (encoding !== undefined && encoding !== "base64")
    throw fail(`the encoding is ${JSON.stringify(encoding)}; base64, or none,`);
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
  return new TextEncoder().encode(JSON.stringify(body));
}

/** A reply as a message. Bytes that are no text go in base64; a field that came several times is a list. */
export function socketReply(id: MessageId | null, status: number, headers: HeaderList, body: Uint8Array): string {
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
  try {
    return JSON.stringify({ id, status, headers: fields, body: strict.decode(body) });
  } catch {
    // No UTF-8: as bytes.
    return JSON.stringify({
      id,
      status,
      headers: fields,
      body: Buffer.from(body).toString("base64"),
      encoding: "base64",
    });
  }
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
