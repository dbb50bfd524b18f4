/** What a master holds of a run that could not begin. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { readdirSync, readlinkSync } from "node:fs";
import { MasterTasks, type MasterTasksPorts } from "../../../../../src/app/master/tasks/master-tasks.ts";
import { taskStorePath } from "../../../../../src/app/task/begin-run.ts";
import { systemClock } from "../../../../../src/base/clock.ts";
import { seededRandom } from "../../../../../src/base/random.ts";
import { Workspace } from "../../../../support/workspace.ts";
import { FakeTaskPool } from "./fake-task-workers.ts";

function openTasks(dataDir: string): MasterTasks {
  const none = {} as never; // a graph of one request has no plugins and no pipelines
  const ports: MasterTasksPorts = {
    dataDir,
    master: "m1",
    clock: systemClock,
    random: seededRandom(1),
    pool: new FakeTaskPool(),
    shelf: none,
    pipelines: none,
    tell() {},
    say() {},
  };
  return new MasterTasks(ports);
}

/** Files below a folder of locks that this process has open. */
function heldLocks(): readonly string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      return /\/locks\/.*\.db$/.test(path) ? [path] : [];
    } catch {
      return []; // that of the listing itself
    }
  });
}

test("run() holds no lock of a run that could not begin", async () => {
  using space = new Workspace();
  const tasks = [{ id: "a", type: "GET", url: "http://127.0.0.1/" }];
  const path = space.write("g.json", JSON.stringify({ name: "g", tasks }));
  const master = openTasks(space.at("state"));
  const before = heldLocks();
  using database = new Database(taskStorePath(space.at("state")));
  database.run("CREATE TRIGGER refuse BEFORE INSERT ON run BEGIN SELECT RAISE(FAIL, 'the disk is full'); END");
  await expect(master.run({ path })).rejects.toThrow("the disk is full");
  expect(heldLocks()).toEqual(before);
  database.run("DROP TRIGGER refuse");
  await master.run({ path });
  expect(heldLocks().length).toBe(before.length + 1);
  await master.close();
  expect(heldLocks()).toEqual(before);
});
