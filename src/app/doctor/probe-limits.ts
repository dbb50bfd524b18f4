/** Reads the limits on this process and on what it starts. */
import { limitMethods } from "../../process/limits/index.ts";
import type { Diagnosis } from "./check.ts";
import {
  judgeAddressSpace,
  judgeCoreDumps,
  judgeMemoryLimits,
  judgeOpenFiles,
  judgeOrphanCare,
  judgeProcesses,
  unreadable,
} from "./judge-limits.ts";
import { leastInGroups, numberOf, resourceLimit, textOf } from "./system-files.ts";

const LIMITS = "/proc/self/limits";
const CORE_PATTERN = "/proc/sys/kernel/core_pattern";

export function probeMemoryLimits(): Diagnosis {
  return judgeMemoryLimits(limitMethods());
}

export function probeOrphanCare(): Diagnosis {
  return judgeOrphanCare(limitMethods());
}

export function probeOpenFiles(): Diagnosis {
  const limit = ownLimit("Max open files");
  return limit ? judgeOpenFiles(limit) : unreadable(LIMITS);
}

export function probeProcesses(): Diagnosis {
  const limits = [
    ownLimit("Max processes")?.soft,
    leastInGroups("pids", { v1: "pids.max", v2: "pids.max" }),
    numberOf("/proc/sys/kernel/threads-max"),
    numberOf("/proc/sys/kernel/pid_max"),
  ].filter((limit) => limit !== undefined);
  if (limits.length === 0) return unreadable(LIMITS);
  return judgeProcesses(Math.min(...limits), threadsRunning());
}

export function probeAddressSpace(): Diagnosis {
  const limit = ownLimit("Max address space");
  if (!limit) return unreadable(LIMITS);
  return judgeAddressSpace({ limitBytes: limit.soft, overcommit: numberOf("/proc/sys/vm/overcommit_memory") });
}

export function probeCoreDumps(): Diagnosis {
  const limit = ownLimit("Max core file size");
  const pattern = textOf(CORE_PATTERN)?.trim();
  if (!limit || pattern === undefined) return unreadable(limit ? CORE_PATTERN : LIMITS);
  return judgeCoreDumps({ limitBytes: limit.soft, pattern });
}

function ownLimit(name: string) {
  return resourceLimit(textOf(LIMITS) ?? "", name);
}

/** All threads of the machine (or container), as the fourth field of /proc/loadavg counts them. */
function threadsRunning(): number | undefined {
  const found = /\d+\/(\d+)/.exec(textOf("/proc/loadavg") ?? "")?.[1];
  return found === undefined ? undefined : Number(found);
}
