/** The firewall and masks, as steps and guards of a route. */
export { Firewall, type FirewallCounts, type FirewallPorts } from "./firewall.ts";
export { heldBytesFor, maskedBytesFor } from "./held-bodies.ts";
export { Inspections } from "./inspections.ts";
export type { MaskCounts } from "./mask-counts.ts";
export { MaskWork } from "./mask-work.ts";
export { type RouteMaskRules, RouteMasks } from "./masks.ts";
