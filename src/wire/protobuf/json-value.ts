/** A message out of parsed JSON, in turns: long lists and maps become part of it piece by piece, as the library merges them. */
import {
  create,
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  type Message,
  mergeFromJson,
  type Registry,
} from "@bufbuild/protobuf";
import type { InTurns } from "../../base/turns.ts";
import { fieldNamed, hasOwnJson } from "./field-names.ts";
import { ENTRIES_AT_ONCE } from "./limits.ts";

/** Throws what the library throws. */
export function* messageOfValue(desc: DescMessage, json: JsonValue, registry: Registry): InTurns<Message> {
  const message = create(desc);
  const long = longFields(desc, json);
  // All the rest first: whatever is wrong in several places is wrong in there, for there the long ones are empty.
  mergeFromJson(desc, message, long.size === 0 ? json : withoutEntries(json as JsonObject, long), { registry });
  for (const [name, field] of long) {
    for (const part of partsOf((json as JsonObject)[name]!, field)) {
      yield;
      mergeFromJson(desc, message, { [name]: part }, { registry });
    }
  }
  return message;
}

type FieldsByName = ReadonlyMap<string, DescField>;

const NONE: FieldsByName = new Map();

function longFields(desc: DescMessage, json: JsonValue): FieldsByName {
  if (typeof json !== "object" || json === null || Array.isArray(json) || hasOwnJson(desc)) return NONE;
  let long: Map<string, DescField> | undefined;
  for (const name in json) {
    const value = json[name];
    if (typeof value !== "object" || value === null) continue;
    const field = fieldNamed(desc, name);
    if (field === undefined || !isLong(field, value)) continue;
    long ??= new Map();
    long.set(name, field);
  }
  return long ?? NONE;
}

function isLong({ fieldKind }: DescField, value: JsonObject | JsonValue[]): boolean {
  if (Array.isArray(value)) return fieldKind === "list" && value.length > ENTRIES_AT_ONCE;
  return fieldKind === "map" && Object.keys(value).length > ENTRIES_AT_ONCE;
}

/** The fields are still there, so that one of two names, or with another of its oneof, is seen. */
function withoutEntries(json: JsonObject, long: FieldsByName): JsonObject {
  return Object.fromEntries(
    Object.entries(json).map(([name, value]) => [name, long.has(name) ? (Array.isArray(value) ? [] : {}) : value]),
  );
}

function* partsOf(value: JsonValue, { fieldKind }: DescField): Generator<JsonValue> {
  const entries: readonly unknown[] =
    fieldKind === "list" ? (value as JsonValue[]) : Object.entries(value as JsonObject);
  for (let from = 0; from < entries.length; from += ENTRIES_AT_ONCE) {
    const part = entries.slice(from, from + ENTRIES_AT_ONCE);
    yield fieldKind === "list" ? (part as JsonValue[]) : Object.fromEntries(part as [string, JsonValue][]);
  }
}
