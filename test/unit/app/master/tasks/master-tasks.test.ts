/** The task graphs of a master: what is left of a run that could not begin, and what goes on under whoever leads next. */
import { describe, expect, test } from "bun:test";
import { MasterTasks, type MasterTasksPorts } from "../../../../../src/app/master/tasks/master-tasks.ts";
import { systemClock } from "../../../../../src/base/clock.ts";
import { keptUnder } from "../../../../../src/base/kept-state.ts";
import { seededRandom } from "../../../../../src/base/random.ts";
import { KeptReports } from "../../../../../src/work/report/index.ts";
import { KeptTaskRuns } from "../../../../../src/work/task/index.ts";
import { MemoryKept } from "../../../../support/kept-state.ts";
import { Workspace } from "../../../../support/workspace.ts";
import { FakeTaskPool } from "./fake-task-workers.ts";

let lives = 0;

function openTasks(kept: MemoryKept): MasterTasks {
  const none = {} as never; // a graph of one request has no plugins and no pipelines
  const instance = `m1-${++lives}`;
  const ports: MasterTasksPorts = {
    ...{ master: "m1", instance, clock: systemClock, random: seededRandom(1), pool: new FakeTaskPool() },
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
