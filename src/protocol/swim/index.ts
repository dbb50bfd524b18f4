/** SWIM: who is a member, who is alive, and how all of them come to know. */

export type { SwimCounts, SwimSizes } from "./counts.ts";
export type { Confirmation, Explanation, IndirectProbe, ProbeExplanation } from "./explanation.ts";
export { leaderOf } from "./leader.ts";
export type {
  AckMessage,
  Address,
  DatagramMessage,
  GossipMessage,
  LinkState,
  Member,
  MemberEvent,
  MemberState,
  NackMessage,
  NodeMeta,
  Peer,
  PingMessage,
  PingReqMessage,
  SwimEffect,
  SwimInput,
  SwimMessage,
  SyncMessage,
  Update,
} from "./messages.ts";
export {
  BORN_MS_MAX,
  HOST_LENGTH_MAX,
  ID_LENGTH_MAX,
  INCARNATION_MAX,
  type OptionFault,
  type SelfDescription,
  type SwimOptions,
  validateSwim,
} from "./options.ts";
export { addressText, compareNews, isSameAddress } from "./precedence.ts";
export { lanOptions, localOptions, sizeOfUpdate, wanOptions } from "./presets.ts";
export { type SwimRules, swimRules } from "./rules.ts";
export { Swim, type SwimPhase } from "./swim.ts";
