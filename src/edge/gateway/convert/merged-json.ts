/**
 * What path and query say put into what a body says. Where both give one field they have to agree: a client that sends the whole resource names
 * its key there too, and one that writes out defaults says nothing by them; but nothing that it said is overwritten.
 */
import { Failure } from "../../../base/errors.ts";
import type { InTurns } from "../../../base/turns.ts";
import {
  isEmptyMessage,
  isSameMessage,
  type JsonObject,
  type JsonReading,
  messageOfJsonValue,
} from "../../../wire/protobuf/index.ts";
import type { JsonTarget } from "./json-target.ts";

type Desc = JsonTarget["method"]["input"];

/** `named`: as `setField` made it; `json` has been read before, so it fits `desc`. Fails with `gateway.convert_unexpected`. */
export function* mergedJson(
  desc: Desc,
  json: JsonObject,
  named: JsonObject,
  reading: JsonReading,
  prefix = "",
): InTurns<JsonObject> {
  const all: JsonObject = { ...json };
  for (const [jsonName, value] of Object.entries(named)) {
    const field = desc.fields.find((each) => each.jsonName === jsonName)!; // out of its descriptor
    const name = Object.hasOwn(json, field.name) ? field.name : jsonName;
    const before = Object.hasOwn(json, name) ? json[name]! : null;
    delete all[name];
    if (field.message !== undefined && isObject(before) && isObject(value)) {
      all[jsonName] = yield* mergedJson(field.message, before, value, reading, `${prefix}${field.name}.`);
      continue;
    }
    if (before !== null) yield* requireAgreement(desc, jsonName, [before, value], reading, `${prefix}${field.name}`);
    all[jsonName] = value;
  }
  return all;
}

/** By what the messages hold: one value can be written in several ways, and a default without presence is nothing at all. */
function* requireAgreement(
  desc: Desc,
  jsonName: string,
  [before, value]: readonly [JsonObject[string], JsonObject[string]],
  reading: JsonReading,
  path: string,
): InTurns<void> {
  const silent = silently(reading);
  const given = yield* messageOfJsonValue(desc, { [jsonName]: before }, silent);
  if (isEmptyMessage(desc, given)) return;
  const wanted = yield* messageOfJsonValue(desc, { [jsonName]: value }, silent);
  if (isSameMessage(desc, given, wanted)) return;
  throw new Failure(
    "gateway.convert_unexpected",
    `converting a request failed: its path or query gives ${path} another value than its body does; the same one, or none in the body, is required`,
    { data: { path } },
  );
}

/** For reading something twice: what it drops is counted once. */
export function silently(reading: JsonReading): JsonReading {
  return { ...reading, onDropped: reading.onDropped === undefined ? undefined : () => {} };
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
