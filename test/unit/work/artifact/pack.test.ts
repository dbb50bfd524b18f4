/** Packing: which files a plugin needs, found without running it, and what cannot be shipped. */
import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { packFile, packPlugin } from "../../../../src/work/artifact/index.ts";
import { resolveImport } from "../../../../src/work/artifact/resolve.ts";
import { Workspace } from "../../../support/workspace.ts";
import { type Contents, codeOf, failureOf, manifestOf, sha256 } from "./support.ts";

const ROOT = join(import.meta.dir, "../../../..");

function written(space: Workspace, contents: Contents): string {
  for (const [path, content] of Object.entries(contents)) space.write(path, content);
  return space.at(Object.keys(contents)[0]!);
}

async function pathsOf(space: Workspace, contents: Contents): Promise<string[]> {
  const { manifest } = await packPlugin(written(space, contents));
  return manifest.files.map(({ path }) => path);
}

describe("packPlugin()", () => {
  test("packPlugin() follows every kind of import, and each file once", async () => {
    using space = new Workspace();
    const contents = {
      "plug/index.ts": `import { definePlugin } from "distributed-system";
        import "./side.ts"; import a, { type T } from "./a.ts"; export { b } from "./b"; export * from "../common/c.ts";
        import data from "./data.json"; import text from "./words.txt" with { type: "text" };
        const d = await import("./d.js"); const e = require("./e.cjs"); require.resolve("./f.wasm");
        import fs from "node:fs"; import { Database } from "bun:sqlite"; import path from "path";
        console.log(definePlugin, a, data, text, d, e, fs, Database, path);`,
      "plug/side.ts": 'import "./a.ts"; import "./index.ts";',
      "plug/a.ts": "export default 1; export type T = 1;",
      "plug/b.tsx": 'export { c as b } from "../common/c.ts";',
      "plug/d.ts": 'import "./folder"; import "./folder/"; import "./a.ts?again";',
      "plug/e.cjs": "module.exports = 1;",
      "plug/f.wasm": "wasm",
      "plug/data.json": "{}",
      "plug/words.txt": "import './nothing.ts';",
      "plug/folder/index.js": "",
      "common/c.ts": "export const c = 1;",
    };
    const { manifest, sources } = await packPlugin(written(space, contents));
    expect(manifest).toEqual(manifestOf(contents));
    expect(sources.get(sha256("wasm"))).toBe(space.at("plug/f.wasm"));
  });

  test("packPlugin() does without what the plugin does without here, and only then", async () => {
    using space = new Workspace();
    const index = `try { require("not-installed"); require("./gone.js"); } catch {}
      await import("./gone-too.ts").catch(() => {}); void (() => require("./here.cjs"));`;
    expect(await pathsOf(space, { "index.ts": index, "here.cjs": "" })).toEqual(["here.cjs", "index.ts"]);
    space.write("node_modules/installed/index.js", "");
    space.write("index.ts", 'try { require("installed"); } catch {}');
    expect(await codeOf(packPlugin(space.at("index.ts")))).toBe("artifact.import");
  });

  test("packPlugin() leaves out what leaves nothing behind when it is loaded", async () => {
    using space = new Workspace();
    const index = `import type { A } from "./a.ts"; import { type B } from "./b"; export type { C } from "./c.ts";
      import { D } from "./d"; import { E } from "some-package"; import type { F } from "another-package";
      const value: D | E = 1; // import "./comment.ts"
      export default "import './text.ts'";`;
    expect(await pathsOf(space, { "index.ts": index, "a.ts": "" })).toEqual(["index.ts"]);
  });

  test("packPlugin() gives the same bundle wherever the files lie, and another when one of them changes", async () => {
    using one = new Workspace();
    using other = new Workspace();
    const contents = { "p/index.ts": 'import "../q/x.ts";', "q/x.ts": "1" };
    const [first, second] = [await packPlugin(written(one, contents)), await packPlugin(written(other, contents))];
    expect(second.manifest).toEqual(first.manifest);
    other.write("q/x.ts", "2");
    expect((await packPlugin(other.at("p/index.ts"))).manifest.id).not.toBe(first.manifest.id);
  });

  test("packPlugin() goes through links: a linked entry is seen where it lies, a linked folder where it is named", async () => {
    using space = new Workspace();
    written(space, {
      "real/v2/index.ts": 'import "./x.ts"; import "../shared/y.ts";',
      "real/v2/x.ts": "",
      "else/y.ts": "",
    });
    symlinkSync(space.at("else"), space.at("real/shared"));
    symlinkSync(space.at("real/v2/index.ts"), space.at("current.ts"));
    const { manifest } = await packPlugin(space.at("current.ts"));
    expect(manifest.entry).toBe("v2/index.ts");
    expect(manifest.files.map(({ path }) => path)).toEqual(["shared/y.ts", "v2/index.ts", "v2/x.ts"]);
  });

  const refused: readonly (readonly [string, Contents, string, string])[] = [
    ["a package", { "index.ts": 'import ajv from "ajv"; ajv();' }, "artifact.import", 'imports "ajv"; only'],
    [
      "a package, later on",
      { "index.ts": 'await import("own")', "node_modules/own/index.js": "" },
      "artifact.import",
      "build_plugins.sh",
    ],
    [
      "a package further inside",
      { "index.js": 'import "./x.js"', "x.js": 'import "left-pad"' },
      "artifact.import",
      "x.js",
    ],
    ["a short name of package.json", { "index.ts": 'import "#inside"' }, "artifact.import", '"#inside"'],
    ["an absolute path", { "index.ts": 'import "/opt/x.ts"' }, "artifact.import", '"/opt/x.ts"'],
    ["a file by URL", { "index.ts": 'import "file:///opt/x.ts"' }, "artifact.import", '"file:///opt/x.ts"'],
    [
      "a file that is not there",
      { "index.ts": 'import "./gone.ts"' },
      "artifact.import",
      '"./gone.ts", and there is no such',
    ],
    ["a module that cannot be parsed", { "index.ts": "export default {{{" }, "artifact.import", "cannot be read"],
    [
      "two files whose names differ in case",
      { "index.ts": 'import "./A.ts"; import "./a.ts"', "A.ts": "", "a.ts": "" },
      "artifact.manifest",
      "one path on some",
    ],
  ];
  for (const [what, contents, code, says] of refused) {
    test(`packPlugin() refuses with ${code} when it meets ${what}`, async () => {
      using space = new Workspace();
      const failure = await failureOf(packPlugin(written(space, contents)));
      expect(failure).toMatchObject({ code });
      expect(failure?.message).toContain(says);
    });
  }

  test("packPlugin() runs nothing of the plugin, not even its macros", async () => {
    using space = new Workspace();
    const entry = written(space, {
      "index.ts": `import { mark } from ${JSON.stringify(space.at("macro.ts"))} with { type: "macro" }; export default mark();`,
      "macro.ts": `import { writeFileSync } from "node:fs"; writeFileSync(${JSON.stringify(space.at("ran"))}, "");
        export function mark() { return 1; }`,
    });
    const failure = await failureOf(packPlugin(entry));
    expect(failure).toMatchObject({ code: "artifact.import" });
    expect(failure?.message).toMatch(/[Mm]acro.*build_plugins\.sh/);
    expect(existsSync(space.at("ran"))).toBe(false);
  });

  test("packPlugin() stops at what is too much", async () => {
    using space = new Workspace();
    const crowd = Object.fromEntries(
      Array.from({ length: 1001 }, (_, at) => [`m${at}.ts`, `import "./m${at + 1}.ts";`]),
    );
    expect(await codeOf(packPlugin(written(space, crowd)))).toBe("artifact.too_large");
    const large = space.write("large.ts", Buffer.alloc(17 * 2 ** 20, " "));
    expect(await codeOf(packPlugin(large))).toBe("artifact.too_large");
    const deep = space.write("deep.ts", "[".repeat(2_000_000));
    expect(await codeOf(packPlugin(deep))).toBe("artifact.import");
  });

  for (const [name, files] of [
    ["aggregation/index.ts", ["aggregation/aggregates.ts", "aggregation/index.ts", "common/time.ts"]],
    ["enrichment/index.ts", ["enrichment/expression.ts", "common/json.ts"]],
    ["audit/index.ts", ["audit/lock.ts", "common/faults.ts"]],
    ["encryption/index.ts", ["encryption/cipher.ts", "common/files.ts"]],
    ["libvalidation.js", ["libvalidation.js"]],
    ["libenrichment.js", ["libenrichment.js"]],
  ] as const) {
    test(`packPlugin() packs plugins/${name}`, async () => {
      const { manifest } = await packPlugin(join(ROOT, "plugins", name));
      const paths = manifest.files.map(({ path }) => path);
      for (const file of files) expect(paths).toContain(file);
      expect(manifest.entry).toBe(name);
      expect(paths.filter((path) => path.includes("/") && !path.startsWith("common/"))).toEqual(
        paths.filter((path) => path.startsWith(`${name.split("/")[0]}/`)), // nothing of other plugins
      );
    });
  }
});

