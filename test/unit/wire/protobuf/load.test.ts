/** Reading descriptors: what texts mean, and what is refused. */
import { describe, expect, test } from "bun:test";
import { fromBinary, toJson } from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { type DescriptorStore, loadDescriptors } from "../../../../src/wire/protobuf/index.ts";
import { RICH, RICH_COMPILED, TWO, TWO_COMPILED } from "./compiled.ts";
import { codeOfCall } from "./outcomes.ts";
import { LIBRARY, load } from "./protos.ts";

/** The file as canonical JSON of its descriptor. */
function descriptorOf(store: DescriptorStore, name: string): unknown {
  return jsonOf(fromBinary(FileDescriptorProtoSchema, store.fileBytes(name)![0]!), store);
}

/** What the compiler made of it. */
function compiled(set: string, store: DescriptorStore): unknown {
  return jsonOf(fromBinary(FileDescriptorSetSchema, Buffer.from(set, "base64")).file[0]!, store);
}

function jsonOf(file: FileDescriptorProto, store: DescriptorStore): unknown {
  // In which order types lie in a message means nothing.
  for (const message of file.messageType) message.nestedType.sort((a, b) => (a.name < b.name ? -1 : 1));
  return toJson(FileDescriptorProtoSchema, file, { registry: store.registry });
}

