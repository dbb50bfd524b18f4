/** Messages, fields and enums as the grammar gives them, as descriptors: map entries, oneofs and labels as the compiler writes them. */
import { create } from "@bufbuild/protobuf";
import {
  type DescriptorProto,
  DescriptorProto_ExtensionRangeSchema,
  DescriptorProto_ReservedRangeSchema,
  DescriptorProtoSchema,
  type EnumDescriptorProto,
  EnumDescriptorProto_EnumReservedRangeSchema,
  EnumDescriptorProtoSchema,
  EnumValueDescriptorProtoSchema,
  type FieldDescriptorProto,
  FieldDescriptorProtoSchema,
  FieldDescriptorProto_Type as Kind,
  FieldDescriptorProto_Label as Label,
  MessageOptionsSchema,
  OneofDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";
import type { Enum, Field, MapField, OneOf, default as Protobuf, Type } from "protobufjs";
import { type ParsedOptions, type Pending, parsedOptionsOf, unflattened } from "./unlinked-options.ts";

export interface TypeContext {
  readonly library: Pick<typeof Protobuf, "MapField">;
  readonly isProto3: boolean;
  note(target: Pending["target"], parsed: ParsedOptions, within: string): void;
}

const SCALARS: Readonly<Record<string, Kind>> = {
  double: Kind.DOUBLE,
  float: Kind.FLOAT,
  int64: Kind.INT64,
  uint64: Kind.UINT64,
  int32: Kind.INT32,
  fixed64: Kind.FIXED64,
  fixed32: Kind.FIXED32,
  bool: Kind.BOOL,
  string: Kind.STRING,
  bytes: Kind.BYTES,
  uint32: Kind.UINT32,
  sfixed32: Kind.SFIXED32,
  sfixed64: Kind.SFIXED64,
  sint32: Kind.SINT32,
  sint64: Kind.SINT64,
};

export function messageOfType(type: Type, scope: string, context: TypeContext): DescriptorProto {
  const proto = create(DescriptorProtoSchema, { name: type.name });
  const within = scope === "" ? type.name : `${scope}.${type.name}`;
  context.note({ kind: "message", proto }, parsedOptionsOf(type), within);
  const oneofs = addOneofs(proto, type, within, context);
  for (const field of type.fieldsArray) {
    // The library's shadow of an extension that the same file declares: it stands where it was declared.
    if (field.declaringField !== null) continue;
    const made =
      field instanceof context.library.MapField
        ? mapFieldOf(field, proto, within, context)
        : fieldOf(field, within, context);
    const oneof = field.partOf === null ? undefined : oneofs.get(field.partOf.name);
    if (oneof !== undefined) made.oneofIndex = oneof;
    proto.field.push(made);
  }
  addNested(proto, type, within, context);
  addRanges(proto, type);
  return proto;
}

/** Those of `optional` in proto3 come last, as the compiler has them. */
function addOneofs(proto: DescriptorProto, type: Type, within: string, context: TypeContext): Map<string, number> {
  const isSynthetic = (oneof: OneOf): boolean =>
    oneof.fieldsArray.some((field) => field.options?.proto3_optional === true);
  const ordered = [...type.oneofsArray.filter((oneof) => !isSynthetic(oneof)), ...type.oneofsArray.filter(isSynthetic)];
  for (const oneof of ordered) {
    const made = create(OneofDescriptorProtoSchema, { name: oneof.name });
    context.note({ kind: "oneof", proto: made }, parsedOptionsOf(oneof), within);
    proto.oneofDecl.push(made);
  }
  return new Map(ordered.map((oneof, index) => [oneof.name, index]));
}

function addNested(proto: DescriptorProto, type: Type, within: string, context: TypeContext): void {
  for (const nested of type.nestedArray) {
    if ("fields" in nested) proto.nestedType.push(messageOfType(nested as Type, within, context));
    else if ("values" in nested) proto.enumType.push(enumOf(nested as Enum, within, context));
    else if ("extend" in nested) proto.extension.push(fieldOf(nested as Field, within, context));
  }
}

function addRanges(proto: DescriptorProto, type: Type): void {
  for (const [start = 0, end = 0] of type.extensions ?? []) {
    proto.extensionRange.push(create(DescriptorProto_ExtensionRangeSchema, { start, end: end + 1 }));
  }
  for (const reserved of type.reserved ?? []) {
    if (typeof reserved === "string") proto.reservedName.push(reserved);
    else
      proto.reservedRange.push(
        create(DescriptorProto_ReservedRangeSchema, { start: reserved[0]!, end: reserved[1]! + 1 }),
      );
  }
}

/** Also of extensions. */
export function fieldOf(field: Field, within: string, context: TypeContext): FieldDescriptorProto {
  const isGroup = field.resolvedType === null && groupNameOf(field) !== undefined;
  const made = create(FieldDescriptorProtoSchema, {
    name: isGroup ? field.type.toLowerCase() : field.name,
    number: field.id,
    label: field.repeated ? Label.REPEATED : field.rule === "required" ? Label.REQUIRED : Label.OPTIONAL,
    jsonName: jsonNameOf(field.name),
  });
  setType(made, field.type);
  if (isGroup) made.type = Kind.GROUP;
  if (field.extend !== undefined && field.extend !== null) made.extendee = field.extend;
  if (field.options?.proto3_optional === true && context.isProto3) made.proto3Optional = true;
  context.note({ kind: "field", proto: made }, parsedOptionsOf(field), within);
  return made;
}

/** A group is declared as a message of its own beside its field. */
function groupNameOf(field: Field): string | undefined {
  const sibling = field.parent !== null && "nested" in field.parent ? field.parent.get(field.type) : null;
  return sibling !== null && "group" in sibling && sibling.group === true ? field.type : undefined;
}

function mapFieldOf(
  field: MapField,
  parent: DescriptorProto,
  within: string,
  context: TypeContext,
): FieldDescriptorProto {
  const name = `${entryStemOf(field.name)}Entry`;
  const key = create(FieldDescriptorProtoSchema, { name: "key", number: 1, label: Label.OPTIONAL, jsonName: "key" });
  const value = create(FieldDescriptorProtoSchema, {
    name: "value",
    number: 2,
    label: Label.OPTIONAL,
    jsonName: "value",
  });
  setType(key, field.keyType);
  setType(value, field.type);
  parent.nestedType.push(
    create(DescriptorProtoSchema, {
      name,
      field: [key, value],
      options: create(MessageOptionsSchema, { mapEntry: true }),
    }),
  );
  const made = create(FieldDescriptorProtoSchema, {
    name: field.name,
    number: field.id,
    label: Label.REPEATED,
    type: Kind.MESSAGE,
    typeName: `.${within}.${name}`,
    jsonName: jsonNameOf(field.name),
  });
  context.note({ kind: "field", proto: made }, parsedOptionsOf(field), within);
  return made;
}

function setType(proto: FieldDescriptorProto, written: string): void {
  const scalar = Object.hasOwn(SCALARS, written) ? SCALARS[written] : undefined;
  if (scalar !== undefined) proto.type = scalar;
  else proto.typeName = written;
}

export function enumOf(type: Enum, scope: string, context: TypeContext): EnumDescriptorProto {
  const proto = create(EnumDescriptorProtoSchema, { name: type.name });
  context.note({ kind: "enum", proto }, parsedOptionsOf(type), scope);
  for (const [name, number] of Object.entries(type.values)) {
    const value = create(EnumValueDescriptorProtoSchema, { name, number });
    const flat: unknown = type.valuesOptions?.[name];
    if (flat !== undefined) context.note({ kind: "value", proto: value }, unflattened(flat), scope);
    proto.value.push(value);
  }
  for (const reserved of type.reserved ?? []) {
    if (typeof reserved === "string") proto.reservedName.push(reserved);
    else {
      const [start = 0, end = 0] = reserved;
      proto.reservedRange.push(create(EnumDescriptorProto_EnumReservedRangeSchema, { start, end }));
    }
  }
  return proto;
}

/** As the compiler makes it: underscores go, the letter after one is upper case. */
function jsonNameOf(name: string): string {
  return name.replace(/_+(.?)/g, (_, letter: string) => letter.toUpperCase());
}

function entryStemOf(name: string): string {
  return name.replace(/(?:^_*|_+)(.?)/g, (_, letter: string) => letter.toUpperCase());
}
