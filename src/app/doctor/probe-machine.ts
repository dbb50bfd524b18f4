/** Reads memory, cores, clocks and versions. */
import { availableParallelism, freemem, release, totalmem } from "node:os";
import { type Clock, pause } from "../../base/clock.ts";
import type { Diagnosis } from "./check.ts";
import { judgeClock, judgeCores, judgeMemory, judgeSynchronisation, judgeVersions } from "./judge-machine.ts";
import { kernelSynchronisation } from "./kernel-clock.ts";
import { leastInGroups, numberOf, textOf } from "./system-files.ts";

const KIB = 1024;

export function probeMemory(): Diagnosis {
  const meminfo = textOf("/proc/meminfo") ?? "";
  const available = /^MemAvailable:\s+(\d+) kB$/m.exec(meminfo)?.[1];
  const totalBytes = totalmem();
  const groupBytes = leastInGroups("memory", { v1: "memory.limit_in_bytes", v2: "memory.max" });
  return judgeMemory({
    totalBytes,
    availableBytes: available === undefined ? freemem() : Number(available) * KIB,
    // Version 1 writes "no limit" as a number beyond any machine.
    groupLimitBytes: groupBytes !== undefined && groupBytes < totalBytes ? groupBytes : undefined,
  });
}

export function probeCores(): Diagnosis {
  return judgeCores({ cores: availableParallelism(), quota: cpuQuota() });
}

function cpuQuota(): number | undefined {
  const [quota, period] = (textOf("/sys/fs/cgroup/cpu.max") ?? "").trim().split(" ").map(Number);
  if (quota && period) return quota / period;
  const old = numberOf("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
  const oldPeriod = numberOf("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  return old && oldPeriod ? old / oldPeriod : undefined;
}

/** Long enough to see a clock that is being set, short enough to wait for. */
const CLOCK_MS = 250;

export async function probeClock(clock: Clock): Promise<Diagnosis> {
  const [wallFrom, runningFrom] = [clock.now(), clock.monotonic()];
  await pause(clock, CLOCK_MS);
  const [nowMs, running] = [clock.now(), clock.monotonic()];
  const overMs = running - runningFrom;
  return judgeClock({ nowMs, overMs, driftMs: nowMs - wallFrom - overMs });
}

export async function probeSynchronisation(): Promise<Diagnosis> {
  return judgeSynchronisation(await kernelSynchronisation());
}

export function probeVersions(program: string): Diagnosis {
  return judgeVersions({ program, runtime: Bun.version, platform: process.platform, release: release() });
}
