/** The small parts: names, environments, /proc texts, command lines, directories. */
import { describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { hostEnvironment } from "../../../../src/process/limits/environment.ts";
import { instanceState, markerOf, ownInstance, parseMarker } from "../../../../src/process/limits/instance.ts";
import {
  isAlive,
  isDescendant,
  isThere,
  ownMemory,
  parseStat,
  processStat,
  processUsage,
  startTicksOf,
} from "../../../../src/process/limits/proc.ts";
import { dataLimitBytes, withResourceLimits } from "../../../../src/process/limits/resource-limits.ts";
import { clearStaleDirectories, makeWorkDirectory } from "../../../../src/process/limits/work-directory.ts";
import { until } from "../../../support/until.ts";

const MIB = 2 ** 20;

describe("instances", () => {
  test("instanceState() is alive for this process, and dead for another one that had its pid", () => {
    const own = ownInstance();
    const [pid, start, namespace] = own.split("-");
    expect(instanceState(own)).toBe("alive");
    expect(instanceState(`${pid}-${Number(start) - 1}-${namespace}`)).toBe("dead");
    expect(instanceState(`4194305-${start}-${namespace}`)).toBe("dead"); // above the kernel's largest pid
  });

  test("instanceState() is unknown when the pid belongs to another namespace, or it is no instance", () => {
    const [pid, start] = ownInstance().split("-");
    expect(instanceState(`${pid}-${start}-1`)).toBe("unknown");
    expect(instanceState("../../etc")).toBe("unknown");
  });

  test("instanceState() is dead when the process has ended and nobody has noticed yet", async () => {
    const child = Bun.spawn(["sh", "-c", "sleep 1000 & echo $!; exec sleep 1000"], { stdout: "pipe" });
    const zombie = Number(new TextDecoder().decode((await child.stdout.getReader().read()).value));
    // A shell might notice it; what the shell becomes never asks for its children.
    await until("the shell is gone", () => readFileSync(`/proc/${child.pid}/comm`, "utf8") === "sleep\n");
    process.kill(zombie, "SIGKILL");
    await until("the kill has been carried out", () => !isAlive(processStat(zombie)));
    const namespace = ownInstance().split("-")[2];
    expect(instanceState(`${zombie}-${processStat(zombie)?.startTicks}-${namespace}`)).toBe("dead");
    child.kill("SIGKILL");
    await child.exited;
  });

  test("parseMarker() gives back what markerOf() was given, and nothing for any other text", () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.nat(), fc.nat(), (pid, start, namespace, host) => {
        const instance = `${pid}-${start}-${namespace}`;
        expect(parseMarker(markerOf(instance, host))).toEqual({ instance, host });
      }),
    );
    for (const text of [undefined, "", "1-2-3", "1-2/3", "1-2-3/", "1-2-3/4/5", "a1-2-3/4", "1-2-3/4\n"]) {
      expect(parseMarker(text)).toBeUndefined();
    }
  });
});

describe("hostEnvironment()", () => {
  test("hostEnvironment() passes the usual and the named variables and no other, whatever there is", () => {
    const name = fc.oneof(
      fc.constantFrom("PATH", "HOME", "LANG", "LC_ALL", "TZ", "LD_PRELOAD", "AWS_KEY"),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.dictionary(name, fc.string()), fc.array(name), (pool, named) => {
        const found = hostEnvironment(pool, named, "1-2-3/4");
        expect(found.DISTRIBUTED_SYSTEM_HOST).toBe("1-2-3/4");
        for (const each of Object.keys(found)) {
          if (each === "DISTRIBUTED_SYSTEM_HOST" || each === "BUN_FEATURE_FLAG_NO_ORPHANS") continue;
          const usual = ["PATH", "HOME", "TMPDIR", "LANG", "TZ"].includes(each) || each.startsWith("LC_");
          expect(usual || named.includes(each)).toBe(true);
          expect(found[each]).toBe(pool[each]!);
        }
        for (const each of named) if (Object.hasOwn(pool, each)) expect(found[each]).toBe(pool[each]!);
      }),
    );
  });

  test("hostEnvironment() marks the host even when a stage names the marker", () => {
    const pool = { DISTRIBUTED_SYSTEM_HOST: "9-9-9/9", BUN_FEATURE_FLAG_NO_ORPHANS: "0" };
    expect(hostEnvironment(pool, Object.keys(pool), "1-2-3/4")).toEqual({
      DISTRIBUTED_SYSTEM_HOST: "1-2-3/4",
      BUN_FEATURE_FLAG_NO_ORPHANS: "1",
    });
  });
});

