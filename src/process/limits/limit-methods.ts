/** How limits are kept on this machine, in words that a person can act on. `doctor` prints it. */
import { existsSync } from "node:fs";
import { type CgroupHome, type CgroupRefusal, findCgroupHome } from "./cgroup.ts";
import { processUsage } from "./proc.ts";
import { hasShell } from "./resource-limits.ts";
import { missingForWarden } from "./warden.ts";

export type LimitMethod = "cgroup" | "prlimit" | "watched" | "none";

export interface LimitMethods {
  /** Whatever it says, a limit on memory is watched from outside too where there is a /proc. */
  readonly memory: LimitMethod;
  readonly cpu: Exclude<LimitMethod, "cgroup">;
  readonly files: Exclude<LimitMethod, "cgroup">;
  /** The daemon reads it itself. */
  readonly stdout: "counted";
  /**
   * What a plugin has started and left behind: ended by a warden process even when the daemon is killed; by the daemon
   * only, while it lives; or as far as it stays in the host's process group.
   */
  readonly orphans: "warden" | "daemon" | "group";
  readonly why: Readonly<Record<"memory" | "cpu" | "files" | "orphans", string>>;
}

export interface Machine {
  readonly cgroup: CgroupHome | CgroupRefusal;
  readonly shell: boolean;
  /** /proc shows what a process uses. */
  readonly usage: boolean;
  /** /proc shows a process's environment. */
  readonly environment: boolean;
  readonly missingForWarden: string | undefined;
}

export function thisMachine(): Machine {
  return {
    cgroup: findCgroupHome(),
    shell: hasShell(),
    usage: processUsage(process.pid) !== undefined,
    environment: existsSync("/proc/self/environ"),
    missingForWarden: missingForWarden(),
  };
}

export function limitMethods(machine: Machine = thisMachine()): LimitMethods {
  const kept = keptBy(machine);
  return {
    memory: "path" in machine.cgroup ? "cgroup" : kept,
    cpu: kept,
    files: kept,
    stdout: "counted",
    orphans: orphansBy(machine),
    why: { memory: whyMemory(machine), cpu: whyKept(machine), files: whyKept(machine), orphans: whyOrphans(machine) },
  };
}

function keptBy({ shell, usage }: Machine): "prlimit" | "watched" | "none" {
  if (shell) return "prlimit";
  return usage ? "watched" : "none";
}

function whyKept({ shell, usage }: Machine): string {
  const watched = usage ? "looks from outside give the reason" : "there is no /proc to look from outside";
  if (shell) return `a limit of the kernel on each host process; ${watched}`;
  return usage
    ? "no /bin/sh to set the kernel's limits: only looked at from outside"
    : "neither /bin/sh nor /proc is here";
}

function whyMemory({ cgroup, shell, usage }: Machine): string {
  if ("path" in cgroup) return `a control group (version ${cgroup.version}) for each host, below ${cgroup.path}`;
  const instead = shell
    ? "instead the kernel limits what a host reserves, as a hard stop at about twice the limit"
    : "and there is no /bin/sh to set a limit of the kernel";
  const watched = usage
    ? "; looks from outside, every 50 to 250 ms, keep the limit itself"
    : "; there is no /proc to look";
  return `${cgroup.why}; ${instead}${watched}`;
}

function orphansBy({ environment, missingForWarden: missing }: Machine): LimitMethods["orphans"] {
  if (missing === undefined) return "warden";
  return environment ? "daemon" : "group";
}

function whyOrphans({ environment, missingForWarden: missing }: Machine): string {
  if (missing === undefined)
    return "a small shell beside the daemon ends what plugins have started, even after a kill -9";
  if (environment)
    return `no warden, for ${missing} is missing: what a plugin has started outlives a kill -9 of the daemon`;
  return "no /proc: what a plugin has started and moved out of its process group is not found";
}
