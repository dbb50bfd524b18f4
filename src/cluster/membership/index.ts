/** This node among others: who is a member, who is reachable, and whether this side of a partition goes on. */
export type { MembershipEvent } from "./events.ts";
export type { MemberExplanation } from "./explanation.ts";
export { DATAGRAM_BYTES_MAX, SEAL_BYTES_MAX, SYNC_BYTES_MAX } from "./limits.ts";
export { Membership, type MembershipRules } from "./membership.ts";
export { type MembershipOptions, membershipOptions, type NetworkKind } from "./options.ts";
export type { DatagramPort, MembershipPorts, Resolve, Seal, SyncPort } from "./ports.ts";
export { parseSeed } from "./seeds.ts";
export type { MembershipCounts } from "./tally.ts";
