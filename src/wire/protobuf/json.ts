/**
 * Canonical JSON and messages into each other, strictly: a member that no message knows is a fault with its path, or is taken out and told
 * where people chose so; duplicate members, inexact numbers and unknown names of enums are faults always.
 */
import {
  type DescField,
  type DescMessage,
  fromBinary,
  type JsonValue,
  type Message,
  type Registry,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { Failure, messageOf } from "../../base/errors.ts";
import { finishAtOnce, type InTurns } from "../../base/turns.ts";
import { withExactIntegers } from "./exact-integers.ts";
import { fieldNamed, hasOwnJson } from "./field-names.ts";
import { checkJson } from "./json-check.ts";
import { jsonText, shortenFloats } from "./json-numbers.ts";
import { messageOfValue } from "./json-value.ts";
import { DROPPED_PATHS_MAX, NESTING_MAX, PACE, TOLD_CHARS_MAX } from "./limits.ts";

export type { JsonValue };

export type JsonObject = { [name: string]: JsonValue };

export interface JsonReading {
  readonly registry: Registry;
  /** Set: unknown members are taken out and told by their path. Else they are faults. */
  readonly onDropped?: ((path: string) => void) | undefined;
  /** What one text may hold at most, in members of objects; an element of a list is an eighth of one. Undefined: as much as there is. */
  readonly valuesMax?: number | undefined;
}

/** Fails with `protobuf.json`, `protobuf.too_many_values` and `protobuf.unknown_field` (`data.path`). */
export function messageOfJson(desc: DescMessage, text: string, reading: JsonReading): Message {
  return finishAtOnce(messageOfJsonInTurns(desc, text, reading));
}

/** The same, for long texts. */
export function* messageOfJsonInTurns(desc: DescMessage, text: string, reading: JsonReading): InTurns<Message> {
  return yield* messageOfJsonValue(desc, yield* parseJson(text, reading, desc), reading);
}

/** As `messageOfJson`, of a value that was parsed. */
export function* messageOfJsonValue(desc: DescMessage, json: JsonValue, reading: JsonReading): InTurns<Message> {
  try {
    return yield* messageOfValue(desc, json, reading.registry);
  } catch (thrown) {
    // The library says what is wrong and not where: the slow way finds out.
    return yield* recover(desc, json, reading, thrown);
  }
}

function* recover(desc: DescMessage, json: JsonValue, reading: JsonReading, thrown: unknown): InTurns<Message> {
  yield;
  const paths: string[] = [];
  const pruned = prune(desc, json, "", paths, 0);
  if (paths.length === 0) throw invalid(desc, thrown);
  if (reading.onDropped === undefined) {
    throw new Failure(
      "protobuf.unknown_field",
      `reading JSON failed: ${brief(paths[0]!)} is no field; one of ${desc.typeName} is required`,
      {
        data: { path: brief(paths[0]!) },
      },
    );
  }
  yield;
  try {
    const message = yield* messageOfValue(desc, pruned, reading.registry);
    for (const path of paths) reading.onDropped(brief(path));
    return message;
  } catch (again) {
    throw invalid(desc, again);
  }
}

function invalid(desc: DescMessage, thrown: unknown): Failure {
  return new Failure(
    "protobuf.json",
    `reading JSON failed: ${brief(messageOf(thrown))}; canonical JSON of ${desc.typeName} is required`,
    { cause: thrown },
  );
}

/** Of what a client sent: it is told back, but not at any length. */
function brief(text: string): string {
  return text.length > TOLD_CHARS_MAX ? `${text.slice(0, TOLD_CHARS_MAX)}…` : text;
}

/** As JSON of that type, or an array of it: whole numbers that a double cannot hold come as text. No member stands twice. */
export function* parseJson(
  text: string,
  { registry, valuesMax = Number.POSITIVE_INFINITY }: Partial<JsonReading>,
  desc?: DescMessage,
): InTurns<JsonValue> {
  yield* checkJson(text, valuesMax);
  const exact = desc === undefined ? text : yield* withExactIntegers(desc, text, registry);
  if (exact.length > PACE) yield;
  let json: JsonValue;
  try {
    json = JSON.parse(exact) as JsonValue;
  } catch (thrown) {
    throw new Failure("protobuf.json", `reading JSON failed: ${brief(messageOf(thrown))}; one JSON value is required`, {
      cause: thrown,
    });
  }
  if (exact.length > PACE) yield;
  return json;
}

/** A copy without what no message knows; the paths of that are added to `paths`. */
function prune(desc: DescMessage, json: JsonValue, path: string, paths: string[], level: number): JsonValue {
  if (typeof json !== "object" || json === null || Array.isArray(json) || hasOwnJson(desc) || level > NESTING_MAX)
    return json;
  const kept: [string, JsonValue][] = [];
  for (const [name, value] of Object.entries(json)) {
    const place = path === "" ? name : `${path}.${name}`;
    const field = fieldNamed(desc, name);
    if (field === undefined && !name.startsWith("[")) {
      if (paths.length < DROPPED_PATHS_MAX) paths.push(place);
      continue;
    }
    const inner = field?.message;
    kept.push([name, inner === undefined ? value : pruneField(inner, field!.fieldKind, value, place, paths, level)]);
  }
  return Object.fromEntries(kept);
}

function pruneField(
  inner: DescMessage,
  kind: string,
  value: JsonValue,
  place: string,
  paths: string[],
  level: number,
): JsonValue {
  if (kind === "list" && Array.isArray(value)) {
    return value.map((item, index) => prune(inner, item, `${place}[${index}]`, paths, level + 1));
  }
  if (kind === "map" && typeof value === "object" && value !== null && !Array.isArray(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [
        key,
        prune(inner, item, `${place}[${JSON.stringify(key)}]`, paths, level + 1),
      ]),
    );
  }
  return prune(inner, value, place, paths, level + 1);
}

