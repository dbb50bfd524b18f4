/** The words of the replicated data: commands, what they answer, and what a structure is. */
export type {
  Command,
  Compare,
  CounterOperation,
  Decision,
  EnqueueOperation,
  MapOperation,
  MarkedCommand,
  QueueSettings,
  Receipt,
  SessionMark,
  Transaction,
  TransactionOperation,
  TwoPhaseCommand,
  Value,
} from "./commands.ts";
export {
  COMMAND_BYTES_MAX,
  DATA_BYTES_MAX,
  KEY_CHARS_MAX,
  MESSAGES_AT_ONCE_MAX,
  NAME_CHARS_MAX,
  PARTICIPANTS_MAX,
  PRIVATE_PREFIX,
  SESSION_SILENCE_MS_MIN,
  SESSION_WINDOW,
  TRANSACTION_OPERATIONS_MAX,
  TTL_MS_MAX,
  TTL_MS_MIN,
  VALUE_BYTES_MAX,
} from "./limits.ts";
export type { Answer, Done, Refused } from "./outcome.ts";
export { done, failureOf, refused } from "./outcome.ts";
export { prefixEnd } from "./prefix.ts";
export type {
  CasReply,
  CounterReply,
  DequeueReply,
  DistributedReply,
  EnqueueReply,
  Entry,
  LeaseReply,
  LockReply,
  LockView,
  MapEvent,
  MapReply,
  Message,
  OperationReply,
  Outcome,
  PurgeReply,
  QueueStats,
  ReceiptsReply,
  TransactionReply,
} from "./replies.ts";
export { compareValues, RECORD_BYTES, sameValue, valueBytes } from "./sizes.ts";
export type { Moment, Structure, Transactional } from "./structure.ts";
