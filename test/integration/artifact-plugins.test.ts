/** The plugins of this repository, packed on one node, fetched by another over a link, and run there by the executable's host. */
import { describe, expect, test } from "bun:test";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import type { DoneMessage } from "../../src/process/plugin/index.ts";
import {
  ArtifactShelf,
  ArtifactStore,
  artifactHandlers,
  fetchOverLink,
  packPlugin,
  settlePlan,
  shelvePlan,
} from "../../src/work/artifact/index.ts";
import { HandDriven, REAL } from "../support/hosts.ts";
import { Workspace } from "../support/workspace.ts";
import { openNode } from "../unit/wire/link/support.ts";

const PLUGINS = join(import.meta.dir, "../../plugins");

async function lines(driven: HandDriven, ndjson: string, more: { finish?: boolean } = {}): Promise<unknown[]> {
  driven.send(ndjson, more);
  const done = (await driven.next()) as DoneMessage;
  expect(done).toMatchObject({ t: "done" });
  const text = driven.text(done).trim();
  return text === "" ? [] : text.split("\n").map((line) => JSON.parse(line) as unknown);
}

describe("plugins from the store", () => {
  test("plugins/aggregation/index.ts works where only its bundle is", async () => {
    using space = new Workspace();
    await using shelf = await ArtifactShelf.open(space.at("shelf"));
    await using store = await ArtifactStore.open(space.at("cache"));
    await using master = openNode("master", { handlers: artifactHandlers(shelf) });
    await using worker = openNode("worker");
    const { id } = await shelf.register(await packPlugin(join(PLUGINS, "aggregation/index.ts")));
    const link = await worker.dial(master);
    using bundle = await store.ensureId(id, fetchOverLink(link));
    expect(bundle.entryPath).toBe(space.at("cache", "bundles", id, "aggregation/index.ts"));
    expect(existsSync(join(bundle.entryPath, "../../common/time.ts"))).toBe(true);
    await using driven = new HandDriven();
    expect(await driven.load(REAL, bundle.entryPath)).toMatchObject({ info: { name: "aggregation" }, stateful: true });
    const params = { group_by: ["k"], aggregates: "count;sum:v", mode: "replace", on_late: "keep", on_full: "fail" };
    await driven.start({ ...params, max_groups: 10, lateness: 0, time_unit: "ms", summary_field: "" });
    expect(await lines(driven, '{"k":"a","v":1}\n{"k":"b","v":5}\n{"k":"a","v":2}\n')).toEqual([]);
    expect(await lines(driven, "", { finish: true })).toEqual([
      { k: "a", count: 2, sum_v: 3 },
      { k: "b", count: 1, sum_v: 5 },
    ]);
  });

  test("plugins/libvalidation.js works there with its schema, and its key-like files stay private", async () => {
    using space = new Workspace();
    await using shelf = await ArtifactShelf.open(space.at("shelf"));
    await using store = await ArtifactStore.open(space.at("cache"));
    await using master = openNode("master", { handlers: artifactHandlers(shelf) });
    await using worker = openNode("worker");
    const schema = space.write("order.schema.json", '{"type":"object","properties":{"n":{"type":"integer"}}}');
    const local = { library: join(PLUGINS, "libvalidation.js"), params: { schema, strict_mode: false } };
    await using looking = new HandDriven();
    const { params: declared } = await looking.load(REAL, local.library);
    const shelved = await shelvePlan(local, { params: declared }, shelf);
    space.write("order.schema.json", "{}"); // its author edits on
    const link = await worker.dial(master);
    using settled = await settlePlan(
      local,
      shelved.files,
      store,
      fetchOverLink(async () => link),
    );
    expect(statSync(settled.plan.params.schema).mode & 0o777).toBe(0o600);
    await using driven = new HandDriven();
    await driven.load(REAL, settled.plan.library);
    const defaults = { required: [], types: "", ranges: "", patterns: "", tag_field: "_invalid" };
    await driven.start({ ...defaults, ...settled.plan.params });
    const [good, bad] = await lines(driven, '{"n":1}\n{"n":"one"}\n');
    expect(good).toEqual({ n: 1 });
    expect(bad).toMatchObject({ n: "one", _invalid: [expect.stringContaining("n")] });
  });
});
