/** What the limits on this process mean for one that starts many. Pure: figures in, words out. */
import { formatBytes, formatCount } from "../../base/units.ts";
import type { LimitMethods } from "../../process/limits/index.ts";
import { bad, type Diagnosis, ok, unknown, warn } from "./check.ts";

/** A host takes three descriptors for talking and two for its memory in this process; a connection takes one. */
const FILES_A_HOST = 5;
const FILES_ENOUGH = 1024;
const FILES_LEAST = 256;

/** The runtime starts about a dozen threads in each host, and the kernel counts threads. */
const THREADS_A_HOST = 16;
const PROCESSES_ENOUGH = 1024;
const PROCESSES_LEAST = 256;

/** The runtime reserves some gigabytes of addresses without using them; measured, with room to grow. */
const ADDRESS_SPACE_LEAST = 16 * 2 ** 30;

const DELEGATE =
  "start it with a control group of its own: systemd-run --user --scope -p Delegate=yes distributed_system …, or Delegate=yes in its service";

export function judgeMemoryLimits({ memory, why }: Pick<LimitMethods, "memory" | "why">): Diagnosis {
  const found = `memory= of a stage is kept by ${METHOD_WORDS[memory]}: ${why.memory}`;
  if (memory === "cgroup") return ok(found);
  if (memory === "none") return bad(found, "mount /proc, and see that /bin/sh is there");
  return warn(found, DELEGATE);
}

const METHOD_WORDS: Readonly<Record<LimitMethods["memory"], string>> = {
  cgroup: "a control group",
  prlimit: "resource limits and by looking",
  watched: "looking from outside only",
  none: "nobody",
};

export function judgeOrphanCare({ orphans, why }: Pick<LimitMethods, "orphans" | "why">): Diagnosis {
  if (orphans === "warden") return ok(why.orphans);
  return warn(why.orphans, "mount /proc, and install sh, grep and sleep; or see that plugins start no processes");
}

/** Infinity is no limit. */
export function judgeOpenFiles({ soft, hard }: { readonly soft: number; readonly hard: number }): Diagnosis {
  const hosts = Math.floor(soft / FILES_A_HOST);
  const found = `${count(soft)} open files are allowed, room for about ${count(hosts)} hosts`;
  if (soft >= FILES_ENOUGH) return ok(found);
  const advice =
    hard > soft ? `ulimit -n ${count(hard, false)}` : "raise LimitNOFILE= of the service, or nofile in limits.conf";
  return soft < FILES_LEAST ? bad(found, advice) : warn(found, advice);
}

/** The least of the user's limit, the control group's and the kernel's. */
export function judgeProcesses(allowed: number, running: number | undefined): Diagnosis {
  const free = allowed - (running ?? 0);
  const used = running === undefined ? "" : `, ${formatCount(running)} of them in use`;
  const found = `${count(allowed)} processes and threads are allowed${used}, room for about ${count(Math.max(0, Math.floor(free / THREADS_A_HOST)))} hosts`;
  if (free >= PROCESSES_ENOUGH) return ok(found);
  const advice = "raise TasksMax= of the service, --pids-limit of the container, or ulimit -u";
  return free < PROCESSES_LEAST ? bad(found, advice) : warn(found, advice);
}

export interface AddressSpace {
  /** RLIMIT_AS; Infinity is no limit. */
  readonly limitBytes: number;
  /** vm.overcommit_memory; undefined where it cannot be read. */
  readonly overcommit: number | undefined;
}

export function judgeAddressSpace({ limitBytes, overcommit }: AddressSpace): Diagnosis {
  if (limitBytes < ADDRESS_SPACE_LEAST) {
    return bad(
      `addresses are limited to ${formatBytes(limitBytes)}; the runtime reserves more without using it`,
      "ulimit -v unlimited (LimitAS= of the service); limit memory by memory= of a stage instead",
    );
  }
  if (overcommit === 2) {
    return warn(
      "the kernel counts reserved memory as used (vm.overcommit_memory=2), and each host reserves gigabytes",
      "sysctl vm.overcommit_memory=0, or a vm.overcommit_ratio that leaves room for every host",
    );
  }
  return ok("reserving addresses is not limited");
}

export interface CoreDumps {
  /** RLIMIT_CORE; Infinity is no limit. */
  readonly limitBytes: number;
  /** kernel.core_pattern; a leading | hands the dump to a program. */
  readonly pattern: string;
}

/** A host is away while its dump is written, and a crash loop writes many. */
export function judgeCoreDumps({ limitBytes, pattern }: CoreDumps): Diagnosis {
  const piped = pattern.startsWith("|");
  if (limitBytes === 0 && !piped) {
    return ok("off: a plugin that segfaults leaves no file (ulimit -c unlimited, to look into one)");
  }
  const where = piped ? `go to ${pattern.slice(1).split(" ")[0]}` : `are written as ${pattern}`;
  const size = limitBytes === Number.POSITIVE_INFINITY ? "of any size" : `up to ${formatBytes(limitBytes)}`;
  const found = piped && limitBytes === 0 ? `dumps ${where}, of crashed plugins too` : `dumps ${size} ${where}`;
  return warn(
    found,
    "ulimit -c 0 where crashes have to be over quickly: a host is not replaced before its dump is written",
  );
}

export function unreadable(path: string): Diagnosis {
  return unknown(`${path} cannot be read here`);
}

function count(value: number, grouped = true): string {
  if (value === Number.POSITIVE_INFINITY) return "unlimited";
  return grouped ? formatCount(value) : String(value);
}
