/** A worker's cache: what is taken, what is refused, what is kept, and what happens when somebody has been at it. */
import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type ArtifactSource, ArtifactStore, CHUNK_BYTES_MAX } from "../../../../src/work/artifact/index.ts";
import { Workspace } from "../../../support/workspace.ts";
import { type Contents, codeOf, failureOf, MemorySource, manifestOf, sha256 } from "./support.ts";

const PLUGIN: Contents = {
  "a/index.ts": "export default 1;",
  "common/x.ts": "export const x = 1;",
  "common/empty.txt": "",
};

function treeOf(entryPath: string): string {
  return join(entryPath, "../..");
}

async function installed(
  contents: Contents,
  store: ArtifactStore,
  source: ArtifactSource = new MemorySource(contents),
) {
  const bundle = await store.ensure(manifestOf(contents), source);
  for (const [path, content] of Object.entries(contents)) {
    const file = join(bundle.entryPath.slice(0, -Object.keys(contents)[0]!.length), path);
    expect(readFileSync(file).equals(Buffer.from(content))).toBe(true);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  }
  return bundle;
}

describe("ArtifactStore.ensure()", () => {
  test("ensure() fetches what is not there, in a directory of its user alone", async () => {
    using space = new Workspace();
    mkdirSync(space.at("cache"), { mode: 0o755 });
    await using store = await ArtifactStore.open(space.at("cache"));
    const bundle = await installed(PLUGIN, store);
    expect(bundle.entryPath).toEndWith("/a/index.ts");
    expect(statSync(space.at("cache")).mode & 0o777).toBe(0o700);
    expect(readdirSync(space.at("cache", "tmp"))).toEqual([]);
  });

  test("ensure() asks nobody when everything is there, also after a restart", async () => {
    using space = new Workspace();
    const source = new MemorySource(PLUGIN);
    for (const asks of [2, 0, 0]) {
      await using store = await ArtifactStore.open(space.at("cache"));
      source.asked.length = 0;
      await installed(PLUGIN, store, source);
      await store.ensureId(manifestOf(PLUGIN).id, source);
      expect(source.asked).toHaveLength(asks);
    }
  });

  test("ensure() fetches only the contents that no other bundle brought", async () => {
    using space = new Workspace();
    await using store = await ArtifactStore.open(space.at("cache"));
    await installed(PLUGIN, store);
    const edited = { ...PLUGIN, "a/index.ts": "export default 2;" };
    const source = new MemorySource(edited);
    await installed(edited, store, source);
    expect(source.asked).toEqual([sha256("export default 2;")]);
  });

  test("ensure() puts a file together from pieces when it is larger than one", async () => {
    using space = new Workspace();
    await using store = await ArtifactStore.open(space.at("cache"));
    const large = Buffer.alloc(2 * CHUNK_BYTES_MAX + 17, "large");
    const source = new MemorySource({ "table.csv": large });
    await installed({ "table.csv": large }, store, source);
    expect(source.asked).toHaveLength(3);
  });

  test("ensure() shares one fetch when it is called many times at once", async () => {
    using space = new Workspace();
    await using store = await ArtifactStore.open(space.at("cache"));
    const source = new MemorySource(PLUGIN);
    const bundles = await Promise.all(Array.from({ length: 20 }, () => store.ensure(manifestOf(PLUGIN), source)));
    expect(new Set(bundles.map(({ entryPath }) => entryPath)).size).toBe(1);
    expect(source.asked.sort()).toEqual(
      Object.values(PLUGIN)
        .filter((content) => content.length > 0)
        .map(sha256)
        .sort(),
    );
  });

  test("ensure() fetches once what two bundles need at once", async () => {
    using space = new Workspace();
    await using store = await ArtifactStore.open(space.at("cache"));
    const [one, other] = [{ "a.ts": "shared" }, { "b/c.ts": "shared" }];
    const source = new MemorySource(one);
    await Promise.all([installed(one, store, source), installed(other, store, source)]);
    expect(source.asked).toEqual([sha256("shared")]);
  });

  test("ensure() asks its own source when the one before it failed", async () => {
    using space = new Workspace();
    await using store = await ArtifactStore.open(space.at("cache"));
    const broken: ArtifactSource = {
      manifest: () => Promise.reject(new Error()),
      read: () => Promise.reject(new Error("gone")),
    };
    const first = codeOf(store.ensure(manifestOf(PLUGIN), broken));
    const second = installed(PLUGIN, store);
    expect(await first).toBe("artifact.store");
    expect((await second).entryPath).toEndWith("index.ts");
  });

  test("ensure() serves two stores of one directory at once", async () => {
    using space = new Workspace();
    await using one = await ArtifactStore.open(space.at("cache"));
    await using other = await ArtifactStore.open(space.at("cache"));
    const bundles = await Promise.all([one, other, one, other].map((store) => installed(PLUGIN, store)));
    expect(new Set(bundles.map(({ entryPath }) => entryPath)).size).toBe(1);
  });

  test("ensure() ends at once when it is not wanted any more, and leaves nothing half done", async () => {
    using space = new Workspace();
    await using store = await ArtifactStore.open(space.at("cache"));
    const asked = Promise.withResolvers<void>();
    const silent: ArtifactSource = {
      manifest: () => Promise.reject(new Error("not asked for")),
      read(_hash, _offset, _length, options) {
        asked.resolve();
        return new Promise((_, reject) =>
          options?.signal?.addEventListener("abort", () => reject(new Error("aborted"))),
        );
      },
    };
    const stop = new AbortController();
    const waiting = codeOf(store.ensure(manifestOf(PLUGIN), silent, { signal: stop.signal }));
    await asked.promise;
    const behind = new AbortController();
    const queued = codeOf(store.ensure(manifestOf(PLUGIN), silent, { signal: behind.signal }));
    behind.abort();
    expect(await queued).toBe("artifact.cancelled"); // though the one before it still waits
    stop.abort();
    expect(await waiting).toBe("artifact.cancelled");
    await installed(PLUGIN, store);
  });

  test("close() ends what is under way", async () => {
    using space = new Workspace();
    const store = await ArtifactStore.open(space.at("cache"));
    const asked = Promise.withResolvers<void>();
    const silent: ArtifactSource = {
      manifest: () => Promise.reject(new Error("not asked for")),
      read(_hash, _offset, _length, options) {
        asked.resolve();
        return new Promise((_, reject) =>
          options?.signal?.addEventListener("abort", () => reject(new Error("aborted"))),
        );
      },
    };
    const waiting = codeOf(store.ensure(manifestOf(PLUGIN), silent));
    await asked.promise;
    await store.close();
    expect(await waiting).toBe("artifact.cancelled");
    expect(await codeOf(store.ensure(manifestOf(PLUGIN), silent))).toBe("artifact.store");
    expect(readdirSync(space.at("cache", "tmp"))).toEqual([]);
  });
});

