/** A master's shelf, and a store that fetches from it over what a link says. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { Failure } from "../../../../src/base/errors.ts";
import type { LinkHandlers, RequestContext } from "../../../../src/wire/link/index.ts";
import {
  type ArtifactLink,
  ArtifactShelf,
  ArtifactStore,
  artifactHandlers,
  BLOB_TOPIC,
  CHUNK_BYTES_MAX,
  fetchOverLink,
  MANIFEST_TOPIC,
  packFile,
  packPlugin,
} from "../../../../src/work/artifact/index.ts";
import { Workspace } from "../../../support/workspace.ts";
import { codeOf, failureOf, sha256 } from "./support.ts";

/** A link without a network: payloads and failures cross as plain data. */
function linkTo(handlers: LinkHandlers): ArtifactLink {
  return {
    async request(topic, payload, options) {
      const signal = options?.signal ?? new AbortController().signal;
      const context = { signal, timeoutMs: options?.timeoutMs } as RequestContext; // as much as is looked at
      try {
        return await handlers[topic]!.request!(structuredClone(payload), context);
      } catch (thrown) {
        if (!(thrown instanceof Failure)) throw thrown;
        throw Failure.fromJSON(JSON.parse(JSON.stringify(thrown)));
      }
    },
  };
}

describe("ArtifactShelf", () => {
  test("read() gives the content as it was when it was registered, though its author edits on", async () => {
    using space = new Workspace();
    await using shelf = await ArtifactShelf.open(space.at("shelf"));
    const path = space.write("index.ts", "export default 1;");
    const bundle = await packPlugin(path);
    await shelf.register(bundle);
    space.write("index.ts", "export default 2; // edited");
    const [file] = (await shelf.manifest(bundle.manifest.id)).files;
    const content = await shelf.read(file!.sha256, 0, file!.bytes);
    expect(Buffer.from(content).toString()).toBe("export default 1;");
    expect(Buffer.from(await shelf.read(file!.sha256, 7, 7)).toString()).toBe("default");
  });

  test("register() refuses what was edited between packing and registering, and leaves nothing of it", async () => {
    using space = new Workspace();
    await using shelf = await ArtifactShelf.open(space.at("shelf"));
    space.write("x.ts", "1;");
    const bundle = await packPlugin(space.write("index.ts", 'import "./x.ts";'));
    space.write("x.ts", "2;"); // the second file to be copied
    expect(await failureOf(shelf.register(bundle))).toMatchObject({ code: "artifact.changed", retryable: true });
    expect(await codeOf(shelf.manifest(bundle.manifest.id))).toBe("artifact.unknown");
    expect(readdirSync(space.at("shelf", readdirSync(space.at("shelf"))[0]!))).toEqual(["lock"]);
  });

  test("read() knows hashes of registered bundles and nothing else", async () => {
    using space = new Workspace();
    await using shelf = await ArtifactShelf.open(space.at("shelf"));
    await shelf.register(await packFile(space.write("a.csv", "abc")));
    for (const name of [sha256("other"), "lock", "../../a.csv", "", "/etc/passwd"])
      expect(await codeOf(shelf.read(name, 0, 1))).toBe("artifact.unknown");
    const ranges: readonly (readonly [number, number])[] = [
      [0, 4],
      [3, 1],
      [-1, 1],
      [0, 0],
      [0, -1],
      [0.5, 1],
      [0, CHUNK_BYTES_MAX + 1],
      [Number.NaN, 1],
    ];
    for (const [offset, length] of ranges)
      expect(await codeOf(shelf.read(sha256("abc"), offset, length))).toBe("artifact.request");
  });

  test("withdraw() takes a bundle away when everybody who registered it has withdrawn it", async () => {
    using space = new Workspace();
    await using shelf = await ArtifactShelf.open(space.at("shelf"));
    const [a, b] = [await packPlugin(space.write("a.ts", 'import "./x.ts"')).catch(() => undefined), undefined];
    expect([a, b]).toEqual([undefined, undefined]); // x.ts is not there yet
    space.write("x.ts", "shared");
    const bundle = await packPlugin(space.at("a.ts"));
    const other = await packFile(space.at("x.ts"));
    const [first, second, third] = [
      await shelf.register(bundle),
      await shelf.register(bundle),
      await shelf.register(other),
    ];
    await first.withdraw();
    await first.withdraw(); // counts once
    expect((await shelf.manifest(second.id)).entry).toBe("a.ts");
    await second.withdraw();
    expect(await codeOf(shelf.manifest(second.id))).toBe("artifact.unknown");
    expect(await codeOf(shelf.read(sha256('import "./x.ts"'), 0, 1))).toBe("artifact.unknown");
    expect(Buffer.from(await shelf.read(sha256("shared"), 0, 6)).toString()).toBe("shared"); // of the third
    await third.withdraw();
    expect(readdirSync(space.at("shelf", readdirSync(space.at("shelf"))[0]!))).toEqual(["lock"]);
  });

  test("register() refuses more than the shelf may hold", async () => {
    using space = new Workspace();
    await using shelf = await ArtifactShelf.open(space.at("shelf"), { bytesMax: 10 });
    const kept = await shelf.register(await packFile(space.write("a.csv", "12345678")));
    expect(await codeOf(shelf.register(await packFile(space.write("b.csv", "abc"))))).toBe("artifact.no_room");
    await shelf.register(await packFile(space.write("c.csv", "12345678"))); // the same content needs no room
    await kept.withdraw();
    expect(await codeOf(shelf.register(await packFile(space.at("b.csv"))))).toBe("artifact.no_room");
  });

  test("open() clears away the folders of shelves that are gone, and leaves those of the living and what is not its own", async () => {
    using space = new Workspace();
    await using living = await ArtifactShelf.open(space.at("shelf"));
    await living.register(await packFile(space.write("a.csv", "abc")));
    mkdirSync(space.at("shelf", "shelf-dead"));
    writeFileSync(space.at("shelf", "shelf-dead", sha256("old")), "old");
    space.write("shelf/notes.txt", "mine");
    await using other = await ArtifactShelf.open(space.at("shelf"));
    expect(readdirSync(space.at("shelf"))).toHaveLength(3);
    expect(readdirSync(space.at("shelf"))).toContain("notes.txt");
    expect(Buffer.from(await living.read(sha256("abc"), 0, 3)).toString()).toBe("abc");
    await other.close();
    expect(readdirSync(space.at("shelf"))).toHaveLength(2);
  });
});

