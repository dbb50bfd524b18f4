import { expect, test } from "bun:test";
import { renameSync, unlinkSync } from "node:fs";
import { failureOf } from "../../../../support/auth.ts";
import { codeOf, LocalRig } from "../../../../support/local-services.ts";

test("swap() gives calls to the new process, and lets the old one end its own", async () => {
  await using rig = new LocalRig();
  rig.write("users.ts");
  await rig.local.start();
  const [old] = rig.hosts.all;
  const underWay = rig.call("hang");
  rig.write("users.ts", { about: "better" });
  expect(await rig.local.swap("users")).toBe("users@1.0.0");
  expect((await rig.call("who")).pid).toBe(2);
  expect([old!.isStopping, old!.isAlive]).toEqual([true, true]);
  old!.release();
  expect((await underWay).pid).toBe(1);
  expect(old!.isAlive).toBe(false);
  expect(rig.healthy()).toEqual({ "users@1.0.0": 1 });
});

test("swap() to another version leaves no moment in which neither is offered", async () => {
  await using rig = new LocalRig();
  rig.write("users.ts");
  await rig.local.start();
  const seen: string[] = [];
  rig.local.onChange(() => seen.push(JSON.stringify(rig.healthy())));
  rig.write("users.ts", { version: "1.1.0" });
  expect(await rig.local.swap("users@1")).toBe("users@1.1.0");
  expect(seen).toEqual(['{"users@1.1.0":1}']);
  const gone = await failureOf(() => rig.call("who"));
  expect([gone.code, gone.data]).toEqual(["service.not_found", { begun: false }]);
  expect((await rig.call("who", { version: "1.1.0" })).version).toBe("1.1.0");
});

test.each([
  ["does not load", { loadError: "a comma is missing" }, "service.load"],
  ["does not initialise", { initError: "no database" }, "service.init"],
  ["is another service", { name: "orders" }, "service.other_name"],
  ["has a reserved name", { name: "cluster" }, "service.other_name"],
])("swap() leaves the old one serving when the new one %s", async (_, file, code) => {
  await using rig = new LocalRig();
  rig.write("users.ts");
  await rig.local.start();
  rig.write("users.ts", file);
  expect(await codeOf(rig.local.swap("users"))).toBe(code);
  expect((await rig.call("who")).pid).toBe(1);
  expect(rig.healthy()).toEqual({ "users@1.0.0": 1 });
  expect(rig.hosts.living).toHaveLength(1);
  rig.write("users.ts", { version: "2.0.0" });
  expect(await rig.local.swap("users")).toBe("users@2.0.0");
});

test("swap() of an exclusive service has the old one cleaned up before the new one is initialised", async () => {
  await using rig = new LocalRig();
  rig.write("users.ts", { isExclusive: true });
  await rig.local.start();
  const [old] = rig.hosts.all;
  void rig.call("hang");
  const swapping = rig.local.swap("users");
  await rig.settle();
  const next = rig.hosts.all[1]!;
  expect([old!.isAlive, next.isAlive, next.isInitialised]).toEqual([true, true, false]);
  const waiting = rig.call("who");
  old!.release();
  await swapping;
  expect([old!.isAlive, next.isInitialised]).toEqual([false, true]);
  expect((await waiting).pid).toBe(2);
});

test("swap() of an exclusive service goes back to the old file when the new one does not initialise", async () => {
  await using rig = new LocalRig();
  rig.write("users.ts", { isExclusive: true });
  await rig.local.start();
  const other = rig.write("elsewhere/broken.json", { isExclusive: true, version: "2.0.0", initError: "no database" });
  expect(await codeOf(rig.local.swap("users", other))).toBe("service.init");
  expect(rig.healthy()).toEqual({ "users@1.0.0": 1 });
  expect((await rig.call("who")).pid).toBe(3);
});

test("swap() takes another file, and a restart stays with it", async () => {
  await using rig = new LocalRig();
  rig.write("users.ts");
  await rig.local.start();
  const other = rig.write("elsewhere/users-2.json", { version: "2.0.0" });
  expect(await rig.local.swap("users", other)).toBe("users@2.0.0");
  rig.process("2.0.0").kill("was killed by SIGKILL");
  await rig.settle();
  expect(rig.process("2.0.0").path).toBe(other);
  expect(await codeOf(rig.local.swap("users", rig.files.at("nothing")))).toBe("service.no_file");
});

test("a process that comes back as another version has the others swapped without a gap", async () => {
  await using rig = new LocalRig();
  rig.write("users.ts", { instances: 2 });
  await rig.local.start();
  const counts: number[] = [];
  rig.local.onChange(() => counts.push(Object.values(rig.healthy())[0]!));
  rig.write("users.ts", { instances: 2, version: "1.1.0" });
  rig.hosts.all[0]!.kill("was killed by SIGKILL");
  await rig.settle();
  await rig.settle();
  expect(rig.healthy()).toEqual({ "users@1.1.0": 2 });
  expect(Math.min(...counts)).toBe(1);
});

test("swap() takes over when the old one gives up meanwhile, and the next swap ends what it has left", async () => {
  await using rig = new LocalRig();
  rig.write("users.ts");
  await rig.local.start();
  const slow = rig.write("elsewhere/slow.json", { version: "2.0.0", initMs: 15_000 });
  const swapping = rig.local.swap("users", slow);
  await rig.settle();
  for (let round = 0; rig.local.statuses()[0]?.state !== "failed"; round++) {
    expect(round).toBeLessThan(20);
    for (const each of rig.hosts.living) if (each.version === "1.0.0") each.kill("was killed by SIGKILL");
    await rig.settle(200);
  }
  await rig.settle(15_000);
  expect(await swapping).toBe("users@2.0.0");
  expect(rig.local.statuses()[0]).toMatchObject({ state: "running", version: "2.0.0" });
  expect(await rig.local.swap("users", rig.write("elsewhere/next.json", { version: "3.0.0" }))).toBe("users@3.0.0");
  await rig.settle();
  expect(rig.hosts.living.map(({ version }) => version)).toEqual(["3.0.0"]);
});

