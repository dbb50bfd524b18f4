/**
 * The words of a Raft node: what goes in, what comes out, and what nodes say to each other. Terms, indexes and names are those of
 * Ongaro's dissertation. All of it is plain data; who drives the machine encodes messages, keeps entries on disk and applies them.
 */

/** A node's id, unique in its group for ever: one that has lost its disk comes back under another. */
export type NodeId = string;

/** `joint` while two majorities are needed: of `voters` and of `votersOutgoing`. */
export interface Configuration {
  readonly voters: readonly NodeId[];
  /** Of the configuration that is being left; empty when it is not joint. */
  readonly votersOutgoing: readonly NodeId[];
  readonly learners: readonly NodeId[];
}

export type Entry = { readonly term: number; readonly index: number } & (
  | { readonly kind: "command"; readonly data: Uint8Array }
  | { readonly kind: "configuration"; readonly configuration: Configuration }
  /** What a new leader commits first, so that it knows what is committed. */
  | { readonly kind: "noop" }
);

/** What must be on disk before a vote or an acknowledgement leaves. */
export interface HardState {
  readonly term: number;
  readonly votedFor: NodeId | undefined;
}

/** The state machine's, up to and with `index`; `configuration` is the one in force there. */
export interface SnapshotInfo {
  readonly index: number;
  readonly term: number;
  readonly configuration: Configuration;
  /** Of the whole, and what tells two snapshots of one index apart: they need not have the same bytes. */
  readonly sizeBytes: number;
  readonly checksum: string;
}

/** What a node finds on its disk when it starts. */
export interface DurableState {
  readonly hardState: HardState;
  readonly snapshot: SnapshotInfo | undefined;
  /** Without gaps, the first right behind the snapshot (or 1); the valid beginning when something was damaged. */
  readonly entries: readonly Entry[];
  /**
   * Something that was durable once is lost. The node votes for nobody and stands for nothing until a leader has told it how far its
   * log reaches and it has all of that again: what it acknowledged and has lost may be committed by its word alone.
   */
  readonly isDamaged: boolean;
  /** Bootstrap: what the group begins with, when there is neither a snapshot nor a configuration in the log. */
  readonly configuration: Configuration | undefined;
  /** A snapshot that was being received: its pieces up to `offset` are on the disk, and need not be sent again. */
  readonly receiving?: { readonly snapshot: SnapshotInfo; readonly offset: number } | undefined;
}

/**
 * Every message carries its sender's term. `from` and `to` are the transport's business. `preVote` raises nobody's term: its sender
 * would stand in the next one; a `preVoteReply` that grants carries the term of the question.
 */
export type RaftMessage = { readonly term: number } & (
  | { readonly type: "preVote"; readonly lastIndex: number; readonly lastTerm: number }
  | { readonly type: "preVoteReply"; readonly granted: boolean }
  | {
      readonly type: "vote";
      readonly lastIndex: number;
      readonly lastTerm: number;
      /** The leader has asked for it (transfer): voters do not wait for that leader's silence. */
      readonly isTransfer: boolean;
    }
  | { readonly type: "voteReply"; readonly granted: boolean }
  | {
      /** Entries behind `prevIndex`, or none: a heart-beat. */
      readonly type: "append";
      readonly prevIndex: number;
      readonly prevTerm: number;
      readonly entries: readonly Entry[];
      readonly commit: number;
      /** Grows; comes back with the reply: what was confirmed for a read, and when it was sent. */
      readonly round: number;
      /** To a damaged node: how far the leader's log reached when it heard of the repair of this name. */
      readonly repair?: { readonly id: number; readonly through: number } | undefined;
    }
  | {
      readonly type: "appendReply";
      readonly round: number;
      /** Matching up to here, and durable; undefined when `prevIndex` did not match. */
      readonly match: number | undefined;
      /** When it did not: where the leader might go on (fast back-off by term). Neither: alive, but busy with a snapshot. */
      readonly hint?: { readonly index: number; readonly term: number } | undefined;
      /** The sender is damaged, and has nothing beyond `match` or `hint`, whatever it said before. */
      readonly repairId?: number | undefined;
    }
  | {
      /** A piece of a snapshot, `data` at `offset`. Without data it asks how far the follower is. */
      readonly type: "snapshot";
      readonly snapshot: SnapshotInfo;
      readonly offset: number;
      readonly data: Uint8Array;
      readonly round: number;
      readonly repair?: { readonly id: number; readonly through: number } | undefined;
    }
  | {
      readonly type: "snapshotReply";
      readonly index: number;
      readonly checksum: string;
      /** The next byte that the follower wants of it: it may have some from before. All of them: it is in force. */
      readonly offset: number;
      readonly round: number;
      readonly repairId?: number | undefined;
    }
  /** The leader wants the receiver to stand for election at once. */
  | { readonly type: "timeoutNow" }
);

export type ReadMode = "linearizable" | "lease";

