/** Bugs that are planted into the Raft machine, its log or its state machine: one wrong decision each. */
import type { RaftRules } from "../../../src/protocol/raft/index.ts";
import type { DiskRules } from "./raft-disk.ts";
import type { StoreRules } from "./raft-store.ts";

export interface RaftBug {
  readonly words: string;
  readonly rules?: Partial<RaftRules>;
  readonly disk?: Partial<DiskRules>;
  readonly store?: Partial<StoreRules>;
  /** Effects behind a write do not wait for it. */
  readonly waitsForDisk?: boolean;
}

const SAFETY = {
  "vote-not-synced": { words: "a term and a vote are written and not synced", disk: { syncsHardState: false } },
  "vote-not-written": { words: "a vote is given and never written", rules: { persistedHardState: () => undefined } },
  "entries-not-synced": { words: "entries are written and not synced", disk: { syncsEntries: false } },
  "no-wait": { words: "what follows a write does not wait for it", waitsForDisk: false },
  "acknowledges-early": { words: "replies do not wait for the write that they promise", rules: { repliesWait: false } },
  "counts-itself-early": {
    words: "the leader counts an entry for itself that it has not written yet",
    rules: { ownMatch: (_durable, last) => last },
  },
  "torn-end-kept": {
    words: "what a crash left at the end of the log stays, and more is written behind it",
    disk: { cutsTornEnd: false },
  },
  "lost-tail-on-disk": {
    words: "the log's file is rewritten without the entries behind the snapshot",
    disk: { keepsTail: false },
  },
  "lost-snapshot-tail": {
    words: "the machine drops the entries behind a snapshot",
    rules: { compactsThrough: (_snapshot, last) => last },
  },
  "double-vote": { words: "a vote is given twice in a term", rules: { mayVoteFor: () => true } },
  "elects-stale": { words: "a candidate that lacks entries gets a vote", rules: { isUpToDate: () => true } },
  "half-is-enough": { words: "half of the voters decide", rules: { quorumOf: (voters) => (voters + 1) >> 1 } },
  "old-term-commit": {
    words: "an entry of an earlier term is committed because a quorum has it",
    rules: { commitsByCounting: () => true },
  },
  "no-match": { words: "an append is taken whatever lies in front of it", rules: { matches: () => true } },
  "keeps-conflicts": { words: "entries that differ from the leader's stay", rules: { conflicts: () => false } },
  "cuts-always": { words: "a late append cuts off what came after it", rules: { conflicts: () => true } },
  "applies-uncommitted": {
    words: "entries are applied that nobody has committed",
    rules: { appliesThrough: (_commit, _durable, last) => last },
  },
  "leads-on": { words: "a leader goes on when it hears of a higher term", rules: { stepsDownOnHigherTerm: false } },
  "unconfirmed-read": { words: "a read asks no quorum", rules: { confirmsReads: false } },
  "read-before-own-term": {
    words: "a new leader answers reads before it knows what is committed",
    rules: { readsAwaitOwnTerm: false },
  },
  "applies-twice": { words: "a command that comes twice is applied twice", store: { isNew: () => true } },
  "sessions-forgotten": { words: "a snapshot leaves the sessions out", store: { keepsSessions: false } },
} as const satisfies Readonly<Record<string, RaftBug>>;

const LEASE = {
  "no-drift-margin": {
    words: "a lease lasts as long as the others wait, by a clock that may be slower",
    rules: { leaseMs: ({ electionMinMs }) => electionMinMs },
  },
  "lease-from-answer": {
    words: "a lease counts from the answer, not from the question",
    rules: { leaseSinceMs: (_sentMs, answeredMs) => answeredMs },
  },
  "not-sticky": { words: "voters do not wait for the leader's silence", rules: { stickyMs: () => 0 } },
  "transfer-keeps-lease": {
    words: "a leader that hands over still answers by its lease",
    rules: { transferEndsLease: false },
  },
} as const satisfies Readonly<Record<string, RaftBug>>;

const MEMBERSHIP = {
  "changes-overlap": {
    words: "a change of members begins before the last one is committed",
    rules: { mayOverlapChanges: true },
  },
  "never-joint": { words: "several voters change at once in one step", rules: { needsJoint: () => false } },
  "one-majority": { words: "the majority that is being left is not asked", rules: { needsBothMajorities: false } },
} as const satisfies Readonly<Record<string, RaftBug>>;

const DAMAGE = {
  "damage-unseen": { words: "damage is taken for a torn end", disk: { seesDamage: false } },
  "damaged-votes": { words: "a damaged node votes", rules: { damagedVote: true } },
  "remembers-the-lost": {
    words: "a leader counts what a damaged follower had acknowledged",
    rules: { forgetsOnRepair: false },
  },
  "whole-at-once": { words: "a damaged node is whole with the first append", rules: { isRepaired: () => true } },
} as const satisfies Readonly<Record<string, RaftBug>>;

export const RAFT_BUGS = { ...SAFETY, ...LEASE, ...MEMBERSHIP, ...DAMAGE };

export const BUG_WORDS = {
  safety: wordsOf(SAFETY),
  lease: wordsOf(LEASE),
  membership: wordsOf(MEMBERSHIP),
  damage: wordsOf(DAMAGE),
} as const;

function wordsOf(bugs: Readonly<Record<string, RaftBug>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(bugs).map(([name, { words }]) => [name, words]));
}
