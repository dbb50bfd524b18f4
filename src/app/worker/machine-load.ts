/** How busy this machine is, from /proc: what a worker tells its masters of itself. */
import { readFileSync } from "node:fs";

/** A look costs 0.1 ms; between two of them processors may have been busy and idle a hundred times. */
const LOOK_INTERVAL_MS = 500;

export interface MachineLoad {
  /** Shares in use, 0 to 1: of all processors since the last look, and of the memory. */
  readonly cpu: number;
  readonly memory: number;
}

/**
 * Looks at once, then at most every half second, however often it is asked. Undefined until it has looked twice: one look tells the
 * average since the machine started.
 */
export function machineLoad(nowMs: () => number): () => MachineLoad | undefined {
  let lookedMs = nowMs();
  let before = processorTimes(readFileSync("/proc/stat", "utf8"));
  let load: MachineLoad | undefined;
  return () => {
    if (nowMs() - lookedMs < LOOK_INTERVAL_MS) return load;
    lookedMs = nowMs();
    const times = processorTimes(readFileSync("/proc/stat", "utf8"));
    const all = times.all - before.all;
    const cpu = all > 0 ? (times.busy - before.busy) / all : (load?.cpu ?? 0);
    before = times;
    load = { cpu: share(cpu), memory: share(usedMemory(readFileSync("/proc/meminfo", "utf8"))) };
    return load;
  };
}

/** Of the line `cpu user nice system idle iowait irq softirq steal guest guest_nice`, in ticks. */
export function processorTimes(stat: string): { readonly busy: number; readonly all: number } {
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = stat
    .slice(0, stat.indexOf("\n"))
    .split(/\s+/)
    .slice(1)
    .map(Number);
  const busy = user + nice + system + irq + softirq + steal;
  return { busy, all: busy + idle + iowait };
}

export function usedMemory(meminfo: string): number {
  const kilobytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(meminfo)?.[1] ?? 0);
  const total = kilobytes("MemTotal");
  return total > 0 ? 1 - kilobytes("MemAvailable") / total : 0;
}

function share(value: number): number {
  return Math.min(1, Math.max(0, value));
}
