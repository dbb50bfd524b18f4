/**
 * The decisions of the protocol as small functions, gathered so that a test or the simulator can put a wrong one in the place of one
 * of them and see its checkers find it. Whoever runs the protocol uses `raftRules` as they are.
 */
import type { HardState, NodeId } from "./messages.ts";
import { KEEP_SHARE, type RaftOptions } from "./options.ts";
import type { QuorumRules } from "./quorum.ts";

/** The end of a log, as elections compare it. */
export interface LogEnd {
  readonly lastIndex: number;
  readonly lastTerm: number;
}

export interface RaftRules extends QuorumRules {
  /** Is a candidate's log good enough for this node's vote? (§3.6.1) */
  readonly isUpToDate: (candidate: LogEnd, own: LogEnd) => boolean;
  /** May this term's vote be given to the candidate? */
  readonly mayVoteFor: (candidate: NodeId, votedFor: NodeId | undefined) => boolean;
  /** What of the hard state is written; undefined: nothing. */
  readonly persistedHardState: (hardState: HardState) => HardState | undefined;
  /** Do votes and acknowledgements wait until what they promise is durable? */
  readonly repliesWait: boolean;
  /** What the leader counts for itself. */
  readonly ownMatch: (durableIndex: number, lastIndex: number) => number;
  /** May the leader commit an entry of this term because a quorum has it? (§5.4.2 of the paper) */
  readonly commitsByCounting: (entryTerm: number, term: number) => boolean;
  /** Do the logs match at the entry in front of an append? */
  readonly matches: (ownTerm: number, prevTerm: number) => boolean;
  /** Is what lies there replaced by what the leader has? */
  readonly conflicts: (ownTerm: number, leaderTerm: number) => boolean;
  /** Up to where entries are handed out. */
  readonly appliesThrough: (commit: number, durableIndex: number, lastIndex: number) => number;
  /** Does a read wait for a quorum's word that its leader is still one? */
  readonly confirmsReads: boolean;
  /** Does a read wait until an entry of the leader's own term is committed? */
  readonly readsAwaitOwnTerm: boolean;
  readonly leaseMs: (options: RaftOptions) => number;
  /** The lease counts from when the question was sent, not from when its answer came. */
  readonly leaseSinceMs: (sentMs: number, answeredMs: number) => number;
  readonly stepsDownOnHigherTerm: boolean;
  /** For so long after a leader was heard nobody is voted for. */
  readonly stickyMs: (options: RaftOptions) => number;
  readonly checksQuorum: boolean;
  /** Do nodes ask whether they may stand before they do? */
  readonly preVotes: boolean;
  /** May entries up to a snapshot of this index go? */
  readonly mayCompact: (index: number, applied: number) => boolean;
  /** Up to which entry they go then; those behind the snapshot stay. */
  readonly compactsThrough: (snapshotIndex: number, lastIndex: number) => number;
  /** How many of the entries in front of it stay for slow followers, and their bytes. */
  readonly kept: (options: RaftOptions) => { readonly entries: number; readonly bytes: number };
  /** Does a damaged node vote and stand? */
  readonly damagedVote: boolean;
  /** Is what a follower acknowledged before its damage forgotten? */
  readonly forgetsOnRepair: boolean;
  /** Is a damaged node whole? `through` is what its leader has asked for. */
  readonly isRepaired: (matched: number, durableIndex: number, through: number) => boolean;
  /** Is a joint configuration needed for so many changes of voters? */
  readonly needsJoint: (changes: number) => boolean;
  /** May the configuration change while another change is not committed, or nothing of the leader's own term is? */
  readonly mayOverlapChanges: boolean;
  /** May a node so far behind become a voter? */
  readonly isTooFarBehind: (lag: number, options: RaftOptions) => boolean;
  /** Does the transfer of leadership end the lease? Its target is voted for without waiting for the leader's silence. */
  readonly transferEndsLease: boolean;
}

export const raftRules: RaftRules = {
  quorumOf: (voters) => Math.floor(voters / 2) + 1,
  needsBothMajorities: true,
  isUpToDate: (candidate, own) =>
    candidate.lastTerm > own.lastTerm || (candidate.lastTerm === own.lastTerm && candidate.lastIndex >= own.lastIndex),
  mayVoteFor: (candidate, votedFor) => votedFor === undefined || votedFor === candidate,
  persistedHardState: (hardState) => hardState,
  repliesWait: true,
  ownMatch: (durableIndex) => durableIndex,
  commitsByCounting: (entryTerm, term) => entryTerm === term,
  matches: (ownTerm, prevTerm) => ownTerm === prevTerm,
  conflicts: (ownTerm, leaderTerm) => ownTerm !== leaderTerm,
  appliesThrough: (commit, durableIndex) => Math.min(commit, durableIndex),
  confirmsReads: true,
  readsAwaitOwnTerm: true,
  leaseMs: ({ electionMinMs, leaseShare }) => electionMinMs * leaseShare,
  leaseSinceMs: (sentMs) => sentMs,
  stepsDownOnHigherTerm: true,
  stickyMs: ({ electionMinMs }) => electionMinMs,
  checksQuorum: true,
  preVotes: true,
  mayCompact: (index, applied) => index <= applied,
  compactsThrough: (snapshotIndex) => snapshotIndex,
  kept: ({ keepEntries, logBytesMax }) => ({ entries: keepEntries, bytes: logBytesMax * KEEP_SHARE }),
  damagedVote: false,
  forgetsOnRepair: true,
  isRepaired: (matched, durableIndex, through) => Math.min(matched, durableIndex) >= through,
  needsJoint: (changes) => changes > 1,
  mayOverlapChanges: false,
  isTooFarBehind: (lag, { promoteLagMax }) => lag > promoteLagMax,
  transferEndsLease: true,
};