describe("packFile()", () => {
  test("packFile() makes a bundle of the one file, under its own name", async () => {
    using space = new Workspace();
    const { manifest } = await packFile(space.write("tables/rates é.csv", "a,b\n"));
    expect(manifest).toEqual(manifestOf({ "rates é.csv": "a,b\n" }));
    const code = await packFile(space.write("schema.ts", 'import "ajv"')); // data here, whatever its ending
    expect(code.manifest.files).toHaveLength(1);
    symlinkSync(space.at("tables/rates é.csv"), space.at("link.csv"));
    expect((await packFile(space.at("link.csv"))).manifest).toEqual(manifestOf({ "link.csv": "a,b\n" }));
  });

  test("packFile() refuses what is no file", async () => {
    using space = new Workspace();
    mkdirSync(space.at("folder"));
    execFileSync("mkfifo", [space.at("pipe")]);
    symlinkSync("circle", space.at("circle"));
    for (const name of ["folder", "pipe", "gone", "circle", "gone/deep"])
      expect(await codeOf(packFile(space.at(name)))).toBe("artifact.not_found");
    space.write("n\n.csv", "");
    expect(await codeOf(packFile(space.at("n\n.csv")))).toBe("artifact.manifest");
  });

  test("packFile() refuses a file that is too large before it reads it", async () => {
    using space = new Workspace();
    const path = space.write("large.csv", "");
    execFileSync("truncate", ["-s", "600M", path]);
    expect(await codeOf(packFile(path))).toBe("artifact.too_large");
    appendFileSync(path, "x");
  });
});