describe("ArtifactStore and sources that give something else", () => {
  const content = Buffer.alloc(CHUNK_BYTES_MAX + 100, "right");
  const right = new MemorySource({ "x.csv": content });
  const lies: Readonly<Record<string, (part: Uint8Array, offset: number) => unknown>> = {
    "a flipped bit": (part, offset) => (offset > 0 ? part.with(7, part[7]! ^ 1) : part),
    "a piece cut short": (part, offset) => (offset > 0 ? part.subarray(1) : part),
    "a piece too long": (part) => new Uint8Array([...part.subarray(0, 10), ...part]),
    nothing: () => new Uint8Array(0),
    "no bytes at all": () => "right",
    "pieces of another place": (part) => new Uint8Array(part.length),
  };
  for (const [what, lie] of Object.entries(lies)) {
    test(`ensure() refuses with artifact.corrupt when it gets ${what}, and takes the right thing after it`, async () => {
      using space = new Workspace();
      await using store = await ArtifactStore.open(space.at("cache"));
      const liar: ArtifactSource = {
        manifest: () => right.manifest(),
        read: async (hash, offset, length) => lie(await right.read(hash, offset, length), offset) as Uint8Array, // on purpose
      };
      const manifest = manifestOf({ "x.csv": content });
      const failure = await failureOf(store.ensure(manifest, liar));
      expect(failure).toMatchObject({ code: "artifact.corrupt", retryable: true });
      expect(failure?.message).toContain("x.csv");
      expect(readdirSync(space.at("cache", "tmp"))).toEqual([]);
      expect(readdirSync(space.at("cache", "blobs"))).toEqual([]);
      expect(readdirSync(space.at("cache", "bundles", manifest.id))).toEqual([]);
      await installed({ "x.csv": content }, store, right);
    });
  }

  test("ensureId() refuses the manifest of another bundle", async () => {
    using space = new Workspace();
    await using store = await ArtifactStore.open(space.at("cache"));
    expect(await codeOf(store.ensureId(sha256("asked for"), right))).toBe("artifact.corrupt");
    expect(await codeOf(store.ensureId("../../etc", right))).toBe("artifact.manifest");
    expect(readdirSync(space.at("cache", "bundles"))).toEqual([]);
  });
});

