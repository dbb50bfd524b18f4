/** What a rule has decided, looked at before anything is done by it: the rule is a stranger's code in a process that it may have taken over. */
import { Failure } from "../../../base/errors.ts";
import { printable } from "../../../base/printable.ts";
import type { RuleDecision } from "../words/index.ts";
import { DECISION_HEADERS_MAX, DECISION_PATH_CHARS_MAX, HEADER_VALUE_CHARS_MAX } from "./limits.ts";

type Fields = Readonly<Record<string, unknown>>;

const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]{1,256}$/;
/** Latin1 without control characters, and no blanks around it. */
const FIELD_VALUE = /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/;
const PATH = /^\/[\x21\x22\x24-\x7e]*$/;
/**
 * What an upstream could read as another path, and so leave the one that its target begins with: dot segments, empty pieces, also where they are
 * encoded or stand before a `;`; slashes and control characters in disguise; broken escapes.
 */
const AMBIGUOUS_PATH =
  /\/\/|\/(?:\.|%2e){0,2}(?:;|%3b)|\/(?:\.|%2e){1,2}(?:\/|$)|\\|%(?:2f|5c|[01][0-9a-f]|7f)|%(?![0-9a-f]{2})/i;
const SCHEMES: ReadonlySet<string> = new Set(["http:", "https:", "ws:", "wss:", "grpc:", "grpcs:"]);
/** They say how a message ends or whom a connection belongs to: the gateway's own matter. */
const REFUSED_HEADERS: ReadonlySet<string> = new Set([
  ...["connection", "content-length", "expect", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding"],
  ...["upgrade"],
]);

/** `targets`: the names of the route's targets. Fails with `gateway.rule_invalid`. */
export function readDecision(value: unknown, targets: ReadonlySet<string>): RuleDecision {
  if (value === null || value === undefined) return {};
  if (typeof value === "string") return { target: readTarget(value, targets) };
  if (!isFields(value)) throw invalid("it", describe(value), "a table, the name of a target, or nothing");
  for (const name of Object.keys(value))
    if (name !== "target" && name !== "path" && name !== "headers" && name !== "reply")
      throw invalid("it", `the field ${printable(name)}`, "target, path, headers or reply");
  const { headers, path, reply, target } = value;
  return {
    ...(target !== undefined && { target: readTarget(target, targets) }),
    ...(path !== undefined && { path: readPath(path) }),
    ...(headers !== undefined && { headers: readHeaders("headers", headers, true) }),
    ...(reply !== undefined && { reply: readReply(reply) }),
  };
}

function readTarget(value: unknown, targets: ReadonlySet<string>): string {
  if (typeof value === "string" && targets.has(value)) return value;
  const url = typeof value === "string" && /^[a-z]+:\/\/[\x21-\x7e]+$/.test(value) ? URL.parse(value) : null;
  const isAllowed =
    url !== null && SCHEMES.has(url.protocol) && url.hostname !== "" && url.username === "" && url.password === "";
  if (isAllowed && typeof value === "string") return value;
  const names = [...targets].join(", ");
  throw invalid(
    "target",
    describe(value),
    `${names === "" ? "" : `one of ${names}, or `}a URL (http, https, ws, wss, grpc, grpcs)`,
  );
}

function readPath(value: unknown): string {
  if (typeof value !== "string" || value.length > DECISION_PATH_CHARS_MAX || !PATH.test(value))
    throw invalid(
      "path",
      describe(value),
      `a path from / on in ASCII, without blanks and #, of ${DECISION_PATH_CHARS_MAX} characters at most`,
    );
  const queryAt = value.indexOf("?");
  if (AMBIGUOUS_PATH.test(queryAt < 0 ? value : value.slice(0, queryAt)))
    throw invalid(
      "path",
      describe(value),
      "a path without dot segments, empty pieces, backslashes and encoded slashes",
    );
  return value;
}

function readHeaders<Remove extends boolean>(
  where: string,
  value: unknown,
  mayRemove: Remove,
): Record<string, Remove extends true ? string | false : string> {
  if (!isFields(value)) throw invalid(where, describe(value), "a table of names and values");
  const entries = Object.entries(value);
  if (entries.length > DECISION_HEADERS_MAX)
    throw invalid(where, `${entries.length} of them`, `${DECISION_HEADERS_MAX} at most`);
  const headers: Record<string, string | false> = Object.create(null) as Record<string, string | false>;
  for (const [written, text] of entries) {
    const name = written.toLowerCase();
    if (mayRemove && name === "host")
      throw invalid(where, "the name host", "other names: the host is the route's option");
    if (!TOKEN.test(name) || REFUSED_HEADERS.has(name))
      throw invalid(where, `the name ${describe(written)}`, "a header's name, none that frames messages");
    headers[name] = text === false && mayRemove ? false : readValue(`${where}.${name}`, text);
  }
  return headers as Record<string, Remove extends true ? string | false : string>; // false only where it may be
}

function readValue(where: string, value: unknown): string {
  const text = typeof value === "number" ? String(value) : value;
  if (typeof text === "string" && text.length <= HEADER_VALUE_CHARS_MAX && FIELD_VALUE.test(text)) return text;
  throw invalid(where, describe(value), "a text without line ends and outer blanks");
}

function readReply(value: unknown): NonNullable<RuleDecision["reply"]> {
  if (!isFields(value)) throw invalid("reply", describe(value), "a table with a status");
  const { body, headers, status, ...others } = value;
  const other = Object.keys(others)[0];
  if (other !== undefined) throw invalid("reply", `the field ${printable(other)}`, "status, headers or body");
  if (typeof status !== "number" || !Number.isInteger(status) || status < 200 || status > 599)
    throw invalid("reply.status", describe(status), "a whole number from 200 to 599");
  if (body !== undefined && typeof body !== "string") throw invalid("reply.body", describe(body), "a text");
  return {
    status,
    ...(headers !== undefined && { headers: readHeaders("reply.headers", headers, false) }),
    ...(body !== undefined && { body }),
  };
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function describe(value: unknown): string {
  if (typeof value === "string") return `"${printable(value.slice(0, 100))}"`;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return value === undefined
    ? "nothing"
    : Array.isArray(value)
      ? "a list"
      : `of type ${value === null ? "null" : typeof value}`;
}

function invalid(where: string, actual: string, required: string): Failure {
  return new Failure(
    "gateway.rule_invalid",
    `what the rule decided cannot be done: ${where} is ${actual}; required is ${required}`,
  );
}