test("swap() does not wait for a start whose init hangs", async () => {
  await using rig = new LocalRig();
  rig.write("users.ts", { initMs: 20_000, initError: "init did not return" });
  const started = rig.local.start();
  await rig.settle();
  rig.write("users.ts", { version: "1.1.0" });
  const swapped = rig.local.swap("users");
  await rig.settle();
  expect(await swapped).toBe("users@1.1.0");
  expect((await started).faults).toEqual([]);
  expect(rig.hosts.living).toHaveLength(1);
  expect(rig.notices.map(({ kind }) => kind)).not.toContain("failed");
});

test("rescan() does not wait for an init that takes its time", async () => {
  await using rig = new LocalRig();
  rig.write("slow.ts", { name: "slow", initMs: 15_000 });
  const started = rig.local.start();
  await rig.settle();
  rig.write("users.ts");
  const rescanned = rig.local.rescan();
  await rig.settle();
  await rig.settle(10_000);
  expect(await rescanned).toMatchObject({ started: ["users@1.0.0"], starting: ["slow@1.0.0"], faults: [] });
  await rig.settle(5_000);
  expect((await started).started).toEqual(["slow@1.0.0"]);
});

test("versions live side by side, and each is called by its own number", async () => {
  await using rig = new LocalRig();
  rig.write("users.ts");
  rig.write("users-2.ts", { version: "2.0.0" });
  await rig.local.start();
  expect((await rig.call("who", { version: "2.0.0" })).version).toBe("2.0.0");
  expect((await rig.call("who")).version).toBe("1.0.0");
  expect(await codeOf(rig.local.swap("users"))).toBe("service.ambiguous");
  expect(await rig.local.swap("users@2")).toBe("users@2.0.0");
});

test("one name and version in two files is a fault that names both, until one of them goes", async () => {
  await using rig = new LocalRig();
  const first = rig.write("a.ts");
  const second = rig.write("b.ts");
  const { faults } = await rig.local.start();
  expect(faults).toHaveLength(1);
  expect(faults[0]?.message).toContain(first);
  expect(faults[0]?.message).toContain(second);
  expect(rig.hosts.all.filter(({ isInitialised }) => isInitialised)).toHaveLength(1);
  unlinkSync(first);
  await rig.local.rescan();
  await rig.settle();
  expect(rig.healthy()).toEqual({ "users@1.0.0": 1 });
  expect(rig.process().path).toBe(second);
});

test("a service with the name of a contract is refused", async () => {
  await using rig = new LocalRig();
  rig.write("cluster.ts", { name: "cluster" });
  const { faults } = await rig.local.start();
  expect(faults[0]?.message).toContain("cluster, as one of this program's own contracts");
  expect(rig.hosts.living).toEqual([]);
});

test("rescan() starts new files, swaps changed ones, ends those that are gone, and leaves the others alone", async () => {
  await using rig = new LocalRig();
  rig.write("users.ts");
  rig.write("gone.ts", { name: "gone" });
  rig.write("orders/main.ts", { name: "orders" });
  await rig.local.start();
  rig.write("fresh.ts", { name: "fresh" });
  rig.write("orders/prices.json", { about: "a file beside it" });
  unlinkSync(rig.files.at("gone.ts"));
  rig.write("broken.ts", { loadError: "a comma is missing" });
  const report = await rig.local.rescan();
  expect(report).toEqual({
    started: ["fresh@1.0.0"],
    swapped: ["orders@1.0.0"],
    stopped: ["gone@1.0.0"],
    unchanged: ["users@1.0.0"],
    starting: [],
    faults: [{ file: rig.files.at("broken.ts"), message: "a comma is missing" }],
  });
  expect(rig.healthy()).toEqual({ "fresh@1.0.0": 1, "orders@1.0.0": 1, "users@1.0.0": 1 });
  expect(await codeOf(rig.call("who", { service: "gone" }))).toBe("service.not_found");
});

test("rescan() tells a directory that cannot be read", async () => {
  await using rig = new LocalRig({ directories: ["/nowhere/services"] });
  const { faults } = await rig.local.start();
  expect(faults[0]?.file).toBe("/nowhere/services");
});

test("with watch, what is saved is swapped by itself", async () => {
  await using rig = new LocalRig({ watch: true });
  rig.write("users.ts");
  await rig.local.start();
  await rig.settle(1_000);
  rig.write("users.tmp", { version: "1.1.0" });
  renameSync(rig.files.at("users.tmp"), rig.files.at("users.ts"));
  await rig.settle(1_000);
  expect(rig.healthy()).toEqual({ "users@1.0.0": 1 });
  await rig.settle(1_000);
  await rig.settle();
  expect(rig.healthy()).toEqual({ "users@1.1.0": 1 });
});

test("tree() shows each service with its processes", async () => {
  await using rig = new LocalRig();
  rig.write("users.ts", { instances: 2 });
  await rig.local.start();
  const tree = rig.local.tree();
  expect(tree).toMatchObject({ name: "services", state: "running" });
  expect(tree.children).toHaveLength(1);
  expect(tree.children[0]).toMatchObject({ name: "users@1.0.0", kind: "supervisor", state: "running" });
  expect(tree.children[0]?.children.map(({ name, pid, state }) => [name, pid, state])).toEqual([
    ["1", 1, "running"],
    ["2", 2, "running"],
  ]);
});