describe("ArtifactStore and a cache that somebody has been at", () => {
  const entry = (tree: string): string => join(tree, "a/index.ts");
  const damages: Readonly<Record<string, (tree: string, outside: string) => void>> = {
    "an edited file": (tree) => writeFileSync(entry(tree), "export default 1; // edited"),
    "another content of the same size and time": (tree, outside) => {
      execFileSync("cp", ["-p", entry(tree), join(outside, "before")]);
      writeFileSync(entry(tree), "export default 9;");
      execFileSync("touch", ["-r", join(outside, "before"), entry(tree)]); // to the nanosecond
    },
    "a file cut short": (tree) => truncateSync(entry(tree), 3),
    "a removed file": (tree) => rmSync(join(tree, "common/x.ts")),
    "a removed folder": (tree) => rmSync(join(tree, "common"), { recursive: true }),
    "a removed tree": (tree) => rmSync(tree, { recursive: true }),
    "a stray module": (tree) => writeFileSync(join(tree, "common/x.tsx"), "throw new Error('stray');"),
    "a stray folder": (tree) => {
      mkdirSync(join(tree, "node_modules/ajv"), { recursive: true });
      writeFileSync(join(tree, "node_modules/ajv/index.js"), "stray");
    },
    "a link in a file's place": (tree, outside) => {
      writeFileSync(join(outside, "same.ts"), "export default 1;");
      rmSync(entry(tree));
      symlinkSync(join(outside, "same.ts"), entry(tree));
    },
    "a link in a folder's place": (tree, outside) => {
      renameSync(join(tree, "common"), join(outside, "common"));
      symlinkSync(join(outside, "common"), join(tree, "common"));
    },
    "a link in the tree's place": (tree, outside) => {
      renameSync(tree, join(outside, "tree"));
      symlinkSync(join(outside, "tree"), tree);
    },
    "a file in a folder's place": (tree) => {
      rmSync(join(tree, "common"), { recursive: true });
      writeFileSync(join(tree, "common"), "file");
    },
    "a folder in a file's place": (tree) => {
      rmSync(entry(tree));
      mkdirSync(join(entry(tree), "deep"), { recursive: true });
    },
    "a file that others can read": (tree) => chmodSync(entry(tree), 0o644),
  };
  for (const [what, damage] of Object.entries(damages)) {
    test(`ensure() makes the bundle right again after ${what}, and touches nothing outside`, async () => {
      using space = new Workspace();
      mkdirSync(space.at("outside"));
      await using store = await ArtifactStore.open(space.at("cache"));
      const { entryPath } = await installed(PLUGIN, store);
      const tree = treeOf(entryPath);
      damage(tree, space.at("outside"));
      const outside = snapshot(space.at("outside"));
      const source = new MemorySource(PLUGIN);
      const again = await installed(PLUGIN, store, source);
      expect(again.entryPath).toBe(entryPath);
      expect(snapshot(tree)).toEqual(["a", "a/index.ts", "common", "common/empty.txt", "common/x.ts"]);
      expect(snapshot(space.at("outside"))).toEqual(outside);
      for (const path of [tree, join(tree, "common"), entryPath]) expect(lstatSync(path).isSymbolicLink()).toBe(false);
      expect(source.asked).toEqual([]); // the contents were there still
    });
  }

  test("ensure() fetches anew what was damaged in the tree and among the contents", async () => {
    using space = new Workspace();
    mkdirSync(space.at("outside"));
    await using store = await ArtifactStore.open(space.at("cache"));
    const { entryPath } = await installed(PLUGIN, store);
    const hash = sha256("export default 1;");
    const blob = space.at("cache", "blobs", hash.slice(0, 2), hash);
    for (const spoil of [
      () => writeFileSync(blob, "export default 7;"),
      () => rmSync(blob),
      () => {
        writeFileSync(space.at("outside", "blob"), "export default 1;");
        rmSync(blob);
        symlinkSync(space.at("outside", "blob"), blob);
      },
      () => {
        rmSync(space.at("cache", "blobs", hash.slice(0, 2)), { recursive: true });
        symlinkSync(space.at("outside"), space.at("cache", "blobs", hash.slice(0, 2)));
      },
      () => {
        rmSync(blob);
        mkdirSync(blob);
      },
    ]) {
      spoil();
      writeFileSync(entryPath, "export default 8;");
      const source = new MemorySource(PLUGIN);
      await installed(PLUGIN, store, source);
      expect(source.asked).toEqual([hash]);
      expect(readFileSync(blob, "utf8")).toBe("export default 1;");
      expect(existsSync(space.at("outside", hash))).toBe(false);
    }
  });

  test("open() refuses a link in the directory's place, and says that a broken index may be removed", async () => {
    using space = new Workspace();
    mkdirSync(space.at("elsewhere"));
    symlinkSync(space.at("elsewhere"), space.at("link"));
    expect(await codeOf(ArtifactStore.open(space.at("link")))).toBe("artifact.directory");
    space.write("broken/index.sqlite", "this is no database, whatever its name says".repeat(100));
    const failure = await failureOf(ArtifactStore.open(space.at("broken")));
    expect(failure).toMatchObject({ code: "artifact.store" });
    expect(failure?.message).toContain("is a cache and may be removed");
  });
});

