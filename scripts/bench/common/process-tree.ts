/**
 * What a process and its descendants use, read from /proc: CPU seconds and own memory. Own memory is RssAnon: pages that
 * belong to this process alone. Pages of the executable and shared memory are counted apart, because the sum over
 * processes would count them many times.
 */
import { readdirSync, readFileSync } from "node:fs";

export interface ProcessUsage {
  readonly pid: number;
  readonly command: string;
  userSeconds: number;
  systemSeconds: number;
  ownBytes: number;
  ownBytesPeak: number;
  sharedBytes: number;
  /** User and system time of the main thread; the rest is compiling, collecting garbage and writing. */
  mainThreadSeconds: number;
}

/** Of Linux on every machine that Bun runs on. */
const TICKS_PER_SECOND = 100;
const KIB = 1024;

export class ProcessTree {
  readonly #root: number;
  /** Ended processes stay, with what was last seen of them. */
  readonly processes = new Map<number, ProcessUsage>();
  ownBytes = 0;

  constructor(root: number) {
    this.#root = root;
  }

  /** Looks once. */
  sample(): void {
    this.ownBytes = 0;
    for (const pid of descendants(this.#root)) {
      const usage = this.#look(pid);
      if (usage) this.ownBytes += usage.ownBytes;
    }
  }

  #look(pid: number): ProcessUsage | undefined {
    const status = readText(`/proc/${pid}/status`);
    const stat = readText(`/proc/${pid}/stat`);
    if (!status || !stat) return undefined;
    const usage = this.processes.get(pid) ?? newUsage(pid);
    [usage.userSeconds, usage.systemSeconds] = cpuSeconds(stat);
    const [user, system] = cpuSeconds(readText(`/proc/${pid}/task/${pid}/stat`) ?? stat);
    usage.mainThreadSeconds = user + system;
    usage.ownBytes = kibibytes(status, "RssAnon");
    usage.sharedBytes = Math.max(usage.sharedBytes, kibibytes(status, "RssShmem"));
    usage.ownBytesPeak = Math.max(usage.ownBytesPeak, usage.ownBytes);
    this.processes.set(pid, usage);
    return usage;
  }
}

/** Direct and indirect children, the root first. */
export function descendants(root: number): number[] {
  const found = [root];
  for (let at = 0; at < found.length; at++) {
    const text = readText(`/proc/${found[at]}/task/${found[at]}/children`) ?? "";
    for (const pid of text.split(" ")) if (pid !== "") found.push(Number(pid));
  }
  return found;
}

/** As `descendants`, children of other threads than the main one included: a runtime may start its processes from any. */
export function descendantsOfAllThreads(root: number): number[] {
  const found = [root];
  for (let at = 0; at < found.length; at++) {
    for (const task of tasksOf(found[at]!)) {
      const text = readText(`/proc/${found[at]}/task/${task}/children`) ?? "";
      for (const pid of text.split(" ")) if (pid !== "") found.push(Number(pid));
    }
  }
  return found;
}

function tasksOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return []; // gone meanwhile
  }
}

export interface Memory {
  /** RssAnon: its own alone. */
  readonly ownBytes: number;
  /** VmRSS: with the pages of files that it shares with others. */
  readonly residentBytes: number;
}

export function memoryOf(pid: number): Memory {
  const status = readText(`/proc/${pid}/status`) ?? "";
  return { ownBytes: kibibytes(status, "RssAnon"), residentBytes: kibibytes(status, "VmRSS") };
}

function cpuSeconds(stat: string): [user: number, system: number] {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return [Number(fields[11]) / TICKS_PER_SECOND, Number(fields[12]) / TICKS_PER_SECOND];
}

function newUsage(pid: number): ProcessUsage {
  const command = (readText(`/proc/${pid}/cmdline`) ?? "").split("\0").join(" ").trim();
  const nothing = { userSeconds: 0, systemSeconds: 0, mainThreadSeconds: 0 };
  return { pid, command, ...nothing, ownBytes: 0, ownBytesPeak: 0, sharedBytes: 0 };
}

function kibibytes(status: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0) * KIB;
}

/** Undefined when the process has gone meanwhile. */
function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return undefined;
  }
}
