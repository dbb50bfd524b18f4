/** What is over a limit, why a host has ended, how much it printed: pure judgement, no process in sight. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Evidence, explainExit } from "../../../../src/process/limits/explain-exit.ts";
import { type HostLimits, limitExceeded } from "../../../../src/process/limits/host-limits.ts";
import { type LimitMethods, limitMethods, type Machine } from "../../../../src/process/limits/limit-methods.ts";
import { LINES_PER_SECOND, OutputMeter } from "../../../../src/process/limits/output-meter.ts";

const MIB = 2 ** 20;

describe("limitExceeded()", () => {
  const usage = { memoryBytes: 301.2 * MIB, cpuMs: 10_000, files: 1_025 };
  for (const [limits, reason] of [
    [{ memoryBytes: 256 * MIB }, "used 301.2 MiB of own memory, its limit is 256.0 MiB, and was killed"],
    [{ cpuMs: 10_000 }, "used up its 10 s of CPU time and was killed"],
    [{ cpuMs: 2_500 }, "used up its 2.5 s of CPU time and was killed"],
    [{ files: 1_024 }, "had 1,025 files open, its limit is 1,024, and was killed"],
  ] as const) {
    test(`limitExceeded() says in words what was too much when the limit is ${JSON.stringify(limits)}`, () => {
      expect(limitExceeded(limits, usage)).toMatchObject({ reason });
    });
  }

  test("limitExceeded() finds nothing when nothing is over, and something when anything is", () => {
    const amounts = fc.record({ memoryBytes: fc.nat(100), cpuMs: fc.nat(100), files: fc.nat(100) });
    const allowed = fc.record(
      { memoryBytes: fc.nat(100), cpuMs: fc.nat(100), files: fc.nat(100) },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(allowed, amounts, (limits: HostLimits, used) => {
        const { cpuMs = 101, files = 100, memoryBytes = 100 } = limits;
        const over = used.memoryBytes > memoryBytes || used.cpuMs >= cpuMs || used.files > files;
        expect(limitExceeded(limits, used) !== undefined).toBe(over);
      }),
    );
  });
});

describe("explainExit()", () => {
  const limits = { memoryBytes: 256 * MIB, cpuMs: 10_000 };
  const end = { signal: "SIGKILL", peakBytes: 100 * MIB, cpuMs: 100 };
  const nothing: Evidence = { outOfMemory: false, refusesMemory: false, sharedBytes: 64 * MIB };

  test("explainExit() blames memory when the kernel counted an out-of-memory kill", () => {
    expect(explainExit(limits, end, { ...nothing, outOfMemory: true })).toEqual({
      limit: "memory",
      reason: "needed more own memory than it may have, its limit is 256.0 MiB, and was killed by the kernel",
    });
  });

  test("explainExit() blames CPU time when the signal is SIGXCPU, or SIGKILL after all of it", () => {
    const reason = "used up its 10 s of CPU time and was killed";
    expect(explainExit(limits, { ...end, signal: "SIGXCPU" }, nothing)).toEqual({ limit: "cpu", reason });
    expect(explainExit(limits, { ...end, cpuMs: 11_000 }, nothing)).toEqual({ limit: "cpu", reason });
  });

  for (const signal of ["SIGABRT", "SIGTRAP", "SIGSEGV"]) {
    test(`explainExit() blames memory when ${signal} comes with as much memory as the limit, which the kernel holds`, () => {
      const large = { ...end, signal, peakBytes: 400 * MIB };
      expect(explainExit(limits, large, { ...nothing, refusesMemory: true })).toEqual({
        limit: "memory",
        reason: `was refused more memory at 336.0 MiB, its limit is 256.0 MiB, and ended by ${signal}`,
      });
      expect(explainExit(limits, large, nothing)).toBeUndefined();
      expect(
        explainExit(limits, { ...large, peakBytes: 300 * MIB }, { ...nothing, refusesMemory: true }),
      ).toBeUndefined();
    });
  }

  test("explainExit() blames nothing when the end shows no limit", () => {
    const all: Evidence = { outOfMemory: true, refusesMemory: true, sharedBytes: 0 };
    expect(explainExit(limits, { ...end, signal: null }, all)).toBeUndefined();
    expect(explainExit(limits, end, nothing)).toBeUndefined();
    expect(explainExit({}, { signal: "SIGXCPU", peakBytes: 1e12, cpuMs: 1e12 }, all)).toBeUndefined();
  });
});

describe("OutputMeter", () => {
  test("OutputMeter takes a second's worth at once, and then as much as time gives back", () => {
    const meter = new OutputMeter(1_000, 0);
    expect(meter.takeBytes(1_000, 0)).toBe(true);
    expect(meter.takeBytes(1, 0)).toBe(false);
    expect(meter.takeBytes(500, 500)).toBe(true);
    expect(meter.takeBytes(1, 500)).toBe(false);
    expect(meter.takeBytes(1_000, 60_000)).toBe(true);
    expect(meter.takeBytes(1_001, 120_000)).toBe(false);
  });

  test("OutputMeter lets no more than two seconds' worth through in any second", () => {
    const steps = fc.array(fc.tuple(fc.nat(300), fc.nat(400)), { maxLength: 60 });
    fc.assert(
      fc.property(steps, (chunks) => {
        const meter = new OutputMeter(1_000, 0);
        const taken: [number, number][] = [];
        let now = 0;
        for (const [later, bytes] of chunks) {
          now += later;
          if (meter.takeBytes(bytes, now)) taken.push([now, bytes]);
        }
        for (const [from] of taken) {
          const within = taken.filter(([at]) => at >= from && at < from + 1_000);
          expect(within.reduce((sum, [, bytes]) => sum + bytes, 0)).toBeLessThanOrEqual(2_000);
        }
      }),
    );
  });

  test("OutputMeter counts the lines that are left out, each of them once", () => {
    const meter = new OutputMeter(1, 0);
    const shown = Array.from({ length: LINES_PER_SECOND + 50 }, () => meter.takeLine(0)).filter(Boolean);
    expect(shown).toHaveLength(LINES_PER_SECOND);
    expect(meter.takeLeftOut()).toBe(50);
    expect(meter.takeLeftOut()).toBe(0);
    expect(meter.takeLine(1)).toBe(true);
  });
});

describe("limitMethods()", () => {
  const whole: Machine = {
    cgroup: { version: 2, path: "/sys/fs/cgroup/own" },
    shell: true,
    usage: true,
    environment: true,
    missingForWarden: undefined,
  };
  const shared = { why: "3 processes share this group; start it with a group of its own" };
  for (const [what, machine, methods] of [
    ["everything is here", whole, { memory: "cgroup", cpu: "prlimit", files: "prlimit", orphans: "warden" }],
    ["no group can be made", { ...whole, cgroup: shared }, { memory: "prlimit", orphans: "warden" }],
    [
      "there is no shell",
      { ...whole, cgroup: shared, shell: false, missingForWarden: "/bin/sh" },
      { memory: "watched", cpu: "watched", files: "watched", orphans: "daemon" },
    ],
    [
      "it is not Linux",
      { cgroup: shared, shell: true, usage: false, environment: false, missingForWarden: "/proc" },
      { memory: "prlimit", cpu: "prlimit", orphans: "group" },
    ],
    [
      "there is nothing at all",
      { cgroup: shared, shell: false, usage: false, environment: false, missingForWarden: "/proc" },
      { memory: "none", cpu: "none", files: "none", orphans: "group", stdout: "counted" },
    ],
  ] as const satisfies readonly (readonly [string, Machine, Partial<LimitMethods>])[]) {
    test(`limitMethods() says how limits are kept when ${what}`, () => {
      const found = limitMethods(machine);
      expect(found).toMatchObject(methods);
      for (const why of Object.values(found.why)) expect(why).toMatch(/^\S.{15,}\S$/);
      if (found.memory !== "cgroup") expect(found.why.memory).toContain("start it with a group of its own");
    });
  }
});