describe("ArtifactStore and its limit", () => {
  const contents = (name: string): Contents => ({ [`${name}.csv`]: name.repeat(1000) }); // 1,000 bytes, twice on disk
  const isThere = (space: Workspace, name: string): boolean => {
    const { files, id } = manifestOf(contents(name));
    const [tree, blob] = [
      space.at("cache", "bundles", id),
      space.at("cache", "blobs", files[0]!.sha256.slice(0, 2), files[0]!.sha256),
    ];
    expect(existsSync(tree)).toBe(existsSync(blob));
    return existsSync(tree);
  };

  test("ensure() evicts what was not used for the longest time", async () => {
    using space = new Workspace();
    await using store = await ArtifactStore.open(space.at("cache"), { bytesMax: 6_000 });
    for (const name of ["a", "b", "c", "a", "d"]) (await installed(contents(name), store)).release();
    expect(["a", "b", "c", "d"].map((name) => isThere(space, name))).toEqual([true, false, true, true]);
  });

  test("ensure() counts a bundle as used until it was released", async () => {
    using space = new Workspace();
    await using store = await ArtifactStore.open(space.at("cache"), { bytesMax: 4_000 });
    const long = await installed(contents("a"), store);
    (await installed(contents("b"), store)).release();
    long.release();
    (await installed(contents("c"), store)).release();
    expect(["a", "b", "c"].map((name) => isThere(space, name))).toEqual([true, false, true]);
  });

  test("ensure() never evicts what is in use, here or in another store, and refuses when nothing else is left", async () => {
    using space = new Workspace();
    await using store = await ArtifactStore.open(space.at("cache"), { bytesMax: 4_000 });
    await using other = await ArtifactStore.open(space.at("cache"), { bytesMax: 4_000 });
    const [a, b] = [await installed(contents("a"), store), await installed(contents("b"), other)];
    expect(await failureOf(store.ensure(manifestOf(contents("c")), new MemorySource(contents("c"))))).toMatchObject({
      code: "artifact.no_room",
      retryable: true,
    });
    expect(["a", "b", "c"].map((name) => isThere(space, name))).toEqual([true, true, false]);
    b.release();
    b.release(); // says nothing twice
    const again = await store.ensure(manifestOf(contents("a")), new MemorySource(contents("a")));
    a.release();
    (await installed(contents("c"), store)).release();
    expect(["a", "b", "c"].map((name) => isThere(space, name))).toEqual([true, false, true]);
    (await installed(contents("d"), store)).release(); // a is older than c, but in use
    expect(["a", "c", "d"].map((name) => isThere(space, name))).toEqual([true, false, true]);
    again.release();
    await other.close();
    for (const name of ["e", "f"]) await installed(contents(name), store);
    expect(["a", "d", "e", "f"].map((name) => isThere(space, name))).toEqual([false, false, true, true]);
  });

  test("ensure() keeps a content that another bundle still has", async () => {
    using space = new Workspace();
    await using store = await ArtifactStore.open(space.at("cache"), { bytesMax: 5_000 });
    const [one, both] = [{ "s.csv": "s".repeat(1000) }, { "t.csv": "t".repeat(1000), "s.csv": "s".repeat(1000) }];
    (await installed(one, store)).release();
    const kept = await installed(both, store); // 1 and 2 as trees, 2 as contents
    (await installed({ "small.csv": "1" }, store)).release(); // only `one` can go, and its content stays
    writeFileSync(join(kept.entryPath, "../s.csv"), "spoilt");
    const source = new MemorySource(both);
    await installed(both, store, source);
    expect(source.asked).toEqual([]);
  });

  test("a bundle that failed to come is in nobody's use and can be evicted", async () => {
    using space = new Workspace();
    await using store = await ArtifactStore.open(space.at("cache"), { bytesMax: 2_000 });
    const broken: ArtifactSource = {
      manifest: () => Promise.reject(new Error()),
      read: () => Promise.reject(new Error("gone")),
    };
    expect(await codeOf(store.ensure(manifestOf(contents("a")), broken))).toBe("artifact.store");
    await installed(contents("b"), store);
    expect(isThere(space, "a")).toBe(false);
  });
});

/** Paths below a folder; links are not entered. */
function snapshot(folder: string): string[] {
  return readdirSync(folder, { recursive: true }).map(String).sort();
}
