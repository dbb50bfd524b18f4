import { expect, test } from "bun:test";
import { codeOf, LocalRig } from "../../../../support/local-services.ts";

test("start() offers each service that is found, by file and by directory", async () => {
  await using rig = new LocalRig();
  rig.write("users.ts");
  rig.write("orders/main.ts", { name: "orders", version: "2.0.0" });
  rig.write("_draft.ts", { name: "draft" });
  rig.write("users.test.ts", { name: "no" });
  rig.write("types.d.ts", { name: "no" });
  rig.write("readme.md");
  const report = await rig.local.start();
  expect(report.started).toEqual(["orders@2.0.0", "users@1.0.0"]);
  expect(report.faults).toEqual([]);
  expect(rig.healthy()).toEqual({ "orders@2.0.0": 1, "users@1.0.0": 1 });
  expect((await rig.call("who")).version).toBe("1.0.0");
});

test("start() runs as many processes as the definition says, and one when it is exclusive", async () => {
  await using rig = new LocalRig();
  rig.write("users.ts", { instances: 3 });
  rig.write("orders.ts", { name: "orders", instances: 3, isExclusive: true });
  await rig.local.start();
  expect(rig.healthy()).toEqual({ "orders@1.0.0": 1, "users@1.0.0": 3 });
});

test("call() goes to the process that has least to do", async () => {
  await using rig = new LocalRig();
  rig.write("users.ts", { instances: 3 });
  await rig.local.start();
  for (let busy = 0; busy < 6; busy++) void rig.call("hang").catch(() => {});
  expect(rig.hosts.all.map(({ inFlight }) => inFlight)).toEqual([2, 2, 2]);
});

test("offers() says at once, in the same turn, that the last process has died", async () => {
  await using rig = new LocalRig();
  rig.write("users.ts");
  await rig.local.start();
  const heard: number[] = [];
  rig.local.onChange(() => heard.push(rig.healthy()["users@1.0.0"]!));
  rig.process().kill("was killed by SIGKILL");
  expect(heard).toEqual([0]);
});

test("call() waits for the process that is being started again, and others notice nothing", async () => {
  await using rig = new LocalRig();
  rig.write("users.ts");
  rig.write("orders.ts", { name: "orders" });
  await rig.local.start();
  rig.hosts.all.find(({ file }) => file.name === undefined)!.kill("was killed by SIGKILL");
  const waiting = rig.call("who");
  expect((await rig.call("who", { service: "orders" })).pid).toBeGreaterThan(0);
  await rig.settle();
  expect((await waiting).pid).toBe(3);
  expect(rig.local.statuses().map(({ restarts }) => restarts)).toEqual([0, 1]);
});

test("call() fails with service.unavailable, not begun, when no process comes up in time", async () => {
  await using rig = new LocalRig();
  rig.write("users.ts");
  await rig.local.start();
  rig.write("users.ts", { initError: "the database is away" });
  rig.process().kill("was killed by SIGKILL");
  const failure = rig.call("who").catch((thrown) => thrown);
  await rig.settle(2_000);
  expect(await failure).toMatchObject({ code: "service.unavailable", retryable: true, data: { begun: false } });
});

test("call() waits no longer than its caller does", async () => {
  await using rig = new LocalRig();
  rig.write("users.ts");
  await rig.local.start();
  rig.write("users.ts", { initError: "the database is away" });
  rig.process().kill("was killed by SIGKILL");
  const gone = new AbortController();
  const [short, left] = [rig.call("who", { timeoutMs: 10 }), rig.call("who", { signal: gone.signal })];
  gone.abort();
  expect(await codeOf(left)).toBe("rpc.cancelled");
  rig.clock.advance(10);
  expect(await codeOf(short)).toBe("service.unavailable");
});

test("a service that fails too often is failed, says why, and its calls fail at once", async () => {
  await using rig = new LocalRig();
  rig.write("users.ts", { initError: "the database is away" });
  const started = rig.local.start();
  for (let round = 0; round < 20; round++) await rig.settle(10_000 / 4);
  const { faults } = await started;
  expect(faults[0]?.message).toContain("the database is away");
  expect(rig.local.statuses()[0]).toMatchObject({ state: "failed", restarts: 5 });
  expect(await codeOf(rig.call("who"))).toBe("service.unavailable");
});

test("statuses() tells why a service has failed, and no password", async () => {
  await using rig = new LocalRig();
  rig.write("users.ts", { loadError: "cannot connect to postgres://app:hunter2@db/users" });
  await rig.local.start();
  expect(rig.local.statuses()[0]?.fault).toBe("cannot connect to postgres://[redacted]@db/users");
});

