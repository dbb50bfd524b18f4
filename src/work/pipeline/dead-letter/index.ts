/** The dead-letter file: its line format and the tools that read, replay and purge it. */
export type { DeadLetterFilter } from "./filter.ts";
export {
  type DeadLetter,
  type DeadLetterFields,
  type DeadLetterPayload,
  decodeDeadLetter,
  encodeDeadLetter,
} from "./letter.ts";
export { type PurgeOptions, type PurgeReport, purgeDeadLetters } from "./purge.ts";
export {
  type DamagedLine,
  type DeadLetterEntry,
  type ListOptions,
  listDeadLetters,
  type Replay,
  type ReplayReport,
  replayable,
  showDeadLetter,
} from "./read.ts";
export { type DeadLetterGroup, type DeadLetterSummary, summariseDeadLetters } from "./summary.ts";