describe("artifactHandlers() and fetchOverLink()", () => {
  test("a store gets a bundle over a link, in pieces", async () => {
    using space = new Workspace();
    await using shelf = await ArtifactShelf.open(space.at("shelf"));
    await using store = await ArtifactStore.open(space.at("cache"));
    const table = Buffer.alloc(CHUNK_BYTES_MAX * 2 + 5, "table");
    const { id } = await shelf.register(await packFile(space.write("table.csv", table)));
    const link = linkTo(artifactHandlers(shelf));
    const { entryPath } = await store.ensureId(
      id,
      fetchOverLink(async () => link),
    );
    expect(Buffer.from(await Bun.file(entryPath).bytes()).equals(table)).toBe(true);
    expect(await codeOf(store.ensureId(sha256("nobody has it"), fetchOverLink(link)))).toBe("artifact.unknown");
  });

  test("artifactHandlers() refuses requests of another form", async () => {
    using space = new Workspace();
    await using shelf = await ArtifactShelf.open(space.at("shelf"));
    await shelf.register(await packFile(space.write("a.csv", "abc")));
    const link = linkTo(artifactHandlers(shelf));
    const hash = sha256("abc");
    const wrong: readonly (readonly [string, unknown])[] = [
      [MANIFEST_TOPIC, undefined],
      [MANIFEST_TOPIC, { id: "../x" }],
      [MANIFEST_TOPIC, { id: hash, more: 1 }],
      [BLOB_TOPIC, { sha256: hash }],
      [BLOB_TOPIC, { sha256: hash, offset: "0", length: 1 }],
      [BLOB_TOPIC, { sha256: hash, offset: 0, length: 2 ** 30 }],
      [BLOB_TOPIC, { sha256: hash, offset: 1, length: 3 }],
      [BLOB_TOPIC, { sha256: 7, offset: 0, length: 1 }],
      [BLOB_TOPIC, [hash, 0, 1]],
    ];
    for (const [topic, payload] of wrong) expect(await codeOf(link.request(topic, payload))).toBe("artifact.request");
    expect(await link.request(BLOB_TOPIC, { sha256: hash, offset: 1, length: 2 })).toEqual(new Uint8Array([98, 99]));
  });
});
