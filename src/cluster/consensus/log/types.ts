/** What the log tells others: what it found, what it gives back when it is opened, how it does. */
import type { DurableState } from "../../../protocol/raft/index.ts";

/** `relaxed` syncs every so often only: what was acknowledged in between is lost with the machine's power. */
export type Durability = "fsync" | "relaxed";

/**
 * `info`: nothing that was durable is concerned (a torn write that nobody was told of). `harmless`: damage, but what it hit exists
 * elsewhere or is covered by a snapshot. `damage`: something that was durable is lost here and must come from others.
 */
export type Severity = "info" | "harmless" | "damage";

export interface Finding {
  readonly severity: Severity;
  /** Stable: `raft.log.…`. */
  readonly code: string;
  /** Relative to the log's directory. */
  readonly file: string;
  readonly offset: number;
  readonly sizeBytes: number;
  /** Of the entries concerned, where they are known. */
  readonly firstIndex: number | undefined;
  readonly lastIndex: number | undefined;
  readonly message: string;
}

export interface LogStats {
  readonly durability: Durability;
  readonly bytes: number;
  readonly segments: number;
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly snapshotIndex: number;
  readonly snapshotBytes: number;
  readonly syncs: number;
  readonly syncMsLast: number;
  readonly syncMsP50: number;
  readonly syncMsP99: number;
  /** Whether syncs go to a thread, because the disk is slow. */
  readonly isSyncingAside: boolean;
  readonly isDamaged: boolean;
  readonly hardStateLost: boolean;
  /** Why nothing can be written any more. */
  readonly failure: string | undefined;
}

/** The machine's `DurableState`, but for the group's first configuration: whoever starts the group knows that. */
export type FoundState = Omit<DurableState, "configuration">;
