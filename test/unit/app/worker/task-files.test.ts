/** Files of plugin tasks: fetched once, held while they are used and for a while after. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { TaskFiles } from "../../../../src/app/worker/task-files.ts";
import { Failure } from "../../../../src/base/errors.ts";
import { param } from "../../../../src/sdk/index.ts";
import type { PeerLink } from "../../../../src/wire/link/index.ts";
import {
  ArtifactShelf,
  ArtifactStore,
  artifactHandlers,
  type ShelvedPlan,
  shelvePlan,
} from "../../../../src/work/artifact/index.ts";
import type { ReadyPlugin } from "../../../../src/work/task/index.ts";
import { Workspace } from "../../../support/workspace.ts";

let space: Workspace;
let shelf: ArtifactShelf;
let store: ArtifactStore;
let files: TaskFiles;
let asked: string[];
let work: ReadyPlugin;
let shelved: ShelvedPlan;

const master = {
  async request(topic: string, payload: unknown) {
    asked.push(topic);
    return artifactHandlers(shelf)[topic]!.request!(payload, { signal: new AbortController().signal } as never);
  },
} as unknown as PeerLink;

beforeEach(async () => {
  space = new Workspace();
  shelf = await ArtifactShelf.open(space.at("shelves"));
  store = await ArtifactStore.open(space.at("artifacts"));
  files = new TaskFiles(store);
  asked = [];
  const rules = space.write("rules.json", "[1]");
  work = { type: "plugin", library: space.write("p.ts", "// p"), params: { rules, level: 1 }, records: [{ n: 1 }] };
  shelved = await shelvePlan(work, { params: { rules: param.path("rules") } }, shelf);
});

afterEach(async () => {
  await files.release();
  await store.close();
  await shelf[Symbol.asyncDispose]();
  space[Symbol.dispose]();
});

describe("use()", () => {
  test("puts this machine's paths into the task, and leaves the rest as it is", async () => {
    using here = await files.use(work, shelved.files, master);
    const { library, params, records } = here.work;
    expect([library, params.rules].map((path) => readFileSync(String(path), "utf8"))).toEqual(["// p", "[1]"]);
    expect(library).not.toBe(work.library);
    expect([params.level, records]).toEqual([1, work.records]);
  });

  test("asks for files once, whatever else differs between tasks", async () => {
    const both = await Promise.all([1, 2].map((level) => use(level)));
    const requests = asked.length;
    both.push(await use(3));
    expect(asked).toHaveLength(requests);
    expect(both.map((here) => here.work.params.level)).toEqual([1, 2, 3]);
    for (const here of both) here[Symbol.dispose]();
  });

  test("makes sure of them again once they were released", async () => {
    const here = await use(1);
    const { library } = here.work;
    await files.release();
    expect(readFileSync(library, "utf8")).toBe("// p");
    here[Symbol.dispose]();
    await files.release();
    await Bun.write(library, "// something else");
    using again = await use(1);
    expect(readFileSync(again.work.library, "utf8")).toBe("// p");
  });

  test("says that nothing has begun when files do not come, and tries again with the next task", async () => {
    await shelved.withdraw();
    const failure = await files.use(work, shelved.files, master).catch((thrown: unknown) => thrown as Failure);
    expect(failure).toBeInstanceOf(Failure);
    expect(failure).toMatchObject({ data: { untouched: true } });
    const requests = asked.length;
    await files.use(work, shelved.files, master).catch(() => {});
    expect(asked.length).toBeGreaterThan(requests);
  });

  function use(level: number) {
    return files.use({ ...work, params: { ...work.params, level } }, shelved.files, master);
  }
});