describe("resolveImport()", () => {
  const endings = [".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".json", ".txt", ".d.ts", ""];
  const places = ["x", "x/index"]
    .flatMap((stem) => endings.map((ending) => stem + ending))
    .filter((name) => name !== "x/index");
  const specifiers = [
    "./x",
    "./x/",
    "./x/.",
    ".",
    "..",
    "./x/..",
    "./x.js",
    "./x.ts",
    "./x.mjs",
    "./x.cjs",
    "./x.jsx",
    "./x.json",
    "./x/index",
    "./x/index.js",
    "../up/x",
  ];

  test("resolveImport() finds the file that the runtime finds", () => {
    using space = new Workspace();
    let count = 0;
    const isClash = (names: readonly string[]): boolean =>
      names.includes("x") && names.some((name) => name.startsWith("x/"));
    const some = fc
      .uniqueArray(fc.constantFrom(...places), { minLength: 1, maxLength: 6 })
      .filter((names) => !isClash(names));
    fc.assert(
      fc.property(some, fc.constantFrom(...specifiers), (names, specifier) => {
        count += 1;
        const folder = space.at(String(count), "up"); // a new one each time: the runtime remembers directories
        mkdirSync(folder, { recursive: true });
        for (const name of names) space.write(`${count}/up/${name}`, "");
        let expected: string | undefined;
        try {
          expected = Bun.resolveSync(specifier, folder);
        } catch {
          expected = undefined; // nothing is there under that name
        }
        expect(resolveImport(join(folder, "index.ts"), { specifier, isRequire: false })).toBe(expected);
        rmSync(space.at(String(count)), { recursive: true });
      }),
      { numRuns: 400 },
    );
  });

  test("resolveImport() finds for require what the runtime finds for it", () => {
    using space = new Workspace();
    for (let left = endings.slice(0, 9), turn = 0; left.length > 0; turn++) {
      const folder = space.at(`r${turn}`);
      for (const ending of left)
        space.write(`r${turn}/x${ending}`, ending === ".json" ? `"${ending}"` : `module.exports = "${ending}";`);
      const main = space.write(`r${turn}/main.cjs`, 'console.log(require("./x"));');
      const found = Bun.spawnSync([process.execPath, main]).stdout.toString().trim();
      expect(resolveImport(join(folder, "main.cjs"), { specifier: "./x", isRequire: true })).toBe(
        join(folder, `x${found}`),
      );
      left = left.filter((ending) => ending !== found);
    }
  });
});