describe("loadDescriptors()", () => {
  test("makes the descriptor that the compiler makes when a file has a bit of everything", async () => {
    const store = await load({ "rich.proto": RICH, "other.proto": `syntax = "proto3"; package o; message O {}` });
    expect(descriptorOf(store, "rich.proto")).toEqual(compiled(RICH_COMPILED, store));
  });

  test("makes the descriptor that the compiler makes when the file is proto2", async () => {
    const store = await load({ "two.proto": TWO });
    expect(descriptorOf(store, "two.proto")).toEqual(compiled(TWO_COMPILED, store));
  });

  test("keeps features when the file has an edition", async () => {
    const text = `edition = "2023"; package e; message A { int32 a = 1 [features.field_presence = IMPLICIT]; B b = 2 [features.message_encoding = DELIMITED]; } message B {}`;
    const store = await load({ "e.proto": text });
    const fields = store.message("e.A")!.fields;
    expect(
      fields.map((field) => [field.name, field.presence, field.fieldKind === "message" && field.delimitedEncoding]),
    ).toEqual([
      ["a", 2, false],
      ["b", 1, true],
    ]);
  });

  test("knows methods, streams and rules when a service is annotated", async () => {
    const store = await load({ "library.proto": LIBRARY });
    const told = [...store.methods()].map(({ path, clientStreams, serverStreams, isSafe, rules }) => [
      path.slice("/library.v1.Library/".length),
      clientStreams,
      serverStreams,
      isSafe,
      rules.map(({ httpMethod, template, body, responseBody }) =>
        `${httpMethod} ${template} ${body} ${responseBody}`.trim(),
      ),
    ]);
    expect(told).toEqual([
      ["Get", false, false, false, ["GET /v1/{name=shelves/*/books/*}", "GET /v1/books/{name}"]],
      ["Put", false, false, false, ["PATCH /v1/{book.name=shelves/*} book"]],
      ["Create", false, false, false, ["POST /v1/books:create *"]],
      ["List", false, false, false, ["GET /v1/files/{name=**}  books"]],
      ["Head", false, false, false, ["HEAD /v1/heads/{name}"]],
      ["Watch", false, true, false, []],
      ["Upload", true, false, false, []],
      ["Chat", true, true, false, []],
      ["Safe", false, false, true, []],
    ]);
  });

  test("finds imports when they lie in other folders of the import paths", async () => {
    const files: Record<string, string> = {
      "/a/main.proto": `syntax = "proto3"; import "deep/part.proto"; message M { p.Part part = 1; }`,
      "/b/deep/part.proto": `syntax = "proto3"; package p; message Part { int32 n = 1; }`,
    };
    const readFile = (path: string): Uint8Array | undefined =>
      files[path] === undefined ? undefined : Buffer.from(files[path]);
    const store = await loadDescriptors({ files: ["/a/main.proto"], importPaths: ["/b/"], readFile });
    expect(store.message("M")?.fields[0]?.message?.typeName).toBe("p.Part");
  });

  test("reads what it gave when that comes back as a descriptor set", async () => {
    const store = await load({ "library.proto": LIBRARY });
    const files = store.fileBytes("library.proto")!;
    const set = Buffer.concat(files.flatMap((file) => [Buffer.from([0x0a, ...varint(file.length)]), file]));
    const again = await loadDescriptors({ files: ["/x.pb"], importPaths: [], readFile: () => set });
    expect([...again.methods()].map(({ path, rules }) => [path, rules])).toEqual(
      [...store.methods()].map(({ path, rules }) => [path, rules]),
    );
  });

  const REFUSED: readonly (readonly [what: string, text: string, code: string])[] = [
    ["no grammar", "message {", "protobuf.syntax"],
    ["an unknown type", `syntax = "proto3"; message A { Missing m = 1; }`, "protobuf.unknown_type"],
    ["an import that is not there", `import "missing.proto";`, "protobuf.import"],
    ["an import that leads out", `import "../secret.proto";`, "protobuf.import"],
    ["an absolute import", `import "/etc/secret.proto";`, "protobuf.import"],
    ["an import with a backslash", `import "a\\\\b.proto";`, "protobuf.import"],
    ["an import of itself", `import "main.proto";`, "protobuf.import_cycle"],
    ["an option that nobody defines", `syntax = "proto3"; message A { int32 a = 1 [(mine) = 3]; }`, "protobuf.option"],
    ["a standard option that there is not", `syntax = "proto3"; message A { option no_such = 3; }`, "protobuf.option"],
    [
      "a number that is not exact",
      `syntax = "proto2"; message A { optional int64 a = 1 [default = 9007199254740993]; }`,
      "protobuf.option",
    ],
    ["one name twice", `syntax = "proto3"; message A {} enum A { X = 0; }`, "protobuf.syntax"],
    ["a bad path template", annotated("/v1/{name=**}/more"), "protobuf.template"],
    ["a template without a slash", annotated("v1/x"), "protobuf.template"],
    ["a template with an open brace", annotated("/v1/{name"), "protobuf.template"],
  ];
  test.each(REFUSED)("refuses when there is %s", async (_, text, code) => {
    expect(await codeOfCall(() => load({ "main.proto": text }))).toBe(code);
  });

  test("refuses when two files define one name", async () => {
    const files = {
      "main.proto": `syntax = "proto3"; import "b.proto"; message A {}`,
      "b.proto": `syntax = "proto3"; message A {}`,
    };
    expect(await codeOfCall(() => load(files))).toBe("protobuf.duplicate");
  });

  test("refuses when a file is not there or is no descriptor set", async () => {
    const none = { importPaths: [], readFile: () => undefined };
    expect(await codeOfCall(() => loadDescriptors({ ...none, files: ["a.proto"] }))).toBe("protobuf.no_file");
    const broken = { files: ["a.pb"], importPaths: [], readFile: () => new Uint8Array([0x0a, 0x7f, 1]) };
    expect(await codeOfCall(() => loadDescriptors(broken))).toBe("protobuf.descriptor_set");
  });
});

describe("DescriptorStore", () => {
  test("fileOf() finds the file when asked for any symbol in it", async () => {
    const store = await load({ "library.proto": LIBRARY });
    const symbols = [
      "library.v1.Book",
      "library.v1.Library",
      "library.v1.Library.Get",
      "library.v1.Book.title",
      "library.v1.Kind.NOVEL",
    ];
    expect(symbols.map((symbol) => store.fileOf(symbol))).toEqual(symbols.map(() => "library.proto"));
    expect([store.fileOf("library.v1.Nothing"), store.fileOf("library.v1.Library.Nothing"), store.fileOf("")]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(store.fileOf("google.api.http")).toBe("google/api/annotations.proto");
  });
});

function annotated(template: string): string {
  return `syntax = "proto3"; import "google/api/annotations.proto"; message A { string name = 1; }
    service S { rpc M(A) returns (A) { option (google.api.http).get = "${template}"; } }`;
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
}
