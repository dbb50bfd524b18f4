/** Plugins of a run on their way to workers: looked at once, with the files that their parameters name. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { ShippedPlugins } from "../../../../../src/app/master/tasks/shipped-plugins.ts";
import { Failure } from "../../../../../src/base/errors.ts";
import { type ParamSchema, param } from "../../../../../src/sdk/index.ts";
import { ArtifactShelf } from "../../../../../src/work/artifact/index.ts";
import { pathResolver } from "../../../../../src/work/pipeline/file/index.ts";
import type { JsonObject } from "../../../../../src/work/task/types.ts";
import { Workspace } from "../../../../support/workspace.ts";

const SCHEMA: ParamSchema = {
  rules: param.path("rules to go by"),
  more: param.paths("more of them"),
  level: param.integer("level"),
};

let space: Workspace;
let shelf: ArtifactShelf;
let looks: string[];
let wrong: Failure | undefined;
let plugins: ShippedPlugins;

beforeEach(async () => {
  space = new Workspace();
  shelf = await ArtifactShelf.open(space.at("shelves"));
  looks = [];
  wrong = undefined;
  for (const name of ["double.ts", "graphs/rules.json", "graphs/a.txt", "graphs/b.txt"]) space.write(name, name);
  plugins = new ShippedPlugins({
    shelf,
    resolvePath: pathResolver(space.at("graphs/graph.json"), space.path),
    async schemaOf(library) {
      looks.push(library);
      if (wrong) throw wrong;
      return SCHEMA;
    },
  });
});

afterEach(async () => {
  await plugins.close();
  await shelf[Symbol.asyncDispose]();
  space[Symbol.dispose]();
});

function pack(params: JsonObject) {
  return plugins.pack({ type: "plugin", library: space.at("double.ts"), params, records: [] });
}

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "nothing failed",
    (thrown: unknown) => [(thrown as Failure).code, (thrown as Failure).retryable],
  );

describe("pack()", () => {
  test("looks at each plugin once, and ships it", async () => {
    const packed = await Promise.all([pack({ level: 1 }), pack({ level: 2 })]);
    expect(looks).toEqual([space.at("double.ts")]);
    expect(packed.map(({ files }) => files.map(({ place }) => place))).toEqual([[["library"]], [["library"]]]);
    expect(packed.map(({ work }) => work.type === "plugin" && work.params)).toEqual([{ level: 1 }, { level: 2 }]);
  });

  test("finds the files that parameters name beside the graph, and ships them", async () => {
    const { files, work } = await pack({ rules: "rules.json", more: "a.txt;b.txt" });
    expect(files.map(({ place }) => place)).toEqual([
      ["library"],
      ["params", "rules"],
      ["params", "more", 0],
      ["params", "more", 1],
    ]);
    expect(work).toMatchObject({
      params: { rules: space.at("graphs/rules.json"), more: [space.at("graphs/a.txt"), space.at("graphs/b.txt")] },
    });
    const other = await pack({ rules: "a.txt" });
    expect(other.files[1]!.id).not.toBe(files[1]!.id);
  });

  test("leaves a file that is not there for the worker's check to name", async () => {
    const { files, work } = await pack({ rules: "none.json" });
    expect(files).toHaveLength(1);
    expect(work).toMatchObject({ params: { rules: "none.json" } });
  });

  test("ships nothing of a request", async () => {
    const work = { type: "http", method: "GET", url: "", headers: {}, expect: [], responseBytesMax: 1 } as const;
    expect(await plugins.pack(work)).toEqual({ work, files: [] });
  });

  test("says whether a plugin that does not load may do so later, and looks again then", async () => {
    wrong = new Failure("plugin.load", "a syntax error", { retryable: true });
    expect(await codeOf(pack({}))).toEqual(["plugin.load", false]);
    wrong = new Failure("plugin.load_timeout", "slow");
    expect(await codeOf(pack({}))).toEqual(["plugin.load_timeout", true]);
    wrong = undefined;
    expect((await pack({})).files).toHaveLength(1);
    expect(looks).toHaveLength(3);
  });
});
