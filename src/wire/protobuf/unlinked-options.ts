/** Options as the grammar gives them: names with their values, before anybody knows what they are. */
import type {
  DescriptorProto,
  EnumDescriptorProto,
  EnumValueDescriptorProto,
  FieldDescriptorProto,
  FileDescriptorProto,
  MethodDescriptorProto,
  OneofDescriptorProto,
  ServiceDescriptorProto,
} from "@bufbuild/protobuf/wkt";
import type { ReflectionObject } from "protobufjs";

/** What stands in an option: text, number, truth, lists and objects of them. Identifiers (of enums) are texts too. */
export type OptionValue = string | number | boolean | OptionValue[] | { [name: string]: OptionValue };

/** In the order of the file; a name of one's own is in parentheses: `(google.api.http)`. */
export type ParsedOptions = readonly { readonly name: string; readonly value: OptionValue }[];

export type OptionTarget =
  | { readonly kind: "file"; readonly proto: FileDescriptorProto }
  | { readonly kind: "message"; readonly proto: DescriptorProto }
  | { readonly kind: "field"; readonly proto: FieldDescriptorProto }
  | { readonly kind: "oneof"; readonly proto: OneofDescriptorProto }
  | { readonly kind: "enum"; readonly proto: EnumDescriptorProto }
  | { readonly kind: "value"; readonly proto: EnumValueDescriptorProto }
  | { readonly kind: "service"; readonly proto: ServiceDescriptorProto }
  | { readonly kind: "method"; readonly proto: MethodDescriptorProto };

/** Options that wait until all names are known. */
export interface Pending {
  readonly target: OptionTarget;
  readonly parsed: ParsedOptions;
  /** Where names in them are looked up from. */
  readonly scope: string;
}

export function parsedOptionsOf(object: ReflectionObject): ParsedOptions {
  const parsed: unknown = object.parsedOptions;
  if (!Array.isArray(parsed)) return [];
  // The library's own words: a list of objects with one member each.
  return parsed.flatMap((option: Record<string, OptionValue>) =>
    Object.entries(option).map(([name, value]) => ({ name, value })),
  );
}

/** Options of an enum's value come flat (`(a).b.c`: 1). */
export function unflattened(flat: unknown): ParsedOptions {
  if (Array.isArray(flat)) {
    return flat.flatMap((option: Record<string, OptionValue>) =>
      Object.entries(option).map(([name, value]) => ({ name, value })),
    );
  }
  return Object.entries(flat as Record<string, OptionValue>).map(([path, value]) => {
    const match = /^(\([^)]+\)|[^.]+)\.(.+)$/.exec(path);
    if (match === null) return { name: path, value };
    const levels = match[2]!.split(".");
    const nested = levels.reduceRight<OptionValue>((inner, level) => ({ [level]: inner }), value);
    return { name: match[1]!, value: nested };
  });
}
