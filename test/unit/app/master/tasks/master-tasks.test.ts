/** The task graphs of a master: what is left of a run that could not begin, and what goes on under whoever leads next. */
import { describe, expect, test } from "bun:test";
import { readFileSync, rmSync } from "node:fs";
import { MasterTasks, type MasterTasksPorts } from "../../../../../src/app/master/tasks/master-tasks.ts";
import { type Clock, systemClock } from "../../../../../src/base/clock.ts";
import { keptUnder } from "../../../../../src/base/kept-state.ts";
import { seededRandom } from "../../../../../src/base/random.ts";
import { KeptReports } from "../../../../../src/work/report/index.ts";
import { KeptTaskRuns } from "../../../../../src/work/task/index.ts";
import { MemoryKept } from "../../../../support/kept-state.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";
import { Workspace } from "../../../../support/workspace.ts";
import { FakeTaskPool } from "./fake-task-workers.ts";

let lives = 0;

const DAY_MS = 24 * 3_600_000;

function openTasks(kept: MemoryKept, clock: Clock = systemClock): MasterTasks {
  const none = {} as never; // a graph of one request has no plugins and no pipelines
  const instance = `m1-${++lives}`;
  const ports: MasterTasksPorts = {
    ...{ master: "m1", instance, clock, random: seededRandom(1), pool: new FakeTaskPool() },
    reports: new KeptReports(keptUnder(kept, "reports/")),
    store: new KeptTaskRuns(keptUnder(kept, "tasks/"), instance),
    files: { keepGraph: async () => "files", graph: async () => ({ places: new Map(), pipelines: new Map() }) },
    shelf: none,
    pipelines: none,
    tell() {},
    say() {},
  };
  return new MasterTasks(ports);
}

function graphIn(space: Workspace): string {
  const tasks = [{ id: "a", type: "GET", url: "http://127.0.0.1/" }];
  return space.write("g.json", JSON.stringify({ name: "g", tasks }));
}

describe("run()", () => {
  test("leaves nothing of a run that could not begin", async () => {
    using space = new Workspace();
    const kept = new MemoryKept();
    const master = openTasks(kept);
    kept.fill();
    await expect(master.run({ path: graphIn(space) })).rejects.toThrow("disk is full");
    kept.refuse(undefined);
    expect(master.remembered.store.runs(9)).toEqual([]);
    const id = await master.run({ path: graphIn(space) });
    expect(master.remembered.isUnderWay(id)).toBe(true);
    await master.close();
    expect(master.remembered.isUnderWay(id)).toBe(false);
  });

  test("refuses to go on with a run that is under way", async () => {
    using space = new Workspace();
    const master = openTasks(new MemoryKept());
    const id = await master.run({ path: graphIn(space) });
    await expect(master.run({ resume: id })).rejects.toMatchObject({ code: "task.run.in_use" });
    await master.close();
  });
});

describe("run() with a key", () => {
  test("gives the same run to whoever asks again, also at the same time and of the next master", async () => {
    using space = new Workspace();
    const kept = new MemoryKept();
    const first = openTasks(kept);
    const asked = { path: graphIn(space), key: "k" };
    const [id, same] = await Promise.all([first.run(asked), first.run(asked)]);
    expect(same).toBe(id);
    expect(await first.run(asked)).toBe(id);
    await first.drop("another master leads");
    const next = openTasks(kept);
    next.start();
    expect(await next.run(asked)).toBe(id);
    await next.cancel(id);
    expect(await next.run(asked)).toBe(id);
    expect(next.remembered.store.runs(9)).toHaveLength(1);
    await next.close();
  });

  test("begins another run under another key, for another file, without a key, and after a day", async () => {
    using space = new Workspace();
    const clock = new SteppedClock();
    const tasks = openTasks(new MemoryKept(), clock);
    const path = graphIn(space);
    const other = space.write("other.json", readFileSync(path, "utf8"));
    const ids = [await tasks.run({ path, key: "k" })];
    for (const asked of [{ path, key: "l" }, { path: other, key: "k" }, { path }]) ids.push(await tasks.run(asked));
    expect(new Set(ids).size).toBe(4);
    clock.advance(DAY_MS - 60_000);
    expect(await tasks.run({ path, key: "k" })).toBe(ids[0]!);
    clock.advance(120_000);
    expect(ids).not.toContain(await tasks.run({ path, key: "k" }));
    await tasks.drop("the test is over");
  });

  test("refuses the key of a run that began with another content of the file, or another parallel", async () => {
    using space = new Workspace();
    const tasks = openTasks(new MemoryKept());
    const path = graphIn(space);
    const before = readFileSync(path, "utf8");
    const id = await tasks.run({ path, key: "k" });
    const reused = { code: "task.run.key_reused", data: { run: id } };
    await expect(tasks.run({ path, key: "k", parallel: 7 })).rejects.toMatchObject(reused);
    space.write("g.json", before.replace("127.0.0.1", "127.0.0.2"));
    await expect(tasks.run({ path, key: "k" })).rejects.toMatchObject(reused);
    expect(await tasks.run({ path, key: "l" })).not.toBe(id);
    space.write("g.json", before);
    expect(await tasks.run({ path, key: "k" })).toBe(id);
    rmSync(path);
    expect(await tasks.run({ path, key: "k" })).toBe(id);
    expect(tasks.remembered.store.runs(9)).toHaveLength(2);
    await tasks.close();
  });

  test("tries again in the place of one that could not begin", async () => {
    using space = new Workspace();
    const kept = new MemoryKept();
    const tasks = openTasks(kept);
    const asked = { path: graphIn(space), key: "k" };
    kept.fill();
    const refused = await Promise.allSettled([tasks.run(asked), tasks.run(asked)]);
    expect(refused.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    kept.refuse(undefined);
    const id = await tasks.run(asked);
    expect(await tasks.run(asked)).toBe(id);
    await tasks.close();
  });
});

describe("start()", () => {
  test("goes on with what another master had under way, also one that was dropped", async () => {
    using space = new Workspace();
    const kept = new MemoryKept();
    const first = openTasks(kept);
    const id = await first.run({ path: graphIn(space) });
    await first.drop("another master leads");
    const next = openTasks(kept);
    next.start();
    expect(next.remembered.isUnderWay(id)).toBe(true);
    await next.cancel(id);
    const last = openTasks(kept);
    last.start();
    expect(last.remembered.isUnderWay(id)).toBe(false);
    expect(last.stored(id).state).toBe("stopped");
  });
});
