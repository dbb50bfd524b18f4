/**
 * Gives the names in freshly read descriptors their meaning: each type name becomes the full one, and its kind is set. Names are looked
 * up from the innermost scope outwards, as the language says. Every loaded file is visible: who imports whom is not enforced.
 */
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  type FieldDescriptorProto,
  type FileDescriptorProto,
  FieldDescriptorProto_Type as Kind,
} from "@bufbuild/protobuf/wkt";
import { Failure } from "../../base/errors.ts";

type Symbol = "message" | "enum" | "service" | "package";

/** All full names of the files given, without a leading dot. */
export class SymbolTable {
  readonly #symbols = new Map<string, Symbol>();
  readonly #owners = new Map<string, string>();

  add(file: FileDescriptorProto): void {
    let scope = "";
    for (const piece of file.package === "" ? [] : file.package.split(".")) {
      scope = within(scope, piece);
      if (!this.#symbols.has(scope)) this.#symbols.set(scope, "package");
    }
    for (const message of file.messageType) this.#addMessage(file, scope, message);
    for (const type of file.enumType) this.#addEnum(file, scope, type);
    for (const service of file.service) this.#set(file, within(scope, service.name), "service");
  }

  #addMessage(file: FileDescriptorProto, scope: string, message: DescriptorProto): void {
    const name = within(scope, message.name);
    this.#set(file, name, "message");
    for (const nested of message.nestedType) this.#addMessage(file, name, nested);
    for (const nested of message.enumType) this.#addEnum(file, name, nested);
  }

  #addEnum(file: FileDescriptorProto, scope: string, type: EnumDescriptorProto): void {
    this.#set(file, within(scope, type.name), "enum");
  }

  #set(file: FileDescriptorProto, name: string, symbol: Symbol): void {
    const owner = this.#owners.get(name);
    if (owner !== undefined) {
      throw new Failure(
        "protobuf.duplicate",
        `reading ${file.name} failed: ${name} is also in ${owner}; one definition is required`,
      );
    }
    this.#owners.set(name, file.name);
    this.#symbols.set(name, symbol);
  }

  /** The full name of a message or an enum as it is called in `scope`. */
  resolve(written: string, scope: string): { readonly name: string; readonly symbol: Symbol } | undefined {
    if (written.startsWith(".")) return this.#find(written.slice(1));
    for (let place = scope; ; place = outer(place)) {
      const found = this.#find(within(place, written));
      if (found !== undefined) return found;
      if (place === "") return undefined;
    }
  }

  #find(name: string): { readonly name: string; readonly symbol: Symbol } | undefined {
    const symbol = this.#symbols.get(name);
    return symbol === "message" || symbol === "enum" ? { name, symbol } : undefined;
  }
}

export function within(scope: string, name: string): string {
  return scope === "" ? name : `${scope}.${name}`;
}

function outer(scope: string): string {
  const dot = scope.lastIndexOf(".");
  return dot < 0 ? "" : scope.slice(0, dot);
}

/** In place. */
export function linkFile(file: FileDescriptorProto, symbols: SymbolTable): void {
  const linker = new Linker(file, symbols);
  for (const message of file.messageType) linker.message(message, file.package);
  for (const extension of file.extension) linker.field(extension, file.package);
  for (const service of file.service) {
    const scope = within(file.package, service.name);
    for (const method of service.method) {
      const what = `${service.name}.${method.name}`;
      method.inputType = linker.messageName(method.inputType, scope, what);
      method.outputType = linker.messageName(method.outputType, scope, what);
    }
  }
}

class Linker {
  readonly #file: FileDescriptorProto;
  readonly #symbols: SymbolTable;

  constructor(file: FileDescriptorProto, symbols: SymbolTable) {
    this.#file = file;
    this.#symbols = symbols;
  }

  message(message: DescriptorProto, scope: string): void {
    const place = within(scope, message.name);
    for (const field of message.field) this.field(field, place);
    for (const extension of message.extension) this.field(extension, place);
    for (const nested of message.nestedType) this.message(nested, place);
  }

  field(field: FieldDescriptorProto, scope: string): void {
    const what = within(scope, field.name);
    if (field.extendee !== "") field.extendee = this.messageName(field.extendee, scope, what);
    if (field.typeName === "") return;
    const found = this.#symbols.resolve(field.typeName, scope);
    if (found === undefined) throw this.#unknown(field.typeName, what);
    field.typeName = `.${found.name}`;
    if (found.symbol === "enum") field.type = Kind.ENUM;
    // Also `features.message_encoding = DELIMITED` keeps the type of a message: the library asks the feature itself.
    else if (field.type !== Kind.GROUP) field.type = Kind.MESSAGE;
  }

  messageName(written: string, scope: string, what: string): string {
    const found = this.#symbols.resolve(written, scope);
    if (found?.symbol !== "message") throw this.#unknown(written, what);
    return `.${found.name}`;
  }

  #unknown(written: string, what: string): Failure {
    return new Failure(
      "protobuf.unknown_type",
      `reading ${this.#file.name} failed: ${what} names ${written}; a message or an enum of this file or of those that it imports is required`,
    );
  }
}