export function binaryOf(desc: DescMessage, message: Message): Uint8Array {
  return toBinary(desc, message);
}

/** Fails with `protobuf.binary`. */
export function messageOfBinary(desc: DescMessage, bytes: Uint8Array): Message {
  try {
    return fromBinary(desc, bytes);
  } catch (thrown) {
    throw new Failure(
      "protobuf.binary",
      `reading a message failed: ${messageOf(thrown)}; a ${desc.typeName} is required`,
      { cause: thrown },
    );
  }
}

/** Fails with `protobuf.json` where a message has no JSON: an `Any` of an unknown type, a date out of range. */
export function jsonOfMessage(desc: DescMessage, message: Message, registry: Registry): string {
  try {
    const hasMinusZero = shortenFloats(desc, message);
    return jsonText(toJson(desc, message, { registry }), hasMinusZero);
  } catch (thrown) {
    throw new Failure(
      "protobuf.json",
      `writing JSON failed: ${messageOf(thrown)}; a message that has a JSON form is required`,
      { cause: thrown },
    );
  }
}

/** One field of it, also when it is empty: `response_body`. */
export function jsonOfField(desc: DescMessage, message: Message, field: string, registry: Registry): string {
  const name = fieldNamed(desc, field)?.jsonName ?? field;
  const hasMinusZero = shortenFloats(desc, message);
  const json = toJson(desc, message, { registry }) as JsonObject;
  const value = json[name] ?? (toJson(desc, message, { registry, alwaysEmitImplicit: true }) as JsonObject)[name];
  return jsonText(value ?? null, hasMinusZero);
}

/**
 * What came in that message that its descriptor does not know, and that its JSON thus does not show: a path for each time, without the places in
 * lists and maps (`items[].#7`).
 */
export function unknownNumbers(desc: DescMessage, message: Message): string[] {
  const found: string[] = [];
  addUnknown(desc, message, "", found, 0);
  return found;
}

function addUnknown(desc: DescMessage, message: Message, prefix: string, found: string[], level: number): void {
  for (const { no } of message.$unknown ?? []) found.push(`${prefix}#${no}`);
  if (level > NESTING_MAX) return;
  for (const field of messageFields(desc)) {
    const value = fieldValue(message, field);
    const place = field.fieldKind === "message" ? `${prefix}${field.name}.` : `${prefix}${field.name}[].`;
    for (const inner of messagesIn(value, field)) addUnknown(field.message, inner, place, found, level + 1);
  }
}

type FieldOfMessages = DescField & { readonly message: DescMessage };

const fieldsOfMessages = new WeakMap<DescMessage, readonly FieldOfMessages[]>();

function messageFields(desc: DescMessage): readonly FieldOfMessages[] {
  let fields = fieldsOfMessages.get(desc);
  if (fields === undefined) {
    fields = desc.fields.filter((field): field is FieldOfMessages => field.message !== undefined);
    fieldsOfMessages.set(desc, fields);
  }
  return fields;
}

/** Of a oneof the value stands beside the name of its field. */
function fieldValue(message: Message, field: DescField): unknown {
  const values = message as unknown as Record<string, unknown>; // as its descriptor says
  if (field.oneof === undefined) return values[field.localName];
  const chosen = values[field.oneof.localName] as { readonly case?: string; readonly value?: unknown } | undefined;
  return chosen?.case === field.localName ? chosen.value : undefined;
}

/** Well-known types may stand there in a form of their own: those know no fields. */
function messagesIn(value: unknown, { fieldKind }: DescField): readonly Message[] {
  if (typeof value !== "object" || value === null) return [];
  if (fieldKind === "list") return (value as readonly unknown[]).filter(isMessage);
  if (fieldKind === "map") return Object.values(value).filter(isMessage);
  return isMessage(value) ? [value] : [];
}

function isMessage(value: unknown): value is Message {
  return typeof value === "object" && value !== null && "$typeName" in value;
}
