/** What a node says of itself to operators and tests. */

import type { Role } from "./core.ts";
import type { Configuration, NodeId } from "./messages.ts";
import type { ProgressState } from "./progress.ts";

export interface FollowerStatus {
  readonly id: NodeId;
  readonly state: ProgressState;
  /** Durable there and the same as here; what it is sent next. */
  readonly match: number;
  readonly next: number;
  readonly inflightMessages: number;
  readonly inflightBytes: number;
  /** Heard within an election time-out. */
  readonly isActive: boolean;
  readonly isDamaged: boolean;
  /** The next byte of the snapshot that it is sent. */
  readonly snapshotOffset: number | undefined;
}

export interface RaftStatus {
  readonly id: NodeId;
  readonly role: Role;
  readonly term: number;
  readonly leader: NodeId | undefined;
  readonly configuration: Configuration;
  readonly commit: number;
  readonly applied: number;
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly durableIndex: number;
  readonly logBytes: number;
  readonly snapshotIndex: number;
  /** `hopeless`: the only voter is damaged, and nobody else has what it lost. */
  readonly damage: "none" | "awaitsRepair" | "hopeless";
  readonly isRestoring: boolean;
  readonly isTransferring: boolean;
  readonly readsWaiting: number;
  /** While it leads. */
  readonly followers: readonly FollowerStatus[];
}
