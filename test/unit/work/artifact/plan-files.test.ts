/** Plans that travel: which of their files are shipped, and what stands in their places at the other end. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { param } from "../../../../src/sdk/index.ts";
import {
  ArtifactShelf,
  ArtifactStore,
  bundleRefs,
  type FilePlace,
  relocate,
  settlePlan,
  shelvePlan,
} from "../../../../src/work/artifact/index.ts";
import { Workspace } from "../../../support/workspace.ts";
import { codeOf } from "./support.ts";

const schema = {
  schema: param.path("read"),
  keys: param.paths("read", { default: [] }),
  output: param.file("written"),
  word: param.string("no file"),
};

const plan = {
  name: "stage",
  library: "/m/plug.ts",
  params: { schema: "/m/s.json", keys: ["/m/k1", "/m/k2"], output: "/m/out.log", word: "/m/word" },
  fallback: { library: "/m/other.ts", params: { schema: "/m/s.json" } },
};

describe("bundleRefs()", () => {
  test("bundleRefs() names the plugins and the files to read, with their places", () => {
    expect(bundleRefs(plan, { params: schema, fallback: schema })).toEqual([
      { place: ["library"], kind: "plugin", path: "/m/plug.ts" },
      { place: ["params", "schema"], kind: "file", path: "/m/s.json" },
      { place: ["params", "keys", 0], kind: "file", path: "/m/k1" },
      { place: ["params", "keys", 1], kind: "file", path: "/m/k2" },
      { place: ["fallback", "library"], kind: "plugin", path: "/m/other.ts" },
      { place: ["fallback", "params", "schema"], kind: "file", path: "/m/s.json" },
    ]);
  });

  test("bundleRefs() passes over what is in the program, what was not given, and defaults that nobody has looked for", () => {
    expect(bundleRefs({ library: "builtin:identity", params: {} }, { params: {} })).toEqual([]);
    const bare = { library: "/p.ts", params: { schema: "schema.json", keys: undefined } };
    expect(bundleRefs(bare, { params: schema }).map(({ path }) => path)).toEqual(["/p.ts"]);
  });
});

describe("relocate()", () => {
  test("relocate() changes those places and nothing else, and leaves the plan as it was", () => {
    const before = structuredClone(plan);
    const refs = bundleRefs(plan, { params: schema, fallback: schema });
    const moved = relocate(
      plan,
      refs.map(({ path, place }) => ({ place, path: `/w${path}` })),
    );
    expect(moved).toEqual({
      name: "stage",
      library: "/w/m/plug.ts",
      params: { schema: "/w/m/s.json", keys: ["/w/m/k1", "/w/m/k2"], output: "/m/out.log", word: "/m/word" },
      fallback: { library: "/w/m/other.ts", params: { schema: "/w/m/s.json" } },
    });
    expect(plan).toEqual(before);
    expect(relocate(plan, refs)).toEqual(plan);
  });

  const nowhere: readonly FilePlace[] = [
    [],
    ["name"],
    ["library", 0],
    ["params"],
    ["params", "gone"],
    ["params", "__proto__"],
    ["params", "schema", 0],
    ["params", "keys"],
    ["params", "keys", 2],
    ["params", "keys", -1],
    ["params", "keys", 0, 0],
    ["params", "keys", "length"],
    ["fallback"],
    ["fallback", "fallback", "library"],
    ["__proto__", "library"],
  ];
  for (const place of nowhere) {
    test(`relocate() refuses the place ${JSON.stringify(place)}`, async () => {
      expect(await codeOf((async () => relocate(plan, [{ place, path: "/x" }]))())).toBe("artifact.place");
    });
  }

  test("relocate() refuses a fallback's place when there is no fallback", async () => {
    const { fallback: _, ...without } = plan;
    const moves = [{ place: ["fallback", "library"], path: "/x" }];
    expect(await codeOf((async () => relocate(without, moves))())).toBe("artifact.place");
  });
});

describe("shelvePlan() and settlePlan()", () => {
  test("a plan that was shelved is settled elsewhere with all its files", async () => {
    using space = new Workspace();
    await using shelf = await ArtifactShelf.open(space.at("shelf"));
    await using store = await ArtifactStore.open(space.at("cache"));
    const local = {
      library: space.write("p/plug.ts", 'import "./x.ts";'),
      params: { schema: space.write("s.json", "{}"), keys: [space.write("k1", "one"), space.write("k2", "two")] },
    };
    space.write("p/x.ts", "1;");
    const shelved = await shelvePlan(local, { params: schema }, shelf);
    const files = JSON.parse(JSON.stringify(shelved.files));
    const settled = await settlePlan(local, files, store, shelf);
    expect(settled.plan.library).toStartWith(space.at("cache"));
    expect(readFileSync(settled.plan.params.schema, "utf8")).toBe("{}");
    expect(settled.plan.params.schema).toEndWith("/s.json");
    expect(settled.plan.params.keys.map((path) => readFileSync(path, "utf8"))).toEqual(["one", "two"]);
    await shelved.withdraw();
    expect(await codeOf(shelf.manifest(shelved.files[0]!.id))).toBe("artifact.unknown");
    settled.release();
    const again = await settlePlan(local, files, store, shelf); // nobody is asked
    expect(again.plan).toEqual(settled.plan);
  });

  test("shelvePlan() withdraws what it has registered when a file cannot be shipped", async () => {
    using space = new Workspace();
    await using shelf = await ArtifactShelf.open(space.at("shelf"), { bytesMax: 20 });
    const library = space.write("plug.ts", "export default 1;");
    const bad = { library, params: { schema: space.at("gone.json") } };
    expect(await codeOf(shelvePlan(bad, { params: schema }, shelf))).toBe("artifact.not_found");
    const other = space.write("other.ts", "export default 2;");
    await shelvePlan({ library: other, params: {} }, { params: schema }, shelf); // there is room for one only
  });
});
