/**
 * Sets the options of freshly read descriptors, once all their names are known: the standard ones and those of the user's own
 * (`(google.api.http)`), as messages that every peer can read. An option that nobody defines is a fault, as it is to the compiler.
 */
import {
  type DescField,
  type DescMessage,
  type FileRegistry,
  fromJson,
  type JsonValue,
  mergeFromJson,
  ScalarType,
} from "@bufbuild/protobuf";
import { base64Encode } from "@bufbuild/protobuf/wire";
import {
  EnumOptionsSchema,
  EnumValueOptionsSchema,
  FieldOptionsSchema,
  FileOptionsSchema,
  FieldDescriptorProto_Type as Kind,
  MessageOptionsSchema,
  MethodOptionsSchema,
  OneofOptionsSchema,
  ServiceOptionsSchema,
} from "@bufbuild/protobuf/wkt";
import { Failure, messageOf } from "../../base/errors.ts";
import { within } from "./link.ts";
import type { OptionTarget, OptionValue, ParsedOptions, Pending } from "./unlinked-options.ts";

/** `registry` knows all files, still without these options. */
export function setOptions(fileName: string, pending: readonly Pending[], registry: FileRegistry): void {
  for (const { target, parsed, scope } of pending) {
    for (const [name, value] of joined(parsed)) {
      if (target.kind === "field" && setFieldProperty(target.proto, name, value)) continue;
      try {
        setOption(target, name, value, scope, registry);
      } catch (thrown) {
        if (thrown instanceof Failure) throw thrown;
        throw new Failure("protobuf.option", `reading ${fileName} failed: option ${name}: ${messageOf(thrown)}`, {
          cause: thrown,
        });
      }
    }
  }
}

/** An option that stands there several times is a list. */
function joined(parsed: ParsedOptions): Map<string, OptionValue> {
  const values = new Map<string, OptionValue>();
  for (const { name, value } of parsed) {
    const before = values.get(name);
    if (before === undefined) values.set(name, value);
    else
      values.set(name, [...(Array.isArray(before) ? before : [before]), ...(Array.isArray(value) ? value : [value])]);
  }
  return values;
}

/** What looks like an option and is a property of the field. */
function setFieldProperty(
  proto: Extract<OptionTarget, { kind: "field" }>["proto"],
  name: string,
  value: OptionValue,
): boolean {
  if (name === "json_name") proto.jsonName = String(value);
  else if (name === "default") proto.defaultValue = defaultText(proto.type, value);
  else return false;
  return true;
}

function defaultText(type: Kind, value: OptionValue): string {
  if (typeof value === "number") {
    const isWhole = type !== Kind.DOUBLE && type !== Kind.FLOAT;
    if (isWhole && !Number.isSafeInteger(value)) throw imprecise("default", value);
    return value === Number.POSITIVE_INFINITY
      ? "inf"
      : value === Number.NEGATIVE_INFINITY
        ? "-inf"
        : String(value).toLowerCase();
  }
  if (type !== Kind.BYTES || typeof value !== "string") return String(value);
  return Array.from(Buffer.from(value, "latin1"), escaped).join("");
}

/** As the compiler writes a default of bytes. */
function escaped(byte: number): string {
  const isPlain = byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x27 && byte !== 0x5c;
  return isPlain ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, "0")}`;
}

function setOption(
  target: OptionTarget,
  name: string,
  value: OptionValue,
  scope: string,
  registry: FileRegistry,
): void {
  const { schema, json } = placed(target, name, value, scope, registry);
  const made = fromJson(schema, json, { registry });
  const proto = target.proto as { options?: unknown };
  if (proto.options === undefined) proto.options = made;
  else mergeFromJson(schema, proto.options as never, json, { registry });
}

/** The option as a member of its options message. */
function placed(
  target: OptionTarget,
  name: string,
  value: OptionValue,
  scope: string,
  registry: FileRegistry,
): { schema: DescMessage; json: { [name: string]: JsonValue } } {
  const schema = SCHEMAS[target.kind];
  if (!name.startsWith("(")) {
    const field = schema.fields.find((one) => one.name === name);
    if (field === undefined)
      throw new Failure("protobuf.option", `${name} is no option of a ${target.kind}; a known one is required`);
    return { schema, json: { [field.jsonName]: jsonOf(field, value) } };
  }
  const extension = findExtension(name.slice(1, -1), scope, schema, registry);
  return { schema, json: { [`[${extension.typeName}]`]: jsonOf(extension, value) } };
}

const SCHEMAS = {
  file: FileOptionsSchema,
  message: MessageOptionsSchema,
  field: FieldOptionsSchema,
  oneof: OneofOptionsSchema,
  enum: EnumOptionsSchema,
  value: EnumValueOptionsSchema,
  service: ServiceOptionsSchema,
  method: MethodOptionsSchema,
} as const satisfies Record<OptionTarget["kind"], DescMessage>;

function findExtension(written: string, scope: string, schema: DescMessage, registry: FileRegistry) {
  const isAbsolute = written.startsWith(".");
  for (let place = isAbsolute ? "" : scope; ; place = place.slice(0, Math.max(0, place.lastIndexOf(".")))) {
    const found = registry.getExtension(isAbsolute ? written.slice(1) : within(place, written));
    if (found !== undefined && found.extendee.typeName === schema.typeName) return found;
    if (place === "") break;
  }
  throw new Failure(
    "protobuf.option",
    `the option (${written}) is not defined; an extension of ${schema.typeName} in an imported file is required`,
  );
}

type FieldLike = Pick<DescField, "name" | "fieldKind"> & {
  readonly message?: DescMessage | undefined;
  readonly scalar?: ScalarType | undefined;
  readonly listKind?: string | undefined;
  readonly mapKind?: string | undefined;
};

/** What the grammar gave, as the canonical JSON of that field: single values of lists in lists, bytes in base64. */
function jsonOf(field: FieldLike, value: OptionValue): JsonValue {
  if (field.fieldKind === "list") {
    const items = Array.isArray(value) ? value : [value];
    return items.map((item) => singleOf(field, item));
  }
  if (field.fieldKind === "map")
    throw new Failure("protobuf.option", `${field.name} is a map; maps in options are not supported`);
  return singleOf(field, value);
}

function singleOf(field: FieldLike, value: OptionValue): JsonValue {
  if (field.message !== undefined) {
    if (typeof value !== "object" || Array.isArray(value))
      throw new Failure("protobuf.option", `${field.name} is a message; { … } is required`);
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => memberOf(field.message!, name, inner)));
  }
  if (field.scalar === ScalarType.BYTES && typeof value === "string") return base64Encode(Buffer.from(value, "latin1"));
  if (typeof value === "number") {
    const isFraction = field.scalar === ScalarType.DOUBLE || field.scalar === ScalarType.FLOAT;
    if (!isFraction && !Number.isSafeInteger(value)) throw imprecise(field.name, value);
    return Number.isFinite(value) ? value : String(value);
  }
  return value as JsonValue;
}

function memberOf(message: DescMessage, name: string, value: OptionValue): [string, JsonValue] {
  const field = message.fields.find((one) => one.name === name);
  if (field === undefined)
    throw new Failure("protobuf.option", `${name} is no field of ${message.typeName}; a known one is required`);
  return [field.jsonName, jsonOf(field, value)];
}

function imprecise(name: string, value: number): Failure {
  return new Failure(
    "protobuf.option",
    `${name} = ${value}; a whole number between -2^53 and 2^53 is required in an option`,
  );
}
