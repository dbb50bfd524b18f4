/** The message that an HTTP request is: out of its path, its query and its body, as the rule says. Nothing of them is left aside silently. */
import { Failure } from "../../../base/errors.ts";
import type { InTurns } from "../../../base/turns.ts";
import {
  binaryOf,
  type JsonObject,
  type JsonReading,
  messageOfJsonInTurns,
  messageOfJsonValue,
  parseJson,
  setField,
} from "../../../wire/protobuf/index.ts";
import type { JsonTarget } from "./json-target.ts";

export interface JsonParts {
  /** Without the question mark. */
  readonly query: string;
  readonly body: string;
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Serialized; in turns, for bodies may be long. Fails with `protobuf.*`, `gateway.convert_*`. */
export function* requestMessage(target: JsonTarget, parts: JsonParts, reading: JsonReading): InTurns<Uint8Array> {
  const { input } = target.method;
  const bodyRule =
    target.rule === undefined ? (parts.query === "" || parts.body.length > 0 ? "*" : "") : target.rule.body;
  const text = parts.body;
  // What most requests are: the whole message in the body, and nothing beside it.
  if (bodyRule === "*" && target.captured.length === 0 && parts.query === "") {
    return yield* serialized(target, messageOfJsonInTurns(input, text === "" ? "{}" : text, reading));
  }
  if (bodyRule === "*" && parts.query !== "")
    throw unexpected(`the query ${parts.query}`, "the body holds the whole message");
  if (bodyRule === "" && text !== "") throw unexpected("the body", "all fields are parameters");
  const json = yield* bodyJson(target, bodyRule, text, reading);
  const named = parameters(target, parts.query, reading);
  return yield* serialized(target, messageOfJsonValue(input, merged(json, named), reading));
}

/** What path and query say alone, serialized. Fails with `protobuf.*`. */
export function* parametersMessage(target: JsonTarget, query: string, reading: JsonReading): InTurns<Uint8Array> {
  const named = parameters(target, query, reading);
  return yield* serialized(target, messageOfJsonValue(target.method.input, named, reading));
}

function parameters(target: JsonTarget, query: string, reading: JsonReading): JsonObject {
  const named: JsonObject = {};
  for (const [field, value] of target.captured) setField(target.method.input, named, field, value);
  for (const [field, value] of queryOf(query)) setParameter(target, named, field, value, reading);
  return named;
}

function* serialized({ method }: JsonTarget, message: ReturnType<typeof messageOfJsonValue>): InTurns<Uint8Array> {
  const whole = yield* message;
  yield;
  return binaryOf(method.input, whole);
}

/** Fails with `protobuf.json`. */
export function bodyText(body: Uint8Array): string {
  try {
    return body.length === 0 ? "" : decoder.decode(body);
  } catch (thrown) {
    throw new Failure("protobuf.json", "reading a body failed: it is not UTF-8; JSON in UTF-8 is required", {
      cause: thrown,
    });
  }
}

function unexpected(what: string, why: string): Failure {
  return new Failure(
    "gateway.convert_unexpected",
    `converting a request failed: ${why}, so ${what} belongs nowhere; a request without it is required`,
  );
}

/** What the body gives. It is read by itself first: what is wrong with it is told with its own paths. */
function* bodyJson(target: JsonTarget, bodyRule: string, text: string, reading: JsonReading): InTurns<JsonObject> {
  if (bodyRule === "" || text === "") return {};
  const { input } = target.method;
  const strict = { ...reading, onDropped: reading.onDropped === undefined ? undefined : () => {} };
  if (bodyRule === "*") {
    const json = yield* parseJson(text, reading, input);
    yield* messageOfJsonValue(input, json, strict);
    if (isObject(json)) return renamed(target, json);
    throw new Failure("protobuf.json", "reading a body failed: it is no object; an object is required");
  }
  const name = jsonNameOf(target, bodyRule);
  const whole = `{${JSON.stringify(name)}:${text}}`;
  yield* parseJson(text, reading); // by itself it has to be one value, not the beginning of other members
  const json = yield* parseJson(whole, reading, input);
  yield* messageOfJsonValue(input, json, strict);
  return { [name]: (json as JsonObject)[name]! };
}

/** Members under their JSON names, so that a parameter meets the member of its field. */
function renamed(target: JsonTarget, json: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(json).map(([name, value]) => [jsonNameOf(target, name), value]));
}

function jsonNameOf(target: JsonTarget, name: string): string {
  return target.method.input.fields.find((field) => field.name === name)?.jsonName ?? name;
}

function setParameter(target: JsonTarget, named: JsonObject, field: string, value: string, reading: JsonReading): void {
  try {
    setField(target.method.input, named, field, value);
  } catch (thrown) {
    const isUnknown = thrown instanceof Failure && thrown.code === "protobuf.unknown_field";
    if (!isUnknown || reading.onDropped === undefined) throw thrown;
    reading.onDropped(`?${field}`);
  }
}

function merged(json: JsonObject, named: JsonObject): JsonObject {
  const all: JsonObject = { ...json };
  for (const [name, value] of Object.entries(named)) {
    const before = all[name];
    const canMerge = isObject(before) && isObject(value);
    all[name] = canMerge ? merged(before, value) : value;
  }
  return all;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function queryOf(query: string): [string, string][] {
  if (query === "") return [];
  return query
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => {
      const equals = pair.indexOf("=");
      return equals < 0 ? [decoded(pair), ""] : [decoded(pair.slice(0, equals)), decoded(pair.slice(equals + 1))];
    });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch (thrown) {
    throw new Failure(
      "protobuf.parameter",
      `reading the query failed at ${JSON.stringify(text)}; UTF-8 in percent-encoding is required`,
      { cause: thrown },
    );
  }
}
