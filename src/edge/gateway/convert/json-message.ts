/** The message that an HTTP request is: out of its path, its query and its body, as the rule says. Nothing of them is left aside silently. */
import { Failure } from "../../../base/errors.ts";
import type { InTurns } from "../../../base/turns.ts";
import {
  binaryOf,
  type GrpcMethod,
  type JsonObject,
  type JsonReading,
  messageOfJsonInTurns,
  messageOfJsonValue,
  parseJson,
  setField,
} from "../../../wire/protobuf/index.ts";
import type { JsonTarget } from "./json-target.ts";
import { isObject, mergedJson, silently } from "./merged-json.ts";

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
  const all = yield* mergedJson(input, json, named, reading);
  return yield* serialized(target, messageOfJsonValue(input, all, reading));
}

/** What path and query say alone, for messages that come one by one. */
export interface Parameters {
  readonly json: JsonObject;
  /** To stand behind a message: what is appended to one is merged into it. */
  readonly bytes: Uint8Array;
}

/** Fails with `protobuf.*`. */
export function* parametersOf(target: JsonTarget, query: string, reading: JsonReading): InTurns<Parameters> {
  const json = parameters(target, query, reading);
  return { json, bytes: yield* serialized(target, messageOfJsonValue(target.method.input, json, reading)) };
}

/** One of these messages in JSON, with the parameters. Fails with `protobuf.*`, `gateway.convert_unexpected`. */
export function* messageWith(
  { json: named }: Parameters,
  target: Pick<JsonTarget, "method">,
  text: string,
  reading: JsonReading,
): InTurns<Uint8Array> {
  const { input } = target.method;
  if (Object.keys(named).length === 0) return yield* serialized(target, messageOfJsonInTurns(input, text, reading));
  const json = yield* wholeBody(input, text, reading);
  const all = yield* mergedJson(input, json, named, reading);
  return yield* serialized(target, messageOfJsonValue(input, all, reading));
}

function parameters(target: JsonTarget, query: string, reading: JsonReading): JsonObject {
  const named: JsonObject = {};
  for (const [field, value] of target.captured) setField(target.method.input, named, field, value);
  for (const [field, value] of queryOf(query)) setParameter(target, named, field, value, reading);
  return named;
}

function* serialized(
  { method }: Pick<JsonTarget, "method">,
  message: ReturnType<typeof messageOfJsonValue>,
): InTurns<Uint8Array> {
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
  if (bodyRule === "*") return yield* wholeBody(input, text, reading);
  const name = jsonNameOf(target, bodyRule);
  const whole = `{${JSON.stringify(name)}:${text}}`;
  yield* parseJson(text, reading); // by itself it has to be one value, not the beginning of other members
  const json = yield* parseJson(whole, reading, input);
  yield* messageOfJsonValue(input, json, silently(reading));
  return { [name]: (json as JsonObject)[name]! };
}

function* wholeBody(input: GrpcMethod["input"], text: string, reading: JsonReading): InTurns<JsonObject> {
  const json = yield* parseJson(text, reading, input);
  yield* messageOfJsonValue(input, json, silently(reading));
  if (isObject(json)) return json;
  throw new Failure("protobuf.json", "reading a body failed: it is no object; an object is required");
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
