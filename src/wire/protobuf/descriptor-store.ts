/**
 * What a gateway knows of an API at run time: its files, types and methods, with the HTTP rules that their options hold. Made once, read by
 * every request; nothing in it changes.
 */
import {
  create,
  createFileRegistry,
  type DescExtension,
  type DescMessage,
  type DescService,
  type FileRegistry,
  toBinary,
} from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Failure, messageOf } from "../../base/errors.ts";
import { wellKnownFile } from "./built-in.ts";
import { inImportOrder } from "./file-order.ts";
import { HttpRules } from "./http-rules.ts";
import { type GrpcMethod, methodsOf } from "./methods.ts";

export class DescriptorStore {
  readonly registry: FileRegistry;
  readonly http: HttpRules;
  readonly #files: ReadonlyMap<string, FileDescriptorProto>;
  readonly #methods: ReadonlyMap<string, GrpcMethod>;
  readonly #services: readonly DescService[];

  /** `files` are linked, as compilers and reflection give them; well-known ones may be missing. Fails with `protobuf.descriptors`. */
  constructor(files: readonly FileDescriptorProto[]) {
    this.#files = withWellKnown(files);
    const ordered = inImportOrder(this.#files);
    try {
      this.registry = createFileRegistry(create(FileDescriptorSetSchema, { file: ordered }));
    } catch (thrown) {
      throw new Failure(
        "protobuf.descriptors",
        `reading descriptors failed: ${messageOf(thrown)}; files that fit together are required`,
        { cause: thrown },
      );
    }
    this.#services = Array.from(this.registry.files).flatMap((file) => file.services);
    this.#methods = new Map(methodsOf(this.#services, this.registry).map((method) => [method.path, method]));
    this.http = new HttpRules([...this.#methods.values()]);
  }

  /** By `/package.Service/Method`. */
  method(path: string): GrpcMethod | undefined {
    return this.#methods.get(path);
  }

  methods(): Iterable<GrpcMethod> {
    return this.#methods.values();
  }

  services(): readonly DescService[] {
    return this.#services;
  }

  message(name: string): DescMessage | undefined {
    return this.registry.getMessage(name);
  }

  /** The file and all that it imports, itself first, serialized. */
  fileBytes(name: string): readonly Uint8Array[] | undefined {
    if (!this.#files.has(name)) return undefined;
    const names = new Set([name]);
    for (const one of names) for (const imported of this.#files.get(one)?.dependency ?? []) names.add(imported);
    return [...names].flatMap((one) => {
      const file = this.#files.get(one);
      return file === undefined ? [] : [toBinary(FileDescriptorProtoSchema, file)];
    });
  }

  /** The name of the file that defines a message, enum, service, extension, method or field, by its full name. */
  fileOf(symbol: string): string | undefined {
    const type = this.registry.get(symbol);
    if (type !== undefined) return type.file.proto.name;
    const dot = symbol.lastIndexOf(".");
    const owner = dot < 0 ? undefined : this.registry.get(symbol.slice(0, dot));
    const member = symbol.slice(dot + 1);
    if (owner?.kind === "service" && owner.methods.some(({ name }) => name === member)) return owner.file.proto.name;
    if (owner?.kind === "message" && owner.members.some(({ name }) => name === member)) return owner.file.proto.name;
    if (owner?.kind === "enum" && owner.values.some(({ name }) => name === member)) return owner.file.proto.name;
    return undefined;
  }

  extensionsOf(typeName: string): readonly DescExtension[] {
    const found: DescExtension[] = [];
    for (const type of this.registry)
      if (type.kind === "extension" && type.extendee.typeName === typeName) found.push(type);
    return found;
  }
}

function withWellKnown(files: readonly FileDescriptorProto[]): Map<string, FileDescriptorProto> {
  const all = new Map(files.map((file) => [file.name, file]));
  // A map being walked also gives what is added to it meanwhile.
  for (const file of all.values()) {
    for (const name of file.dependency) {
      const known = all.has(name) ? undefined : wellKnownFile(name);
      if (known !== undefined) all.set(name, known);
    }
  }
  return all;
}
