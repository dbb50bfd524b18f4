/** Limits per plugin host, a clean environment, a directory of its own, and no orphans. */

export type { HostGuard, SpawnSettings } from "./host-guard.ts";
export { type GuardRequest, HostKeeper, hostKeeper } from "./host-keeper.ts";
export {
  type HostLimits,
  type LimitExceeded,
  type LimitName,
  outputExceeded,
  type ProcessUsage,
  STDOUT_BYTES_PER_SECOND,
} from "./host-limits.ts";
export { type InstanceState, instanceState } from "./instance.ts";
export { type LimitMethod, type LimitMethods, limitMethods } from "./limit-methods.ts";
export { findOrphans, killQuietly, type Orphan } from "./marked-processes.ts";
export { LINES_PER_SECOND, OutputMeter } from "./output-meter.ts";
export { isThere, pidNamespace, processUsage, startTicksOf } from "./proc.ts";
