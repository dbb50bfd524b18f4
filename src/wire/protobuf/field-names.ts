/** Fields of a message by both of their names, as canonical JSON accepts them; made once for each type. */
import type { DescField, DescMessage } from "@bufbuild/protobuf";

const known = new WeakMap<DescMessage, ReadonlyMap<string, DescField>>();

export function fieldNamed(desc: DescMessage, name: string): DescField | undefined {
  let names = known.get(desc);
  if (names === undefined) {
    names = new Map(desc.fields.flatMap((field) => [[field.name, field] as const, [field.jsonName, field] as const]));
    known.set(desc, names);
  }
  return names.get(name);
}

/** Types whose JSON is not an object of their fields. */
export function hasOwnJson(desc: DescMessage): boolean {
  return desc.typeName.startsWith("google.protobuf.") && OWN_JSON.has(desc.typeName.slice("google.protobuf.".length));
}

const OWN_JSON: ReadonlySet<string> = new Set([
  "Any",
  "Duration",
  "FieldMask",
  "ListValue",
  "Struct",
  "Timestamp",
  "Value",
  "BoolValue",
  "BytesValue",
  "DoubleValue",
  "FloatValue",
  "Int32Value",
  "Int64Value",
  "StringValue",
  "UInt32Value",
  "UInt64Value",
]);
