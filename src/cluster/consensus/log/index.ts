/** The durable log of a Raft group: see README.md. */
export { checkLog } from "./check.ts";
export { diskFiles, type LogFile, type LogFiles, type OpenMode } from "./files.ts";
export { type LogOptions, type OpenedLog, RaftLog } from "./raft-log.ts";
export type { SnapshotPlace } from "./snapshot-ports.ts";
export type { Durability, Finding, FoundState, LogCheck, LogStats, Severity } from "./types.ts";
