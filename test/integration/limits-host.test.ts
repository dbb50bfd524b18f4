/** Real hosts that use too much, and what they see of the machine: memory, processor, files, output, environment, directory. */
import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { limitMethods, processUsage } from "../../src/process/limits/index.ts";
import { GuardedHost } from "../support/guarded-host.ts";
import { REAL } from "../support/hosts.ts";
import { until } from "../support/until.ts";
import { Workspace } from "../support/workspace.ts";

const MIB = 2 ** 20;

describe("a host with limits", () => {
  test("HostProcess is killed with the amount when its memory grows over the limit step by step", async () => {
    using space = new Workspace();
    const body = "setInterval(() => keep.push(Buffer.alloc(1 << 20, 1)), 4);";
    await using guarded = await GuardedHost.start(space, body, { limits: { memoryBytes: 64 * MIB } });
    const exit = await guarded.exited;
    expect(exit).toMatchObject({ limit: "memory", signal: "SIGKILL" });
    const used = /^used ([\d.]+) MiB of own memory, its limit is 64\.0 MiB, and was killed$/.exec(exit.reason)?.[1];
    expect(Number(used)).toBeWithin(64, 200);
  });

  test("HostProcess says memory, not just a signal, when a plugin takes all at once", async () => {
    using space = new Workspace();
    const body = "for (;;) keep.push(Buffer.alloc(1 << 24, 1));";
    await using guarded = await GuardedHost.start(space, body, { limits: { memoryBytes: 64 * MIB } });
    const exit = await guarded.exited;
    expect(exit.limit).toBe("memory");
    expect(exit.reason).toMatch(/its limit is 64\.0 MiB, and (was killed|was killed by the kernel|ended by SIG\w+)$/);
  });

  test("HostProcess counts the memory of the plugin's children", async () => {
    using space = new Workspace();
    const child = "const keep = []; setInterval(() => keep.push(Buffer.alloc(1 << 20, 1)), 2)";
    const body = `spawn(process.execPath, ["-e", ${JSON.stringify(child)}], { env: { ...process.env, BUN_BE_BUN: "1" } });`;
    await using guarded = await GuardedHost.start(space, body, { limits: { memoryBytes: 64 * MIB } });
    expect(await guarded.exited).toMatchObject({ limit: "memory" });
  });

  test("HostProcess is killed when it has used up its CPU time, even in a busy loop", async () => {
    using space = new Workspace();
    await using guarded = await GuardedHost.start(space, "for (;;);", { limits: { cpuMs: 1_000 } });
    expect(await guarded.exited).toMatchObject({ limit: "cpu", reason: "used up its 1 s of CPU time and was killed" });
  });

  test("HostProcess is killed when it opens more files than it may", async () => {
    using space = new Workspace();
    const body = 'try { for (;;) keep.push(fs.openSync("/dev/null")); } catch (thrown) { print(thrown.code); }';
    await using guarded = await GuardedHost.start(space, body, { limits: { files: 80 } });
    const exit = await guarded.exited;
    expect(exit.limit).toBe("files");
    expect(exit.reason).toMatch(/^had \d+ files open, its limit is 80, and was killed$/);
    expect(guarded.lines).toEqual(["EMFILE"]);
  });

  test("HostProcess is killed when it floods its output, and what is shown is bounded", async () => {
    using space = new Workspace();
    const body = 'const text = "x".repeat(99) + "\\n"; for (;;) fs.writeSync(1, text.repeat(500));';
    await using guarded = await GuardedHost.start(space, body, { limits: { stdoutBytesPerSecond: MIB } });
    const exit = await guarded.exited;
    expect(exit).toMatchObject({ limit: "stdout" });
    expect(exit.reason).toBe("printed more than 1.0 MiB in a second, its limit, and was killed");
    await until("what was left out is told", () => guarded.lines.some((line) => line.includes("lines left out")));
    expect(guarded.lines.length).toBeLessThan(5_000);
  });

  test("HostProcess lives on when it stays below all of its limits", async () => {
    using space = new Workspace();
    const body = 'for (let n = 0; n < 200; n++) { print("line " + n); await Bun.sleep(5); } print("done");';
    const limits = { memoryBytes: 256 * MIB, cpuMs: 60_000, files: 200, stdoutBytesPerSecond: MIB };
    await using guarded = await GuardedHost.start(space, body, { limits });
    await until("the plugin has come through", () => guarded.lines.includes("done"));
    expect(guarded.lines).toHaveLength(201);
    expect(guarded.exits).toEqual([]);
  });
});

