/**
 * Values given as text, of a path or a query, as members of a message's JSON: `book.author=x`, `tags=a&tags=b`, names of enums, wrapped
 * values, times. What a parameter means is decided by the field alone; what no field takes is a fault with its path.
 */
import { type DescEnum, type DescField, type DescMessage, type JsonValue, ScalarType } from "@bufbuild/protobuf";
import { Failure } from "../../base/errors.ts";
import { fieldNamed } from "./field-names.ts";
import type { JsonObject } from "./json.ts";
import { FIELD_PATH_LEVELS_MAX } from "./limits.ts";

/** Changes `json`. Fails with `protobuf.unknown_field` (no such field) and `protobuf.parameter` (no such value); `data.path` names it. */
export function setField(desc: DescMessage, json: JsonObject, path: string, value: string): void {
  const levels = path.split(".");
  if (levels.length > FIELD_PATH_LEVELS_MAX)
    throw unusable(path, `it has ${levels.length} levels, at most ${FIELD_PATH_LEVELS_MAX} are`);
  let type = desc;
  let place = json;
  for (const level of levels.slice(0, -1)) {
    const field = fieldOf(type, level, path);
    if (field.fieldKind !== "message" || isLeaf(field.message))
      throw unusable(path, `${level} is no message with fields; that is`);
    place = childOf(place, field.jsonName);
    type = field.message;
  }
  setLeaf(place, fieldOf(type, levels[levels.length - 1]!, path), path, value);
}

function fieldOf(type: DescMessage, name: string, path: string): DescField {
  const field = fieldNamed(type, name);
  if (field !== undefined) return field;
  throw new Failure(
    "protobuf.unknown_field",
    `reading the parameter ${path} failed: ${name} is no field of ${type.typeName}; a known one is required`,
    {
      data: { path },
    },
  );
}

function childOf(place: JsonObject, name: string): JsonObject {
  const child = place[name];
  if (typeof child === "object" && child !== null && !Array.isArray(child)) return child;
  const made: JsonObject = {};
  place[name] = made;
  return made;
}

function setLeaf(place: JsonObject, field: DescField, path: string, value: string): void {
  if (field.fieldKind === "map") throw unusable(path, "it is a map; a single value or a list is");
  if (field.fieldKind !== "list") {
    if (Object.hasOwn(place, field.jsonName)) throw unusable(path, "it is given twice; once is");
    place[field.jsonName] = single(field, path, value);
    return;
  }
  const list = place[field.jsonName];
  const item = single(field, path, value);
  if (Array.isArray(list)) list.push(item);
  else place[field.jsonName] = [item];
}

interface Valued {
  readonly scalar?: ScalarType | undefined;
  readonly enum?: DescEnum | undefined;
  readonly message?: DescMessage | undefined;
}

function single(field: Valued, path: string, value: string): JsonValue {
  if (field.message !== undefined) return ofMessage(field.message, path, value);
  if (field.enum !== undefined) return /^-?\d{1,10}$/.test(value) ? Number(value) : value;
  if (field.scalar === ScalarType.BOOL) {
    if (value !== "true" && value !== "false") throw unusable(path, `it is ${JSON.stringify(value)}; true or false is`);
    return value === "true";
  }
  // Numbers and bytes are written as text in canonical JSON, too, and checked there; the library would also take numbers as programmers write them.
  if (field.scalar !== ScalarType.STRING && field.scalar !== ScalarType.BYTES && !NUMBER.test(value)) {
    throw unusable(path, `it is ${JSON.stringify(value)}; a number is`);
  }
  return value;
}

const NUMBER = /^(?:-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|NaN|-?Infinity)$/;
const WRAPPER = /^google\.protobuf\.(?:Bool|Bytes|Double|Float|U?Int(?:32|64)|String)Value$/;
const TEXTUAL: ReadonlySet<string> = new Set([
  "google.protobuf.Timestamp",
  "google.protobuf.Duration",
  "google.protobuf.FieldMask",
]);

function isLeaf(message: DescMessage): boolean {
  return TEXTUAL.has(message.typeName) || WRAPPER.test(message.typeName);
}

function ofMessage(message: DescMessage, path: string, value: string): JsonValue {
  if (TEXTUAL.has(message.typeName)) return value;
  if (WRAPPER.test(message.typeName)) return single(message.fields[0]!, path, value);
  throw unusable(path, `it is a ${message.typeName}; a field of it is`);
}

function unusable(path: string, why: string): Failure {
  return new Failure("protobuf.parameter", `reading the parameter ${path} failed: ${why} required`, { data: { path } });
}
