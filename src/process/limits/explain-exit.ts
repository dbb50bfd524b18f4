/**
 * Why a host has ended, where the kernel ended it for a limit: it gives a signal only, and a runtime that gets no more
 * memory crashes in ways of its own. Nothing is guessed that the evidence does not show.
 */
import { formatBytes } from "../../base/units.ts";
import { cpuExceeded, type HostLimits, type LimitExceeded, memoryExceeded, outOfMemory } from "./host-limits.ts";

export interface EndOfHost {
  readonly signal: string | null;
  /** Most memory at any moment, what it shares with others included. */
  readonly peakBytes: number;
  /** Of its whole life, children that it has waited for included. */
  readonly cpuMs: number;
}

export interface Evidence {
  /** The kernel counted an out-of-memory kill in the host's group. */
  readonly outOfMemory: boolean;
  /** A limit on reserved memory was set: the kernel refuses more. */
  readonly refusesMemory: boolean;
  /** Of the peak, at most this much is not its own: segments and the program itself. */
  readonly sharedBytes: number;
}

/** How a JavaScript runtime ends that is refused memory. */
const CRASHES: ReadonlySet<string> = new Set(["SIGABRT", "SIGTRAP", "SIGSEGV", "SIGBUS", "SIGILL"]);

/** The limit behind an end that nobody here has caused, or undefined when it was none. */
export function explainExit(limits: HostLimits, end: EndOfHost, evidence: Evidence): LimitExceeded | undefined {
  const { cpuMs, memoryBytes } = limits;
  if (end.signal === null) return undefined;
  if (memoryBytes !== undefined && evidence.outOfMemory && end.signal === "SIGKILL") {
    return outOfMemory(limits);
  }
  if (cpuMs !== undefined && (end.signal === "SIGXCPU" || (end.signal === "SIGKILL" && end.cpuMs >= cpuMs))) {
    return cpuExceeded(cpuMs);
  }
  const ownBytes = end.peakBytes - evidence.sharedBytes;
  if (memoryBytes !== undefined && evidence.refusesMemory && CRASHES.has(end.signal) && ownBytes >= memoryBytes) {
    return memoryExceeded(
      `was refused more memory at ${formatBytes(ownBytes)}`,
      memoryBytes,
      `and ended by ${end.signal}`,
    );
  }
  return undefined;
}
