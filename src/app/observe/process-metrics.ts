/**
 * The process itself, under the names that Prometheus's own client libraries use, so that dashboards made for these show it; and what
 * it is that runs here.
 */
import type { Histogram } from "../../base/histogram.ts";
import { type Collect, counter, gauge, histogram } from "../../base/metrics.ts";
import { processUsage } from "../../process/limits/index.ts";

const BUILD = gauge("distributed_system_build_info", "What runs here; always 1.");
const UPTIME = gauge("distributed_system_uptime_seconds", "Since this process began its work.");
const LAG = histogram(
  "distributed_system_event_loop_lag_seconds",
  "How late timers are called, looked at twice a second.",
);
const OWN = gauge(
  "distributed_system_process_own_memory_bytes",
  "Memory of this process alone, pages shared with others left out.",
);
const CPU = counter("process_cpu_seconds_total", "User and system CPU time spent.");
const RESIDENT = gauge("process_resident_memory_bytes", "Resident memory size.");
const STARTED = gauge("process_start_time_seconds", "Start time of the process since the epoch.");
const FILES = gauge("process_open_fds", "Open file descriptors.");

export interface ProcessPort {
  readonly version: string;
  /** The command that it carries out, such as master or run. */
  readonly command: string;
  /** A node's id, or a pipeline's name. */
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly startedMs: number;
  readonly nowMs: () => number;
  readonly loopLag?: Histogram | undefined;
}

const MS = 1_000;
const US = 1_000_000;

export function processMetrics({ command, loopLag, name, nowMs, startedMs, version }: ProcessPort): Collect {
  const build = {
    version,
    command,
    name,
    runtime: `bun ${Bun.version}`,
    platform: `${process.platform}-${process.arch}`,
  };
  return (out) => {
    const { system, user } = process.cpuUsage();
    const usage = processUsage(process.pid);
    out.set(BUILD, 1, build);
    out.set(UPTIME, Math.max(0, nowMs() - startedMs) / MS);
    out.set(STARTED, startedMs / MS);
    out.set(CPU, (system + user) / US);
    out.set(RESIDENT, process.memoryUsage.rss());
    out.set(OWN, usage?.memoryBytes);
    out.set(FILES, usage?.files);
    if (loopLag) out.durations(LAG, loopLag);
  };
}
