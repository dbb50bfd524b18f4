/** What was submitted is what runs: here or elsewhere, edited or gone. */
import { describe, expect, test } from "bun:test";
import { readFileSync, rmSync } from "node:fs";
import { KEPT_FILE_BYTES_MAX, SubmittedFiles } from "../../../../../src/app/master/submitted/submitted-files.ts";
import { DEPOSED } from "../../../../../src/base/kept-state.ts";
import { MemoryKept } from "../../../../support/kept-state.ts";
import { perRecord } from "../../../../support/plugins.ts";
import { Workspace } from "../../../../support/workspace.ts";

class Rig implements AsyncDisposable {
  readonly space = new Workspace();
  readonly kept = new MemoryKept();
  readonly told: string[] = [];
  readonly #open: SubmittedFiles[] = [];

  /** With a stage that imports, and one whose parameter is a file. */
  pipeline(table = "1"): string {
    this.space.write("in.ndjson", "{}\n");
    this.space.write("plugins/word.ts", "export const word = 'first';");
    const reads = perRecord("row.word = word;", { top: 'import { word } from "./word.ts";' });
    this.space.write("plugins/stage.ts", reads);
    this.space.write("table.csv", table);
    this.space.write("lookup.ts", perRecord("", { params: '{ table: param.path({ describe: "a table" }) }' }));
    const ends = ["in|source:ndjson|path=in.ndjson", "out|sink:ndjson|path=out.ndjson"];
    const stages = ["one|plugins/stage.ts", "two|lookup.ts|table=table.csv"];
    return this.space.write("p.txt", [ends[0], ...stages, ends[1], ""].join("\n"));
  }

  /** Of a master on another machine, so to speak. */
  async master(name: string): Promise<SubmittedFiles> {
    const files = await SubmittedFiles.open(this.kept, this.space.at(name), (text) => this.told.push(text));
    this.#open.push(files);
    return files;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const files of this.#open) await files.close();
    this.space[Symbol.dispose]();
  }
}

describe("prepare()", () => {
  test("uses what is at its path while it is as it was", async () => {
    await using rig = new Rig();
    const path = rig.pipeline();
    const master = await rig.master("m1");
    const { stages } = await master.prepare({ path, files: await master.keep(path) });
    expect(stages.map(({ library }) => library)).toEqual([rig.space.at("plugins/stage.ts"), rig.space.at("lookup.ts")]);
    expect(stages[1]!.params).toEqual({ table: rig.space.at("table.csv") });
  });

  test("gives another master what was submitted when nothing is at its path there", async () => {
    await using rig = new Rig();
    const path = rig.pipeline("the table");
    const files = await (await rig.master("m1")).keep(path);
    for (const name of ["p.txt", "plugins", "lookup.ts", "table.csv"]) rmSync(rig.space.at(name), { recursive: true });
    const prepared = await (await rig.master("m2")).prepare({ path, files });
    const [one, two] = prepared.stages;
    expect(one!.library).toStartWith(rig.space.at("m2"));
    expect(readFileSync(one!.library.replace("stage.ts", "word.ts"), "utf8")).toContain("first");
    expect(readFileSync(String(two!.params.table), "utf8")).toBe("the table");
  });

  test("goes on with what was submitted though it is edited, until it is submitted again", async () => {
    await using rig = new Rig();
    const path = rig.pipeline();
    const master = await rig.master("m1");
    const files = await master.keep(path);
    rig.space.write("plugins/word.ts", "export const word = 'second';");
    rig.space.write("p.txt", rig.space.text("p.txt").replace("two|", "deux|"));
    const { stages } = await master.prepare({ path, files });
    expect(stages.map(({ name }) => name)).toEqual(["one", "two"]);
    expect(readFileSync(stages[0]!.library.replace("stage.ts", "word.ts"), "utf8")).toContain("first");
    const again = await master.prepare({ path, files: await master.keep(path) });
    expect(again.stages.map(({ name }) => name)).toEqual(["one", "deux"]);
    expect(again.stages[0]!.library).toBe(rig.space.at("plugins/stage.ts"));
  });

  test("needs what is too large to be kept at its path, and says so before", async () => {
    await using rig = new Rig();
    const path = rig.pipeline("x".repeat(KEPT_FILE_BYTES_MAX + 1));
    const master = await rig.master("m1");
    const files = await master.keep(path);
    expect(rig.told).toEqual([expect.stringContaining("table.csv is too large to be kept")]);
    rig.space.write("table.csv", "another one");
    expect((await master.prepare({ path, files })).stages[1]!.params.table).toBe(rig.space.at("table.csv"));
  });
});

describe("keep()", () => {
  test("fails with the file's faults, and keeps nothing then", async () => {
    await using rig = new Rig();
    const path = rig.pipeline();
    rig.space.write("p.txt", "nonsense\n");
    const master = await rig.master("m1");
    await expect(master.keep(path)).rejects.toMatchObject({ code: "pipeline.config.faults" });
    expect(rig.kept.values.size).toBe(0);
  });

  test("keeps equal contents once, and fails so that it may pass when there is no room", async () => {
    await using rig = new Rig();
    const path = rig.pipeline();
    const master = await rig.master("m1");
    const files = await master.keep(path);
    const { length: writes } = rig.kept.writes;
    expect(await master.keep(path)).toBe(files);
    expect(rig.kept.writes.length).toBe(writes);
    rig.space.write("table.csv", "another one");
    rig.kept.fill();
    await expect(master.keep(path)).rejects.toMatchObject({ code: "master.store", retryable: true });
    rig.kept.refuse(undefined);
    rig.kept.depose();
    await expect(master.keep(path)).rejects.toMatchObject({ code: DEPOSED });
  });
});

test("retain() lets go what no submission needs, and nothing else", async () => {
  await using rig = new Rig();
  const path = rig.pipeline();
  const master = await rig.master("m1");
  const first = await master.keep(path);
  rig.space.write("table.csv", "another one");
  const second = await master.keep(path);
  const { size: both } = rig.kept.values;
  await master.retain([second]); // the first one was kept just now, and nobody has seen it in use
  expect(rig.kept.values.size).toBe(both);
  await master.retain([first, second]);
  await master.retain([second]);
  expect(both - rig.kept.values.size).toBe(2); // the first record, and the table as it was
  await expect(master.prepare({ path, files: first })).rejects.toMatchObject({ code: "kept.damaged" });
  for (const name of ["plugins", "lookup.ts", "table.csv"]) rmSync(rig.space.at(name), { recursive: true });
  expect((await master.prepare({ path, files: second })).stages).toHaveLength(2);
  await master.retain([]);
  expect(rig.kept.values.size).toBe(0);
});

test("keepGraph() gives another master the plugins and the pipelines of a graph when nothing is at their paths there", async () => {
  await using rig = new Rig();
  const pipeline = rig.pipeline();
  const plugin = rig.space.at("lookup.ts");
  const graph = { plugins: [plugin, rig.space.at("no such.ts")], pipelines: [pipeline] };
  const name = await (await rig.master("m1")).keepGraph(rig.space.at("g.json"), graph);
  for (const each of ["p.txt", "plugins", "lookup.ts"]) rmSync(rig.space.at(each), { recursive: true });
  const other = await rig.master("m2");
  await other.retain([name]);
  const { pipelines, places } = await other.graph(name);
  expect(readFileSync(places.get(plugin)!, "utf8")).toContain("a table");
  const { stages } = await other.prepare({ path: pipeline, files: pipelines.get(pipeline)! });
  expect(stages.map(({ name: each }) => each)).toEqual(["one", "two"]);
});
