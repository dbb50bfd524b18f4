/** Upstreams: connections to them, and which of them is asked. */
export { AddressRules, readHost } from "./addresses.ts";
export { groupSettings, type TlsMaterial } from "./group-settings.ts";
export type {
  GroupCall,
  GroupCounts,
  GroupEvents,
  GroupRequest,
  GroupSettings,
  NamedContext,
  NamedRequest,
  NamedTargets,
  TargetEvent,
  TargetHealth,
  TargetStanding,
  TryReason,
} from "./group-words.ts";
export { defaultUpstreamLimits } from "./limits.ts";
export { UpstreamPools, type UpstreamPorts } from "./pools.ts";
export type { Resolve, ResolvedAddress } from "./resolver.ts";
export { type StickyNames, stickyNames } from "./sticky-names.ts";
export { type GroupPorts, TargetGroup } from "./target-group.ts";
