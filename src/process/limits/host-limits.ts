/**
 * What one plugin host may use of its machine, as data, and the words for each limit that was crossed. Wall time for a
 * batch is the stage's; what is here belongs to the process: it holds from its start to its end, whatever it works on.
 */
import { formatBytes, formatCount } from "../../base/units.ts";

export interface HostLimits {
  /** Own memory: what the process and its children have allocated, without files and segments that it shares. */
  readonly memoryBytes?: number | undefined;
  /** Processor time of the process's whole life, user and system together. */
  readonly cpuMs?: number | undefined;
  /** Open file descriptors. */
  readonly files?: number | undefined;
  /** What the process may print: descriptors 1 and 2 and its log together. STDOUT_BYTES_PER_SECOND when left out. */
  readonly stdoutBytesPerSecond?: number | undefined;
}

export type LimitName = "memory" | "cpu" | "files" | "stdout";

/** Which limit ended a host, and how in words: `used 301.2 MiB of own memory, its limit is 256.0 MiB, and was killed`. */
export interface LimitExceeded {
  readonly limit: LimitName;
  readonly reason: string;
}

/** What a process uses at one moment. */
export interface ProcessUsage {
  /** Own memory, swapped out or not. */
  readonly memoryBytes: number;
  readonly cpuMs: number;
  /** Left out where another user's process does not show them. */
  readonly files?: number;
}

/**
 * Nobody reads 8 MiB of text a second (some 80,000 lines), a plugin that prints every record at full speed exceeds it, and
 * the daemon takes it in with a fraction of a core.
 */
export const STDOUT_BYTES_PER_SECOND = 8 * 2 ** 20;

/** A plan's limit in whole seconds, as the kernel counts processor time; never less than asked for. */
export function cpuSeconds(cpuMs: number): number {
  return Math.max(1, Math.ceil(cpuMs / 1000));
}

/** The first limit that the usage is over, or undefined. At a limit is not over it. */
export function limitExceeded(limits: HostLimits, usage: ProcessUsage): LimitExceeded | undefined {
  const { cpuMs, files, memoryBytes } = limits;
  if (memoryBytes !== undefined && usage.memoryBytes > memoryBytes) {
    return memoryExceeded(`used ${formatBytes(usage.memoryBytes)} of own memory`, memoryBytes, "and was killed");
  }
  if (cpuMs !== undefined && usage.cpuMs >= cpuMs) return cpuExceeded(cpuMs);
  if (files !== undefined && usage.files !== undefined && usage.files > files) {
    const [open, allowed] = [formatCount(usage.files), formatCount(files)];
    return { limit: "files", reason: `had ${open} files open, its limit is ${allowed}, and was killed` };
  }
  return undefined;
}

export function memoryExceeded(what: string, memoryBytes: number, then: string): LimitExceeded {
  return { limit: "memory", reason: `${what}, its limit is ${formatBytes(memoryBytes)}, ${then}` };
}

export function outOfMemory({ memoryBytes = 0 }: HostLimits): LimitExceeded {
  return memoryExceeded("needed more own memory than it may have", memoryBytes, "and was killed by the kernel");
}

export function cpuExceeded(cpuMs: number): LimitExceeded {
  return { limit: "cpu", reason: `used up its ${seconds(cpuMs)} of CPU time and was killed` };
}

export function outputExceeded(bytesPerSecond: number): LimitExceeded {
  const allowed = formatBytes(bytesPerSecond);
  return { limit: "stdout", reason: `printed more than ${allowed} in a second, its limit, and was killed` };
}

function seconds(ms: number): string {
  return `${Number((ms / 1000).toFixed(3))} s`;
}
