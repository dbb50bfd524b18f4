/** The web application firewall's engine: rules loaded once, a transaction for each request. */
export { diskWafFiles } from "./disk-files.ts";
export { PIECE_CHARACTERS_MAX, PIECE_SHOWN_CHARACTERS } from "./limits.ts";
export { type LoadedWaf, loadWaf, loadWafInTurns, type WafPorts } from "./load.ts";
export { refusalsOf, type WafRefusal, type WafUse } from "./refusals.ts";
export type { OpenedBody } from "./request-body.ts";
export type { WafTransaction } from "./transaction.ts";
export { Turn } from "./turn.ts";
export type { Waf } from "./waf.ts";
export type {
  WafContext,
  WafCounts,
  WafFiles,
  WafMatch,
  WafPhase,
  WafProposal,
  WafRecord,
  WafReplyHead,
  WafRequestHead,
  WafSettings,
  WafUnsupported,
  WafVerdict,
} from "./words.ts";
