/** What a number in canonical JSON stands for, by the field that it is the value of. Made once for each type. */
import { type DescExtension, type DescField, type DescMessage, type Registry, ScalarType } from "@bufbuild/protobuf";
import { fieldNamed } from "./field-names.ts";

export interface ValueType {
  /**
   * Of a number: `any` (a double, or what no number belongs to), a `whole` one, a whole one of 64 bits (`large`: its digits may go in quotes), or
   * `unsure`: nobody knows yet, for the type stands behind it.
   */
  readonly number: "any" | "whole" | "large" | "unsure";
  /** Of an object: its members are the fields of this message. */
  readonly message?: DescMessage;
  /** Of an object: all its members have this type. */
  readonly members?: ValueType;
  /** Of an array. */
  readonly items?: ValueType;
  /** An object that tells its type itself, in `@type`. */
  readonly isAny?: true;
}

export const ANY_NUMBER: ValueType = { number: "any" };
export const UNSURE: ValueType = { number: "unsure" };
const WHOLE: ValueType = { number: "whole" };
const LARGE: ValueType = { number: "large" };

/** Types whose JSON is something else than their fields. */
const OWN: ReadonlyMap<string, ValueType> = new Map([
  ["google.protobuf.Any", { number: "unsure", isAny: true }],
  ["google.protobuf.Int64Value", LARGE],
  ["google.protobuf.UInt64Value", LARGE],
  ["google.protobuf.Int32Value", WHOLE],
  ["google.protobuf.UInt32Value", WHOLE],
  // Numbers in free JSON are doubles by definition.
  ["google.protobuf.Struct", ANY_NUMBER],
  ["google.protobuf.Value", ANY_NUMBER],
  ["google.protobuf.ListValue", ANY_NUMBER],
]);

const LARGE_SCALARS: ReadonlySet<ScalarType> = new Set([
  ScalarType.INT64,
  ScalarType.UINT64,
  ScalarType.SINT64,
  ScalarType.FIXED64,
  ScalarType.SFIXED64,
]);
const WHOLE_SCALARS: ReadonlySet<ScalarType> = new Set([
  ScalarType.INT32,
  ScalarType.UINT32,
  ScalarType.SINT32,
  ScalarType.FIXED32,
  ScalarType.SFIXED32,
]);

const ofMessages = new WeakMap<DescMessage, ValueType>();
const ofFields = new WeakMap<DescField | DescExtension, ValueType>();

export function typeOfMessage(message: DescMessage): ValueType {
  let type = ofMessages.get(message);
  if (type === undefined) {
    type = OWN.get(message.typeName) ?? { number: "any", message };
    ofMessages.set(message, type);
  }
  return type;
}

/** Of a member of an object of that type. Extensions are named `[package.name]`. */
export function typeOfMember(type: ValueType, name: string, registry: Registry | undefined): ValueType {
  if (type.members !== undefined) return type.members;
  if (type.message === undefined) return type;
  const field = name.startsWith("[") ? registry?.getExtension(name.slice(1, -1)) : fieldNamed(type.message, name);
  if (field !== undefined) return typeOfField(field);
  return name.startsWith("[") ? UNSURE : ANY_NUMBER;
}

function typeOfField(field: DescField | DescExtension): ValueType {
  let type = ofFields.get(field);
  if (type === undefined) {
    type = newType(field);
    ofFields.set(field, type);
  }
  return type;
}

function newType(field: DescField | DescExtension): ValueType {
  const single = singleType(field);
  if (field.fieldKind === "list") return { number: "any", items: single };
  return field.fieldKind === "map" ? { number: "any", members: single } : single;
}

function singleType({ enum: kind, message, scalar }: DescField | DescExtension): ValueType {
  if (message !== undefined) return typeOfMessage(message);
  if (kind !== undefined) return WHOLE;
  if (scalar === undefined) return ANY_NUMBER;
  if (LARGE_SCALARS.has(scalar)) return LARGE;
  return WHOLE_SCALARS.has(scalar) ? WHOLE : ANY_NUMBER;
}
