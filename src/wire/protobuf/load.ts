/**
 * Reads `.proto` files and descriptor sets, with everything that they import, into one store. Imports are looked for in the import paths in
 * their order, then among the built-in files. Refused: names that lead out of an import path, and more than the limits allow.
 */
import { create, createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Failure, messageOf } from "../../base/errors.ts";
import { builtInText, wellKnownFile } from "./built-in.ts";
import { DescriptorStore } from "./descriptor-store.ts";
import { inImportOrder } from "./file-order.ts";
import { DESCRIPTOR_BYTES_MAX, IMPORT_NAME_CHARS_MAX, PROTO_FILE_BYTES_MAX, PROTO_FILES_MAX } from "./limits.ts";
import { linkFile, SymbolTable } from "./link.ts";
import { setOptions } from "./options.ts";
import { type ProtoLibrary, parseProto, type UnlinkedFile } from "./unlinked.ts";

export interface DescriptorSources {
  /** Paths of `.proto` files, or of descriptor sets (any other name). */
  readonly files: readonly string[];
  /** Folders in which imports are looked for; the folder of a named file counts as the last of them. */
  readonly importPaths: readonly string[];
  /** Undefined: there is none. */
  readFile(path: string): Uint8Array | undefined;
}

/** Fails with `protobuf.*`. */
export async function loadDescriptors(sources: DescriptorSources): Promise<DescriptorStore> {
  const loader = new Loader(sources);
  // The grammar is large and only those need it who bring texts.
  const library = (await import("protobufjs")).default;
  loader.useLibrary(library);
  for (const path of sources.files) {
    if (path.endsWith(".proto")) loader.addProto(path);
    else loader.addSet(path);
  }
  return loader.finish();
}

/** Of a serialized FileDescriptorSet; `name` is for messages. */
export function readDescriptorSet(name: string, bytes: Uint8Array): readonly FileDescriptorProto[] {
  if (bytes.length > DESCRIPTOR_BYTES_MAX) {
    throw new Failure(
      "protobuf.too_large",
      `reading ${name} failed: ${bytes.length} bytes; at most ${DESCRIPTOR_BYTES_MAX} are required`,
    );
  }
  try {
    return fromBinary(FileDescriptorSetSchema, bytes).file;
  } catch (thrown) {
    throw new Failure(
      "protobuf.descriptor_set",
      `reading ${name} failed: ${messageOf(thrown)}; a FileDescriptorSet is required`,
      { cause: thrown },
    );
  }
}

/** Files one by one, as reflection gives them: serialized FileDescriptorProtos. */
export function readDescriptorFile(bytes: Uint8Array): FileDescriptorProto {
  try {
    return fromBinary(FileDescriptorProtoSchema, bytes);
  } catch (thrown) {
    throw new Failure(
      "protobuf.descriptor_set",
      `reading a descriptor failed: ${messageOf(thrown)}; a FileDescriptorProto is required`,
      { cause: thrown },
    );
  }
}

class Loader {
  readonly #sources: DescriptorSources;
  readonly #folders: string[];
  readonly #files = new Map<string, FileDescriptorProto>();
  readonly #unlinked: UnlinkedFile[] = [];
  #library: ProtoLibrary | undefined;

  constructor(sources: DescriptorSources) {
    this.#sources = sources;
    this.#folders = [...sources.importPaths];
  }

  useLibrary(library: ProtoLibrary): void {
    this.#library = library;
  }

  /** The name by which others import it is the path within an import path. */
  addProto(path: string): void {
    const folder = this.#folders.find((one) => path.startsWith(`${trimmed(one)}/`));
    const slash = path.lastIndexOf("/");
    const own = slash < 0 ? "." : path.slice(0, slash);
    if (folder === undefined && !this.#folders.includes(own)) this.#folders.push(own);
    const name = folder === undefined ? path.slice(slash + 1) : path.slice(trimmed(folder).length + 1);
    if (!this.#files.has(name)) this.#addText(name, this.#read(path, "a .proto file"));
  }

  addSet(path: string): void {
    const bytes = this.#read(path, "a descriptor set");
    for (const file of readDescriptorSet(path, bytes))
      if (!this.#files.has(file.name)) this.#files.set(file.name, file);
  }

  finish(): DescriptorStore {
    for (const file of [...this.#files.values()]) for (const name of file.dependency) this.#import(name, file.name);
    const symbols = new SymbolTable();
    for (const file of this.#files.values()) symbols.add(file);
    for (const { file } of this.#unlinked) linkFile(file, symbols);
    const files = inImportOrder(this.#files);
    if (this.#unlinked.some(({ options }) => options.length > 0)) {
      const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: files }));
      for (const { file, options } of this.#unlinked) setOptions(file.name, options, registry);
    }
    return new DescriptorStore(files);
  }

  #addText(name: string, bytes: Uint8Array): void {
    if (bytes.length > PROTO_FILE_BYTES_MAX) {
      throw new Failure(
        "protobuf.too_large",
        `reading ${name} failed: ${bytes.length} bytes; at most ${PROTO_FILE_BYTES_MAX} are required`,
      );
    }
    if (this.#files.size >= PROTO_FILES_MAX) {
      throw new Failure(
        "protobuf.too_many_files",
        `reading ${name} failed: it is file ${PROTO_FILES_MAX + 1}; at most ${PROTO_FILES_MAX} are required`,
      );
    }
    const unlinked = parseProto(this.#library!, name, new TextDecoder().decode(bytes));
    this.#files.set(name, unlinked.file);
    this.#unlinked.push(unlinked);
    for (const imported of unlinked.file.dependency) this.#import(imported, name);
  }

  #import(name: string, importer: string): void {
    if (this.#files.has(name)) return;
    checkName(name, importer);
    for (const folder of this.#folders) {
      const bytes = this.#sources.readFile(`${trimmed(folder)}/${name}`);
      if (bytes !== undefined) return this.#addText(name, bytes);
    }
    const known = wellKnownFile(name);
    if (known !== undefined) {
      this.#files.set(name, known);
      for (const imported of known.dependency) this.#import(imported, name);
      return;
    }
    const text = builtInText(name);
    if (text !== undefined) return this.#addText(name, new TextEncoder().encode(text));
    const places = this.#folders.length === 0 ? "an import path" : this.#folders.join(", ");
    throw new Failure(
      "protobuf.import",
      `reading ${importer} failed: it imports ${name}, which is not there; a file in ${places} is required`,
    );
  }

  #read(path: string, what: string): Uint8Array {
    const bytes = this.#sources.readFile(path);
    if (bytes === undefined)
      throw new Failure("protobuf.no_file", `reading ${path} failed: there is no such file; ${what} is required`);
    return bytes;
  }
}

function trimmed(folder: string): string {
  return folder.endsWith("/") ? folder.slice(0, -1) : folder;
}

function checkName(name: string, importer: string): void {
  const isSafe =
    name.length <= IMPORT_NAME_CHARS_MAX &&
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    !/[\\\u0000-\u001f]/.test(name) &&
    name.split("/").every((piece) => piece !== "" && piece !== "." && piece !== "..");
  if (isSafe) return;
  throw new Failure(
    "protobuf.import",
    `reading ${importer} failed: it imports ${JSON.stringify(name)}; a path inside an import path, without "..", is required`,
  );
}
