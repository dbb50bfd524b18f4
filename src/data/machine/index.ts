/** The state machine that a group replicates: commands in, outcomes out, snapshots, reads, watches. */
export type { ChangeKind } from "./changes.ts";
export { COMMAND_VERSION, decodeCommand, encodeCommand } from "./codec.ts";
export {
  ANSWERS_BYTES_MAX,
  SESSION_SILENCE_MS,
  SESSIONS_MAX,
  TRANSACTION_READ_BYTES_MAX,
} from "./limits.ts";
export { DataMachine, type DataMachineOptions, type DataStats, type EntryPlace, type WatchQuery } from "./machine.ts";
export type { SessionBounds } from "./sessions.ts";
