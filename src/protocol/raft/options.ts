/** What a Raft node can be told, what it is told unless somebody knows better, and the check of it: all faults at once, in words. */
import { Failure } from "../../base/errors.ts";

export interface RaftOptions {
  /** Without a word from a leader for a random time between these two, a node asks the others whether it may stand. */
  readonly electionMinMs: number;
  readonly electionMaxMs: number;
  readonly heartbeatMs: number;
  /** A new commit index is told after so long, unless something is sent before. At most a heart-beat's interval counts. */
  readonly commitTellMs: number;
  /** Of `electionMinMs`: how long a leader answers lease reads after it sent what a quorum has answered. */
  readonly leaseShare: number;
  /** One data entry. */
  readonly entryBytesMax: number;
  /** Entries on one message; a single one always fits. */
  readonly appendBytesMax: number;
  /** What one follower has not answered yet. */
  readonly inflightMessagesMax: number;
  readonly inflightBytesMax: number;
  /** Proposals that are not committed yet; beyond it new ones are refused. */
  readonly uncommittedBytesMax: number;
  /** The log in memory; beyond it proposals are refused until a snapshot has made it shorter. */
  readonly logBytesMax: number;
  /** Entries in front of a snapshot that are kept for followers that are a little behind. */
  readonly keepEntries: number;
  /** Entries handed out at once. */
  readonly applyBytesMax: number;
  /** Reads that wait for their confirmation. */
  readonly readsMax: number;
  /** One piece of a snapshot. */
  readonly pieceBytesMax: number;
  /** A piece without an answer for so long is sent again. */
  readonly pieceRetryMs: number;
  /** A new voter must be nearer to the end of the leader's log than this. */
  readonly promoteLagMax: number;
}

/** Ids ride on entries and are typed by people: the form that they have everywhere. */
export const NODE_ID_LENGTH_MAX = 64;
export const NODE_ID = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;
const NODE_ID_FORM = `1 to ${NODE_ID_LENGTH_MAX} letters, digits and . _ @ - are required, a letter or a digit first`;
/** Voters and learners: a leader sends everything to each of them. */
export const NODES_MAX = 64;
/** Far beyond what elections can reach, and low enough that adding to it stays exact. */
export const TERM_MAX = 2 ** 50;
/**
 * By how much a term may rise at once, whoever says so: an election a minute for thirty years, so that a node that joins an old group,
 * or was away for long, catches up; and one peer's nonsense does not use up the terms that there are.
 */
export const TERM_JUMP_MAX = 2 ** 24;
export const INDEX_MAX = 2 ** 52;
/** What an entry costs beside its data: the object, its place in the array, its header on the wire. */
export const ENTRY_OVERHEAD_BYTES = 64;
/** Of `logBytesMax`: more is not kept for slow followers, however few the entries are. */
export const KEEP_SHARE = 0.25;

export function raftOptions(changed: Partial<RaftOptions> = {}): RaftOptions {
  return {
    // The dissertation's own choice (§9.3): well above a round trip and a disk's sync, and a new leader within half a second.
    electionMinMs: 150,
    electionMaxMs: 300,
    // Two may be lost before the first node stands.
    heartbeatMs: 50,
    // Followers apply soon after the leader, and under load nothing is sent for it alone.
    commitTellMs: 10,
    // Clocks of which one runs a third faster than the other do no harm; real ones differ by a thousandth.
    leaseShare: 0.75,
    // One entry holds up all behind it: about 10 ms at disk and link speed.
    entryBytesMax: 1_048_576,
    appendBytesMax: 1_048_576,
    // The product of a fast link and a slow round trip (100 MB/s, 150 ms).
    inflightMessagesMax: 256,
    inflightBytesMax: 16 * 1_048_576,
    // A second of writing to a usual disk: who waits longer should not have been let in.
    uncommittedBytesMax: 64 * 1_048_576,
    // Snapshots keep it far shorter; a node that cannot take one stops here and not at the end of its memory.
    logBytesMax: 256 * 1_048_576,
    // A follower that restarts misses less than this, and needs no snapshot (etcd's choice).
    keepEntries: 5_000,
    // The state machine gets on in slices and the loop stays responsive.
    applyBytesMax: 4 * 1_048_576,
    // Each is a promise of somebody who waits: a round trip answers all of them.
    readsMax: 16_384,
    // On a link of 100 MB/s 3 ms: heart-beats pass in between.
    pieceBytesMax: 262_144,
    // Several round trips and syncs; sending twice what is only slow would make it slower.
    pieceRetryMs: 1_000,
    // Replicated within a round trip or two: the new voter does not hold up commits.
    promoteLagMax: 1_000,
    ...changed,
  };
}

export interface OptionFault {
  readonly path: string;
  readonly message: string;
}

type Check = readonly [keyof RaftOptions, (value: number) => boolean, string];

const isTime = (value: number): boolean => Number.isFinite(value) && value > 0;
const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 1;
const TIME = "milliseconds above 0 are required";
const BYTES = "a whole number of bytes from 1 is required";
const COUNT = "a whole number from 1 is required";

const CHECKS: readonly Check[] = [
  ["electionMinMs", isTime, TIME],
  ["electionMaxMs", isTime, TIME],
  ["heartbeatMs", isTime, TIME],
  ["commitTellMs", (value) => Number.isFinite(value) && value >= 0, "milliseconds from 0 are required"],
  ["leaseShare", (value) => value > 0 && value <= 1, "a share above 0 and at most 1 is required"],
  ["entryBytesMax", isCount, BYTES],
  ["appendBytesMax", isCount, BYTES],
  ["inflightMessagesMax", isCount, COUNT],
  ["inflightBytesMax", isCount, BYTES],
  ["uncommittedBytesMax", isCount, BYTES],
  ["logBytesMax", isCount, BYTES],
  ["keepEntries", (value) => Number.isSafeInteger(value) && value >= 0, "a whole number from 0 is required"],
  ["applyBytesMax", isCount, BYTES],
  ["readsMax", isCount, COUNT],
  ["pieceBytesMax", isCount, BYTES],
  ["pieceRetryMs", isTime, TIME],
  ["promoteLagMax", isCount, COUNT],
];

/** Everything that is wrong with these options; nothing when a node can be made of them. */
export function validateRaft(options: RaftOptions): readonly OptionFault[] {
  const faults: OptionFault[] = [];
  for (const [path, isRight, demand] of CHECKS) {
    const value = options[path];
    if (typeof value !== "number" || !isRight(value)) faults.push({ path, message: `${String(value)}, ${demand}` });
  }
  const { electionMaxMs, electionMinMs, heartbeatMs } = options;
  if (electionMaxMs <= electionMinMs)
    faults.push({ path: "electionMaxMs", message: `${electionMaxMs}, more than electionMinMs is required` });
  if (heartbeatMs > electionMinMs / 2)
    faults.push({ path: "heartbeatMs", message: `${heartbeatMs}, at most half of electionMinMs is required` });
  return faults;
}

export function assertValidRaft(id: string, options: RaftOptions): void {
  const faults = [...validateRaft(options)];
  if (!isNodeId(id)) faults.push({ path: "id", message: `${JSON.stringify(id)}, ${NODE_ID_FORM}` });
  if (faults.length === 0) return;
  const text = faults.map(({ path, message }) => `${path}: ${message}`).join("; ");
  throw new Failure("raft.invalid_options", `cannot start a node of a Raft group: ${text}`, { data: { faults } });
}

export function isNodeId(id: unknown): id is string {
  return typeof id === "string" && NODE_ID.test(id);
}
