/** The durable log of a Raft group: see README.md. */
export { diskFiles, type LogFile, type LogFiles, type OpenMode } from "./files.ts";
export { type LogOptions, type OpenedLog, RaftLog } from "./raft-log.ts";
export type { SnapshotPlace } from "./snapshot-ports.ts";
export type { Durability, Finding, FoundState, LogStats, Severity } from "./types.ts";
