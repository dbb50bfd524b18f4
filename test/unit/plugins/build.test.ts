import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { buildPlugins, builtFile, listPlugins, verifyPlugin } from "../../../scripts/build/plugins.ts";
import { batchOf, recordsOf, start, tempDir } from "./support.ts";

const NAMES = ["aggregation", "audit", "encryption", "enrichment", "validation"];

test("listPlugins() names every folder with a plugin, and no other", () => {
  expect(listPlugins()).toEqual(NAMES);
});

describe("buildPlugins", () => {
  test.each(NAMES)(
    "buildPlugins() makes one file of %s that imports nothing but the SDK and Bun's own",
    async (name) => {
      await buildPlugins([name]);
      const imports = new Bun.Transpiler({ loader: "js" })
        .scanImports(readFileSync(builtFile(name), "utf8"))
        .map(({ path }) => path);
      expect(imports).toContain("distributed-system");
      expect(imports.filter((path) => path !== "distributed-system" && !isBuiltin(path))).toEqual([]);
    },
  );

  test("buildPlugins() refuses an unknown name and lists the known ones", async () => {
    await expect(buildPlugins(["nope"])).rejects.toThrow(`no plugin is named "nope"; there are ${NAMES.join(", ")}`);
  });

  test("buildPlugins() gives a plugin that works without the repository around it", async () => {
    await buildPlugins(["validation"]);
    using dir = tempDir();
    const file = dir.file("libvalidation.js", readFileSync(builtFile("validation")));
    expect(await verifyPlugin(file)).toStartWith("validation 1.0.0: ");
    const { default: plugin } = await import(file);
    const schema = dir.file("s.json", '{"required":["a"],"properties":{"t":{"format":"date-time"}}}');
    await using running = await start(plugin, { schema });
    expect(recordsOf(await running.process(batchOf([{ a: 1 }, { t: "x" }]))).map((each) => "_invalid" in each)).toEqual(
      [false, true],
    );
  });
});

describe("verifyPlugin", () => {
  test.each([
    ["export default 1;", "no plugin; a default export made by definePlugin is required"],
    ["export default { info: {}, api: 99 };", "made for contract version 99; 1 is required"],
    ["export default { info: {}, api: 1, init() {} };", "lacks processBatch, cleanup"],
  ])("verifyPlugin() refuses %s", async (text, message) => {
    using dir = tempDir();
    await expect(verifyPlugin(dir.file("bad.js", text))).rejects.toThrow(message);
  });
});

describe("build_plugins.sh", () => {
  const run = (...args: string[]): { code: number; out: string } => {
    const { exitCode, stdout, stderr } = Bun.spawnSync([
      `${import.meta.dir}/../../../scripts/build/build_plugins.sh`,
      ...args,
    ]);
    return { code: exitCode, out: stdout.toString() + stderr.toString() };
  };

  test("build_plugins.sh lists names, explains itself, and fails on a wrong word or file", () => {
    expect(run("list")).toEqual({ code: 0, out: `${NAMES.join("\n")}\n` });
    expect(run("--help").code).toBe(0);
    expect(run().code).toBe(64);
    expect(run("verify").code).toBe(64);
    expect(run("verify", "/nowhere.js")).toEqual({ code: 66, out: "build_plugins.sh: no file /nowhere.js\n" });
    expect(run("nope").code).toBe(1);
  });

  test("build_plugins.sh NAME builds the plugin", () => {
    expect(run("audit")).toEqual({ code: 0, out: "" });
    expect(readFileSync(builtFile("audit"), "utf8")).toContain("distributed-system");
  });
});
