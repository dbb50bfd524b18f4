/** What a group needs of those around it, in its own words. */
import type { Clock } from "../../../base/clock.ts";
import type { Random } from "../../../base/random.ts";
import type { Entry, HardState, NodeId, RaftMessage, SnapshotInfo } from "../../../protocol/raft/index.ts";

/** What the group replicates. Deterministic: same commands, same state, on every node and in every version that reads the log. */
export interface ReplicatedMachine {
  /** `clockMs` never goes back. Gives the command's outcome; throws for nothing that a client can send. */
  apply(command: Uint8Array, at: { readonly index: number; readonly clockMs: number }): unknown;
  /** An entry of the log that is no command has this index. */
  skip(index: number): void;
  /** Of the last command. */
  readonly clockMs: number;
  /** When something in it is due, on that clock. */
  readonly nextDueMs: number | undefined;
  /** The command that says that time has passed, and nothing else. */
  tick(): Uint8Array;
  /** The state as it is now, whatever is applied while the pieces are taken. */
  snapshot(): Iterable<Uint8Array>;
  /** All or nothing. */
  restore(pieces: Iterable<Uint8Array>): void;
}

/** What a look at the disk has found; see `Finding` of `consensus/log`. */
export interface LogFinding {
  readonly severity: "info" | "harmless" | "damage";
  readonly code: string;
  readonly file: string;
  readonly message: string;
}

/** See `RaftLog`. */
export interface GroupLog {
  /** Durable when it returns, or when that resolves. Fails with something `retryable` when the same may be tried again. */
  persist(hardState: HardState | undefined, entries: readonly Entry[]): void | Promise<void>;
  /** Entries up to this one may go. */
  compact(throughIndex: number): void | Promise<void>;
  /** Writes the own state down and puts it in force. */
  takeSnapshot(
    at: Pick<SnapshotInfo, "index" | "term" | "configuration">,
    pieces: Iterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<SnapshotInfo>;
  readPiece(info: SnapshotInfo, offset: number, sizeBytesMax: number): Uint8Array | Promise<Uint8Array>;
  storePiece(info: SnapshotInfo, offset: number, data: Uint8Array): void | Promise<void>;
  /** Checks what was received and puts it in force; the whole log goes. Fails when the bytes are not what they should be. */
  installSnapshot(info: SnapshotInfo): void | Promise<void>;
  /** The pieces of the snapshot in force, as `takeSnapshot` got them, cut anywhere. */
  readSnapshot(info: SnapshotInfo): Iterable<Uint8Array>;
  markRepaired(): void | Promise<void>;
  /** Reads everything on the disk again: what has rotted since. */
  scrub(signal: AbortSignal): Promise<readonly LogFinding[]>;
  /** Writes all entries behind the snapshot once more. */
  rewrite(entries: readonly Entry[]): Promise<void>;
  close(): void | Promise<void>;
}

export interface GroupPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: GroupLog;
  readonly machine: ReplicatedMachine;
  /** Gives the message away, or says false: nobody can be reached. */
  readonly send: (to: NodeId, message: RaftMessage) => boolean;
  /** Calls back once what has arrived by now was heard: what came together is written together. */
  readonly defer: (callback: () => void) => void;
  /** The group cannot go on: its disk fails, or a defect. It is silent from then on. */
  readonly failed: (thrown: unknown) => void;
  readonly tell: (text: string, fields?: Readonly<Record<string, unknown>>) => void;
}
