/**
 * A `.proto` text as a file descriptor whose names are still as they were written. The library reads the grammar; the descriptor is made
 * here, because its own export needs everything linked first and loses options of the user's own and public imports. Refused: numbers in
 * options that a double cannot hold.
 */
import { create } from "@bufbuild/protobuf";
import {
  Edition,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  type MethodDescriptorProto,
  MethodDescriptorProtoSchema,
  type ServiceDescriptorProto,
  ServiceDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";
import type { default as Protobuf, ReflectionObject, Service } from "protobufjs";
import { Failure, messageOf } from "../../base/errors.ts";
import { type ParsedOptions, type Pending, parsedOptionsOf } from "./unlinked-options.ts";
import { enumOf, fieldOf, messageOfType } from "./unlinked-types.ts";

/** A descriptor with its names as written, and the options that wait for them. */
export interface UnlinkedFile {
  readonly file: FileDescriptorProto;
  readonly options: Pending[];
}

const PUBLIC_IMPORT = /^\s*import\s+public\s+["']([^"'\n]+)["']/gm;

export type ProtoLibrary = typeof Protobuf;

/** `name` is what imports call it. */
export function parseProto(library: ProtoLibrary, name: string, text: string): UnlinkedFile {
  const parsed = parseText(library, name, text);
  const file = create(FileDescriptorProtoSchema, {
    name,
    package: parsed.package ?? "",
    dependency: [...(parsed.imports ?? []), ...(parsed.weakImports ?? [])],
  });
  setSyntax(file, text);
  const publicNames = new Set(Array.from(text.matchAll(PUBLIC_IMPORT), (match) => match[1]));
  file.publicDependency = file.dependency.flatMap((imported, index) => (publicNames.has(imported) ? [index] : []));
  const place = parsed.package === undefined ? parsed.root : parsed.root.lookup(parsed.package.split("."));
  const unlinked: UnlinkedFile = { file, options: [] };
  if (place !== null) fillFile(unlinked, place, library);
  return unlinked;
}

function parseText(library: ProtoLibrary, name: string, text: string): Protobuf.IParserResult {
  try {
    return library.parse(text, new library.Root(), { keepCase: true });
  } catch (thrown) {
    throw new Failure(
      "protobuf.syntax",
      `reading ${name} failed: ${messageOf(thrown)}; the text of a .proto file (proto2, proto3 or an edition) is required`,
      { cause: thrown },
    );
  }
}

const SYNTAX = /^\s*(syntax|edition)\s*=\s*["']([\w.]+)["']/m;

function setSyntax(file: FileDescriptorProto, text: string): void {
  const match = SYNTAX.exec(text.replace(/\/\*[\s\S]*?\*\//g, ""));
  if (match === null) return;
  if (match[1] === "syntax") {
    if (match[2] !== "proto2") file.syntax = match[2]!;
    return;
  }
  const edition = match[2] === "2023" ? Edition.EDITION_2023 : match[2] === "2024" ? Edition.EDITION_2024 : undefined;
  if (edition === undefined) {
    throw new Failure("protobuf.edition", `reading ${file.name} failed: edition ${match[2]}; 2023 or 2024 is required`);
  }
  file.syntax = "editions";
  file.edition = edition;
}

function fillFile(unlinked: UnlinkedFile, place: ReflectionObject, library: ProtoLibrary): void {
  const { file, options } = unlinked;
  const scope = file.package;
  const note = (target: Pending["target"], parsed: ParsedOptions, within = scope): void => {
    if (parsed.length > 0) options.push({ target, parsed, scope: within });
  };
  note({ kind: "file", proto: file }, parsedOptionsOf(place));
  const context = { library, isProto3: file.syntax === "proto3", note };
  for (const nested of nestedOf(place)) {
    if ("fields" in nested) file.messageType.push(messageOfType(nested as Protobuf.Type, scope, context));
    else if ("values" in nested) file.enumType.push(enumOf(nested as Protobuf.Enum, scope, context));
    else if ("methods" in nested) file.service.push(serviceOf(nested as Service, scope, note));
    else if ("extend" in nested) file.extension.push(fieldOf(nested as Protobuf.Field, scope, context));
  }
}

function nestedOf(place: ReflectionObject): readonly ReflectionObject[] {
  return "nestedArray" in place ? (place as Protobuf.NamespaceBase).nestedArray : [];
}

type Note = (target: Pending["target"], parsed: ParsedOptions, within?: string) => void;

function serviceOf(service: Service, scope: string, note: Note): ServiceDescriptorProto {
  const proto = create(ServiceDescriptorProtoSchema, { name: service.name });
  const within = scope === "" ? service.name : `${scope}.${service.name}`;
  note({ kind: "service", proto }, parsedOptionsOf(service), within);
  for (const method of service.methodsArray) {
    const made: MethodDescriptorProto = create(MethodDescriptorProtoSchema, {
      name: method.name,
      inputType: method.requestType,
      outputType: method.responseType,
      ...(method.requestStream === true && { clientStreaming: true }),
      ...(method.responseStream === true && { serverStreaming: true }),
    });
    note({ kind: "method", proto: made }, parsedOptionsOf(method), within);
    proto.method.push(made);
  }
  return proto;
}
