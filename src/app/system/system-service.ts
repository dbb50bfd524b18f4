/** Answers the contract `system` from what the operating system and the node say at this moment. */
import { availableParallelism, freemem, hostname, loadavg, totalmem } from "node:os";
import type { Clock } from "../../base/clock.ts";
import { implement, type Service } from "../../wire/rpc/index.ts";
import { type HealthReport, type SystemInfo, systemContract } from "./system-contract.ts";

export interface SystemPorts {
  readonly clock: Pick<Clock, "now">;
  readonly version: string;
  readonly startedMs: number;
  /** The node as others see it. */
  readonly self: () => Pick<SystemInfo, "node" | "name" | "address" | "roles">;
  readonly health: () => HealthReport;
}

export function systemService(ports: SystemPorts): Service {
  return implement(systemContract, {
    get_system_info: () => infoOf(ports),
    health_check: () => ports.health(),
  });
}

function infoOf({ clock, self, startedMs, version }: SystemPorts): SystemInfo {
  return {
    ...self(),
    version,
    runtime: `bun ${Bun.version}`,
    platform: process.platform,
    architecture: process.arch,
    hostname: hostname(),
    pid: process.pid,
    startedMs,
    uptimeMs: Math.max(0, clock.now() - startedMs),
    cpus: availableParallelism(),
    loadAverage: loadavg().map((each) => Math.round(each * 100) / 100),
    memory: { totalBytes: totalmem(), freeBytes: freemem(), residentBytes: process.memoryUsage.rss() },
  };
}