export type RaftInput =
  | { readonly type: "receive"; readonly from: NodeId; readonly message: RaftMessage }
  /** Several at once share one round of messages and one write. `id` is the caller's, and comes back. */
  | { readonly type: "propose"; readonly proposals: readonly { readonly id: number; readonly data: Uint8Array }[] }
  | { readonly type: "read"; readonly id: number; readonly mode: ReadMode }
  /** Towards these voters and learners: one step if at most one voter differs, else by a joint configuration. */
  | {
      readonly type: "reconfigure";
      readonly id: number;
      readonly voters: readonly NodeId[];
      readonly learners: readonly NodeId[];
    }
  | { readonly type: "transfer"; readonly id: number; readonly to: NodeId }
  /**
   * The `persist` that ends with this entry is done. Fed by who carries it out, before what follows it is; not for one without entries.
   * Of several that were written at once the last is enough.
   */
  | { readonly type: "persisted"; readonly index: number; readonly term: number }
  /** A snapshot of the state machine is durable here: entries up to it may go. */
  | { readonly type: "snapshotTaken"; readonly snapshot: SnapshotInfo }
  /** The pieces that `readPiece` asked for. */
  | {
      readonly type: "piece";
      readonly to: NodeId;
      readonly snapshot: SnapshotInfo;
      readonly offset: number;
      readonly data: Uint8Array;
    }
  /** What `restore` asked for is in force, or its bytes were not what they should be. */
  | { readonly type: "restored"; readonly snapshot: SnapshotInfo; readonly ok: boolean }
  /** A pieces' write is done: `storePiece` up to here is durable. */
  | { readonly type: "pieceStored"; readonly snapshot: SnapshotInfo; readonly offset: number }
  /** The transport has lost what was said to this node. */
  | { readonly type: "unreachable"; readonly node: NodeId };

/**
 * `in_progress`: another change or transfer is under way (proposals: leadership is being transferred), or the leader is too new to change
 * the configuration. `too_large`: a proposal, never a change. `timed_out`: a transfer was given up. `lost_leadership` leaves open what becomes of a reconfiguration.
 */
export type Refusal =
  | "not_leader"
  | "overloaded"
  | "in_progress"
  | "invalid"
  | "too_large"
  | "lost_leadership"
  | "timed_out";

/**
 * Effects are carried out in their order. A `persist` holds back those behind it until it is durable, but for a `send` that `isFree`:
 * it says nothing that depends on what is being written, and may leave at once (a leader's entries go out while it writes them).
 * `commit`, `proposed`, `readReady`, `refused`, `done`, `role`, `suspicion` and `configuration` depend on no persist that was issued before them
 * either: whoever likes may carry them out while one is under way, in order among themselves. The others must wait.
 */
export type RaftEffect =
  | {
      readonly type: "persist";
      readonly hardState: HardState | undefined;
      /** Replace everything from the first one's index on. */
      readonly entries: readonly Entry[];
    }
  | { readonly type: "send"; readonly to: NodeId; readonly message: RaftMessage; readonly isFree: boolean }
  /** Committed and durable here: to be applied, once, in order. */
  | { readonly type: "commit"; readonly entries: readonly Entry[] }
  /** A proposal has its place; it is done when an entry of this index and term is in a `commit`, and lost when another one is. */
  | { readonly type: "proposed"; readonly id: number; readonly index: number; readonly term: number }
  | { readonly type: "refused"; readonly id: number; readonly reason: Refusal; readonly leader: NodeId | undefined }
  /** The read may be answered from a state machine that has applied `index`. */
  | { readonly type: "readReady"; readonly id: number; readonly index: number }
  /** A reconfiguration or a transfer has come to its end. */
  | { readonly type: "done"; readonly id: number }
  | {
      readonly type: "role";
      readonly role: "follower" | "preCandidate" | "candidate" | "leader" | "learner";
      readonly term: number;
      readonly leader: NodeId | undefined;
    }
  /** In force from now on: whom to reach. */
  | { readonly type: "configuration"; readonly configuration: Configuration; readonly index: number }
  /** The leader needs `sizeBytesMax` bytes of its snapshot from `offset` on, for that node. */
  | {
      readonly type: "readPiece";
      readonly to: NodeId;
      readonly snapshot: SnapshotInfo;
      readonly offset: number;
      readonly sizeBytesMax: number;
    }
  /** At 0 a snapshot begins, or begins anew; whatever else was being received is given up. */
  | {
      readonly type: "storePiece";
      readonly snapshot: SnapshotInfo;
      readonly offset: number;
      readonly data: Uint8Array;
    }
  /**
   * All pieces are stored: check them, put them in the state machine's place, drop the whole log (on disk in one step: no old entry may
   * ever be found behind the new snapshot), feed `restored`. Until then there are neither commits nor entries to persist.
   */
  | { readonly type: "restore"; readonly snapshot: SnapshotInfo }
  /** The damage is made good: what the disk says of it may be forgotten. */
  | { readonly type: "repaired" }
  /**
   * A peer has said what cannot be. Nothing depends on it, but people should hear of it. `term_far_ahead`: it speaks of this term while
   * the own one is `known`, and is not heard. `forgotten`: it had acknowledged entries up to `known`, has no more than `said`, and does
   * not say that it is damaged; it gets them once more.
   */
  | {
      readonly type: "suspicion";
      readonly what: "term_far_ahead" | "forgotten";
      readonly from: NodeId;
      readonly said: number;
      readonly known: number;
    };
