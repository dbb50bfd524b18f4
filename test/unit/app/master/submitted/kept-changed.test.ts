/** A submission with another plugin for one stage: kept like any other, and nothing else of it changes. */
import { expect, test } from "bun:test";
import { readFileSync, rmSync } from "node:fs";
import { withLibrary } from "../../../../../src/app/change-run.ts";
import { type FileChange, SubmittedFiles } from "../../../../../src/app/master/submitted/submitted-files.ts";
import { MemoryKept } from "../../../../support/kept-state.ts";
import { perRecord } from "../../../../support/plugins.ts";
import { Workspace } from "../../../../support/workspace.ts";

const PIPELINE = `# two stages
set|batch_rows=7
in|source:ndjson|path=in.ndjson
one|one.ts
two|two.ts|table=table.csv,note=a\\,b,lanes=2|true|RETRY_WITH_BACKOFF|4|3000
out|sink:ndjson|path=out.ndjson
`;
const WITH_TABLE = {
  params: '{ table: param.path({ describe: "a table" }), note: param.string({ describe: "a note" }) }',
};

class Rig implements AsyncDisposable {
  readonly space = new Workspace();
  readonly kept = new MemoryKept();
  readonly path: string;
  readonly #open: SubmittedFiles[] = [];

  constructor() {
    this.space.write("in.ndjson", "{}\n");
    this.space.write("table.csv", "1");
    this.space.write("one.ts", perRecord("row.one = 1;"));
    this.space.write("two.ts", perRecord("row.two = 1;", WITH_TABLE));
    this.space.write("other.ts", perRecord("row.other = 1;", WITH_TABLE));
    this.path = this.space.write("p.txt", PIPELINE);
  }

  /** Of a master on another machine, so to speak. */
  async master(name: string): Promise<SubmittedFiles> {
    const files = await SubmittedFiles.open(this.kept, this.space.at(name), () => {});
    this.#open.push(files);
    return files;
  }

  change(stage: string, library: string, params: Readonly<Record<string, string>> = {}): FileChange {
    const plugin = this.space.at(library);
    return { plugin, apply: (file) => withLibrary(file, stage, plugin, params) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const files of this.#open) await files.close();
    this.space[Symbol.dispose]();
  }
}

test("keepChanged() gives every master the new plugin, and the rest as it was submitted", async () => {
  await using rig = new Rig();
  const { path } = rig;
  const master = await rig.master("m1");
  const submitted = await master.keep(path);
  rig.space.write("one.ts", perRecord("row.edited = 1;"));
  rig.space.write("p.txt", PIPELINE.replace("two|", "deux|"));
  const files = await master.keepChanged({ files: submitted, path }, rig.change("two", "other.ts", { note: "c|d" }));
  for (const name of ["p.txt", "one.ts", "two.ts", "other.ts", "table.csv"]) rmSync(rig.space.at(name));
  const { file, stages } = await (await rig.master("m2")).prepare({ path, files });
  const [one, two] = stages;
  expect(readFileSync(one!.library, "utf8")).toContain("row.one");
  expect(readFileSync(two!.library, "utf8")).toContain("row.other");
  expect(two).toMatchObject({ name: "two", lanes: 2, policy: "RETRY_WITH_BACKOFF", maxRetries: 4, timeoutMs: 3000 });
  expect(two!.params.note).toBe("c|d");
  expect(readFileSync(String(two!.params.table), "utf8")).toBe("1");
  expect(file.settings.batch_rows).toBe(7);
});

test("keepChanged() takes an edited plugin as it is now, and one change after the other", async () => {
  await using rig = new Rig();
  const { path } = rig;
  const master = await rig.master("m1");
  const submitted = await master.keep(path);
  rig.space.write("one.ts", perRecord("row.edited = 1;"));
  const first = await master.keepChanged({ files: submitted, path }, rig.change("one", "one.ts"));
  const second = await master.keepChanged({ files: first, path }, rig.change("two", "other.ts"));
  const { stages } = await master.prepare({ path, files: second });
  expect(stages.map(({ library }) => library)).toEqual([rig.space.at("one.ts"), rig.space.at("other.ts")]);
  expect(stages[1]!.params).toMatchObject({ note: "a,b", table: rig.space.at("table.csv") });
});

test("keepChanged() refuses what does not load, does not fit or is not there, and keeps nothing of it", async () => {
  await using rig = new Rig();
  const { path } = rig;
  const master = await rig.master("m1");
  const files = await master.keep(path);
  const before = rig.kept.list("").length;
  rig.space.write("broken.ts", "export default 7;");
  for (const [change, code] of [
    [rig.change("one", "broken.ts"), "swap.refused"],
    [rig.change("one", "missing.ts"), "swap.refused"],
    [rig.change("one", "one.ts", { unknown: "1" }), "swap.refused"],
    [rig.change("three", "one.ts"), "swap.not_found"],
  ] as const) {
    expect(await master.keepChanged({ files, path }, change).then(undefined, (thrown) => thrown.code)).toBe(code);
  }
  expect(rig.kept.list("").length).toBe(before);
});