describe("what a host sees", () => {
  // Not one of the usual ones: those change their directory.
  const teller = `import { readdirSync, writeSync } from "node:fs";
import { definePlugin } from "distributed-system";
writeSync(1, JSON.stringify({ env: process.env, cwd: process.cwd(), here: readdirSync(".") }) + "\\n");
const info = { name: "teller", version: "1.0.0", description: "tells what it sees" };
export default definePlugin({ info, params: {}, async init() {}, async processBatch() {}, async cleanup() {} });
`;
  const see = async (space: Workspace, options: Parameters<typeof GuardedHost.start>[2]) => {
    const library = space.write("teller.ts", teller);
    const request = { library, pipeline: "test", run: "test", stage: "stage", lane: 0 };
    await using guarded = await GuardedHost.start(space, "", { request, ...options });
    await until("the plugin has told", () => guarded.lines.length > 0);
    return JSON.parse(guarded.lines[0]!) as { env: Record<string, string>; cwd: string; here: string[] };
  };

  test("HostProcess passes the usual variables and the named ones, and no other", async () => {
    using space = new Workspace();
    const pool = { PATH: process.env.PATH, HOME: "/h", TMPDIR: "/t", LANG: "C.UTF-8", LC_TIME: "C", TZ: "UTC" };
    const env = { ...pool, SECRET: "s", KEY: "k", OTHER: "o", BUN_OPTIONS: "", AWS_PROFILE: "p" };
    const found = await see(space, { command: { ...REAL, env }, passEnv: ["KEY", "NOT_SET"] });
    const { BUN_FEATURE_FLAG_NO_ORPHANS, DISTRIBUTED_SYSTEM_HOST, ...rest } = found.env;
    expect(rest).toEqual({ ...(pool as Record<string, string>), KEY: "k" });
    expect(BUN_FEATURE_FLAG_NO_ORPHANS).toBe("1");
    expect(DISTRIBUTED_SYSTEM_HOST).toMatch(new RegExp(`^${process.pid}-\\d+-\\d+/\\d+$`));
  });

  test("HostProcess works in an empty directory of its own, which goes with it", async () => {
    using space = new Workspace();
    const base = space.at("work");
    const stale = space.write("work/1-1-1/7/left.txt", "another namespace: not ours to judge");
    const [first, second] = await Promise.all([
      see(space, { workDirectory: base }),
      see(space, { workDirectory: base }),
    ]);
    expect(first.cwd).toStartWith(base);
    expect(first.here).toEqual([]);
    expect(second.cwd).not.toBe(first.cwd);
    await until("both directories are gone", () => !existsSync(first.cwd) && !existsSync(second.cwd));
    expect(existsSync(stale)).toBe(true);
  });

  test("HostProcess works where the daemon does when no directory is given", async () => {
    using space = new Workspace();
    expect((await see(space, {})).cwd).toBe(process.cwd());
  });
});

describe("processUsage()", () => {
  test("processUsage() sees memory that is allocated, and time that is spent", () => {
    const before = processUsage(process.pid)!;
    const kept = Buffer.alloc(64 * MIB, 1);
    for (const end = process.cpuUsage().user + 50_000; process.cpuUsage().user < end; );
    const after = processUsage(process.pid)!;
    expect(after.memoryBytes - before.memoryBytes).toBeGreaterThan(kept.length / 2);
    expect(after.cpuMs - before.cpuMs).toBeWithin(30, 10_000);
  });

  test("limitMethods() gives a method and its reason for each limit", () => {
    const methods = limitMethods();
    expect(methods.memory).toBeOneOf(["cgroup", "prlimit", "watched", "none"]);
    for (const why of Object.values(methods.why)) expect(why.length).toBeGreaterThan(20);
  });
});