test("a failed service is tried again when its file changes", async () => {
  await using rig = new LocalRig();
  rig.write("users.ts", { loadError: "a comma is missing" });
  expect((await rig.local.start()).faults[0]?.message).toBe("a comma is missing");
  await rig.settle(1_000);
  rig.write("users.ts");
  await rig.settle(1_000);
  expect(rig.healthy()).toEqual({});
  await rig.settle(1_000); // it has stayed the same for one look
  await rig.settle();
  expect(rig.healthy()).toEqual({ "users@1.0.0": 1 });
  await rig.settle(1_000);
  expect(rig.clock.timers).toBe(1); // the process is asked whether it is well, no file is looked at any more
});

test("a failed service is tried again when its file was mended before its load had failed", async () => {
  await using rig = new LocalRig();
  rig.write("users.ts", { loadMs: 5_000, loadError: "a comma is missing" });
  const started = rig.local.start();
  await rig.settle();
  rig.write("users.ts");
  await rig.settle(5_000);
  expect((await started).faults).toHaveLength(1);
  for (let look = 0; look < 3; look++) await rig.settle(1_000);
  expect(rig.healthy()).toEqual({ "users@1.0.0": 1 });
});

test("restart() tries a failed service again, named by its file when it has never said its name", async () => {
  await using rig = new LocalRig();
  rig.write("users/main.ts", { loadError: "a comma is missing" });
  await rig.local.start();
  expect(await codeOf(rig.local.restart("users"))).toBe("service.load");
  rig.write("users/main.ts", { name: "people" });
  expect(await rig.local.restart("users")).toBe("people@1.0.0");
  expect(await codeOf(rig.local.restart("users"))).toBe(""); // its file is known still
  expect(await codeOf(rig.local.restart("nobody"))).toBe("service.not_found");
});

test("close() lets calls under way end, takes no more, and leaves no process", async () => {
  await using rig = new LocalRig();
  rig.write("users.ts", { instances: 2 });
  await rig.local.start();
  const calls = [rig.call("hang"), rig.call("hang")];
  const closing = rig.local.close();
  expect(await codeOf(rig.call("who"))).toBe("service.unavailable");
  expect(rig.hosts.all.map(({ isStopping }) => isStopping)).toEqual([true, true]);
  for (const host of rig.hosts.all) host.release();
  expect(await Promise.all(calls)).toHaveLength(2);
  await closing;
  expect(rig.hosts.living).toEqual([]);
});

test("an unhealthy process is not offered, and is replaced when it does not get better", async () => {
  await using rig = new LocalRig();
  rig.write("users.ts", { hasHealth: true, instances: 2 });
  await rig.local.start();
  const [first] = rig.hosts.all;
  first!.illness = "its disk is full";
  for (let check = 0; check < 3; check++) await rig.settle(5_000);
  expect(rig.healthy()).toEqual({ "users@1.0.0": 1 });
  expect(rig.local.statuses()[0]?.processes[0]).toMatchObject({ pid: 1, state: "unhealthy" });
  expect((await rig.call("who")).pid).toBe(2);
  for (let check = 0; check < 6; check++) await rig.settle(5_000);
  expect(first!.isAlive).toBe(false);
  expect(rig.healthy()).toEqual({ "users@1.0.0": 2 });
});

test("an unhealthy process that gets better is offered again", async () => {
  await using rig = new LocalRig();
  rig.write("users.ts", { hasHealth: true });
  await rig.local.start();
  rig.process().illness = "its disk is full";
  for (let check = 0; check < 3; check++) await rig.settle(5_000);
  expect(rig.healthy()).toEqual({ "users@1.0.0": 0 });
  rig.process().illness = undefined;
  await rig.settle(5_000);
  expect(rig.healthy()).toEqual({ "users@1.0.0": 1 });
  expect(rig.hosts.all).toHaveLength(1);
});

test("a process that is stuck is replaced, although its service has no health()", async () => {
  await using rig = new LocalRig();
  rig.write("users.ts");
  await rig.local.start();
  const stuck = rig.process();
  stuck.illness = "no answer within 2000 ms";
  for (let check = 0; check < 3; check++) await rig.settle(5_000);
  expect(rig.healthy()).toEqual({ "users@1.0.0": 0 });
  for (let check = 0; check < 6; check++) await rig.settle(5_000);
  expect(stuck.isAlive).toBe(false);
  expect((await rig.call("who")).pid).toBe(2);
});

test("a service whose init fails slowly is failed after as many tries as one that fails fast", async () => {
  await using rig = new LocalRig();
  rig.write("users.ts", { instances: 2, initMs: 20_000, initError: "init did not return" });
  const started = rig.local.start();
  for (let round = 0; round < 20; round++) await rig.settle(20_000);
  expect((await started).faults[0]?.message).toContain("init did not return");
  expect(rig.local.statuses()[0]).toMatchObject({ state: "failed" });
  expect(rig.hosts.all.length).toBeLessThan(10);
});