describe("/proc", () => {
  const fields = "S 7 1 1 0 -1 4194304 10 0 0 0 150 50 0 0 20 0 1 0 1113553 109547520 40";

  for (const name of ["bash", "a b", "x) S 1 (y", ")", ""]) {
    test(`parseStat() finds the fields when the program is called ${JSON.stringify(name)}`, () => {
      expect(parseStat(`42 (${name}) ${fields}\n`)).toEqual({
        state: "S",
        parent: 7,
        startTicks: "1113553",
        cpuMs: 2_000,
      });
    });
  }

  test("parseStat() finds nothing when the text is cut off or empty", () => {
    for (const text of [undefined, "", "42 (bash", "42 (bash) S 7 1"]) expect(parseStat(text)).toBeUndefined();
  });

  test("startTicksOf() tells two processes apart when they started at different times", () => {
    expect(startTicksOf(process.pid)).toMatch(/^\d+$/);
    expect(startTicksOf("self")).toBe(startTicksOf(process.pid)!);
    expect(startTicksOf(process.pid)).not.toBe(startTicksOf(1)!);
  });

  test("isAlive() is false when the process has ended, whoever still waits for it", () => {
    const found = (state: string) => isAlive(parseStat(`42 (bash) ${fields.replace("S", state)}`));
    expect(["S", "R", "T", "Z", "X", "x"].map(found)).toEqual([true, true, true, false, false, false]);
  });

  test("isThere() is true of another user's process and of this one, and false of nobody's", () => {
    expect([isThere(process.pid), isThere(1), isThere(4_194_305)]).toEqual([true, true, false]);
  });

  test("ownMemory() adds what is swapped out, and leaves files and shared memory out", () => {
    const status = "VmRSS:\t  900 kB\nRssAnon:\t  100 kB\nRssFile:\t 500 kB\nRssShmem:\t 300 kB\nVmSwap:\t 20 kB\n";
    expect(ownMemory(status)).toBe(120 * 1024);
    expect(ownMemory("VmRSS:\t 900 kB\n")).toBeUndefined();
    expect(ownMemory(undefined)).toBeUndefined();
  });

  test("isDescendant() follows the parents up, and not down", () => {
    expect(isDescendant(process.pid, process.pid)).toBe(true);
    expect(isDescendant(process.pid, process.ppid)).toBe(true);
    expect(isDescendant(process.ppid, process.pid)).toBe(false);
    expect(isDescendant(4_194_305, process.pid)).toBe(false);
  });

  test("processUsage() is undefined when there is no such process", () => {
    expect(processUsage(4_194_305)).toBeUndefined(); // above the kernel's largest pid
  });
});

describe("withResourceLimits()", () => {
  const told = ["/bin/sh", "-c", "ulimit -S -t; ulimit -H -t; ulimit -n; ulimit -d; echo $PWD$1", "sh", "a b'$x"];

  test("withResourceLimits() sets what the kernel can hold, and changes no argument", async () => {
    const limits = { cpuMs: 2_100, files: 100, memoryBytes: 256 * MIB };
    const child = Bun.spawn([...withResourceLimits(told, limits, true)], { stdout: "pipe", env: {} });
    const [soft, hard, files, data, rest] = (await new Response(child.stdout).text()).split("\n");
    expect([soft, hard, files]).toEqual(["3", "4", "116"]);
    expect(Number(data) * 1024).toBe(dataLimitBytes(256 * MIB)!);
    expect(rest).toEndWith("a b'$x");
  });

  test("withResourceLimits() is the command itself when the kernel has nothing to hold", () => {
    expect(withResourceLimits(told, { stdoutBytesPerSecond: 1 }, true)).toBe(told);
    expect(withResourceLimits(told, { memoryBytes: 256 * MIB }, false)).toBe(told);
    expect(withResourceLimits(told, { memoryBytes: 1024 * 1024 * MIB }, true)).toBe(told);
  });

  test("withResourceLimits() still runs the command when the kernel refuses a limit", async () => {
    const argv = withResourceLimits(["/bin/echo", "runs"], { files: Number.MAX_SAFE_INTEGER }, true);
    const child = Bun.spawn([...argv], { stdout: "pipe", stderr: "pipe" });
    expect(await new Response(child.stdout).text()).toBe("runs\n");
    expect(await new Response(child.stderr).text()).toBe("");
  });

  test("dataLimitBytes() leaves room above the limit on memory in use", () => {
    fc.assert(
      fc.property(fc.integer({ min: 32 * MIB, max: 8_192 * MIB }), (bytes) => {
        const data = dataLimitBytes(bytes);
        if (data !== undefined) expect(data).toBeGreaterThan(1.5 * bytes + 200 * MIB);
      }),
    );
  });
});

describe("working directories", () => {
  test("makeWorkDirectory() makes an empty one that only its user can enter", () => {
    const base = mkdtempSync(join(tmpdir(), "distributed-system-test-"));
    const path = makeWorkDirectory(join(base, "work"), "1-2-3", 4);
    expect(path).toBe(join(base, "work", "1-2-3", "4"));
    expect(readdirSync(path)).toEqual([]);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    rmSync(base, { recursive: true });
  });

  test("makeWorkDirectory() fails with plugin.work_directory when there is a file in the way", () => {
    const base = mkdtempSync(join(tmpdir(), "distributed-system-test-"));
    writeFileSync(join(base, "work"), "");
    expect(() => makeWorkDirectory(join(base, "work"), "1-2-3", 4)).toThrow("cannot make");
    rmSync(base, { recursive: true });
  });

  test("clearStaleDirectories() removes those of dead instances and touches nothing else", async () => {
    const base = mkdtempSync(join(tmpdir(), "distributed-system-test-"));
    const own = ownInstance();
    const dead = `4194305-1-${own.split("-")[2]}`;
    for (const name of [own, dead, "1-1-1", "someone's own"]) {
      mkdirSync(join(base, name, "1"), { recursive: true });
      writeFileSync(join(base, name, "1", "file"), "");
    }
    await clearStaleDirectories(base);
    expect(readdirSync(base).sort()).toEqual(["1-1-1", own, "someone's own"].sort());
    await clearStaleDirectories(join(base, "nowhere"));
    expect(existsSync(join(base, "nowhere"))).toBe(false);
    rmSync(base, { recursive: true });
  });
});
