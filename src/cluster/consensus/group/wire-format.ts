/**
 * Raft messages as plain data on links: arrays by position, short and quick to read. What comes is checked field by field: a peer
 * has the cluster's key, but may be of another version, or broken.
 */
import {
  type Configuration,
  type Entry,
  isNodeId,
  NODES_MAX,
  type RaftMessage,
  type SnapshotInfo,
} from "../../../protocol/raft/index.ts";

/** Another number in front is another language. */
const VERSION = 1;
const CHECKSUM_CHARS_MAX = 128;
/** What one append holds at most; the machine sends far less. */
const ENTRIES_MAX = 65_536;

const KINDS = ["command", "configuration", "noop"] as const;
const TYPES = [
  "preVote",
  "preVoteReply",
  "vote",
  "voteReply",
  "append",
  "appendReply",
  "snapshot",
  "snapshotReply",
  "timeoutNow",
] as const;

export type Plain = readonly unknown[];

export function toPlain(message: RaftMessage): Plain {
  const head = [VERSION, TYPES.indexOf(message.type), message.term];
  switch (message.type) {
    case "preVote":
      return [...head, message.lastIndex, message.lastTerm];
    case "vote":
      return [...head, message.lastIndex, message.lastTerm, message.isTransfer];
    case "preVoteReply":
    case "voteReply":
      return [...head, message.granted];
    case "append": {
      const { commit, entries, prevIndex, prevTerm, repair, round } = message;
      return [...head, prevIndex, prevTerm, entriesToPlain(entries), commit, round, repair?.id, repair?.through];
    }
    case "appendReply": {
      const { hint, match, repairId, round } = message;
      return [...head, round, match, hint?.index, hint?.term, repairId];
    }
    case "snapshot": {
      const { data, offset, repair, round, snapshot } = message;
      return [...head, snapshotToPlain(snapshot), offset, data, round, repair?.id, repair?.through];
    }
    case "snapshotReply": {
      const { checksum, index, offset, repairId, round } = message;
      return [...head, index, checksum, offset, round, repairId];
    }
    case "timeoutNow":
      return head;
  }
}

/** Undefined for what is none. */
export function fromPlain(plain: unknown): RaftMessage | undefined {
  try {
    return read(list(plain, 16));
  } catch (thrown) {
    if (thrown instanceof Malformed) return undefined;
    throw thrown;
  }
}

class Malformed extends Error {}

function read([version, type, termGiven, ...rest]: readonly unknown[]): RaftMessage {
  if (version !== VERSION) throw new Malformed("version");
  const term = whole(termGiven);
  const kind = TYPES[whole(type)];
  switch (kind) {
    case "preVote":
      return { type: kind, term, lastIndex: whole(rest[0]), lastTerm: whole(rest[1]) };
    case "vote":
      return { type: kind, term, lastIndex: whole(rest[0]), lastTerm: whole(rest[1]), isTransfer: flag(rest[2]) };
    case "preVoteReply":
    case "voteReply":
      return { type: kind, term, granted: flag(rest[0]) };
    case "append":
      return readAppend(term, rest);
    case "appendReply":
      return {
        type: kind,
        term,
        round: whole(rest[0]),
        match: maybe(rest[1]),
        hint: pair(rest[2], rest[3], (index, hintTerm) => ({ index, term: hintTerm })),
        repairId: maybe(rest[4]),
      };
    case "snapshot":
      return {
        type: kind,
        term,
        snapshot: readSnapshot(rest[0]),
        offset: whole(rest[1]),
        data: bytes(rest[2]),
        round: whole(rest[3]),
        repair: pair(rest[4], rest[5], (id, through) => ({ id, through })),
      };
    case "snapshotReply":
      return {
        type: kind,
        term,
        index: whole(rest[0]),
        checksum: text(rest[1], CHECKSUM_CHARS_MAX),
        offset: whole(rest[2]),
        round: whole(rest[3]),
        repairId: maybe(rest[4]),
      };
    case "timeoutNow":
      return { type: kind, term };
    default:
      throw new Malformed("type");
  }
}

function readAppend(term: number, rest: readonly unknown[]): RaftMessage {
  const prevIndex = whole(rest[0]);
  return {
    type: "append",
    term,
    prevIndex,
    prevTerm: whole(rest[1]),
    entries: entriesFromPlain(rest[2], prevIndex),
    commit: whole(rest[3]),
    round: whole(rest[4]),
    repair: pair(rest[5], rest[6], (id, through) => ({ id, through })),
  };
}

/** Term, kind, content, one after the other: their indexes follow from the first. */
function entriesToPlain(entries: readonly Entry[]): Plain {
  const plain: unknown[] = [];
  for (const entry of entries) {
    plain.push(entry.term, KINDS.indexOf(entry.kind));
    if (entry.kind === "command") plain.push(entry.data);
    else plain.push(entry.kind === "noop" ? null : configurationToPlain(entry.configuration));
  }
  return plain;
}

function entriesFromPlain(plain: unknown, prevIndex: number): Entry[] {
  const flat = list(plain, ENTRIES_MAX * 3);
  if (flat.length % 3 !== 0) throw new Malformed("entries");
  const entries: Entry[] = [];
  for (let at = 0; at < flat.length; at += 3) {
    const place = { index: prevIndex + 1 + at / 3, term: whole(flat[at]) };
    const kind = KINDS[whole(flat[at + 1])];
    if (kind === "command") entries.push({ ...place, kind, data: bytes(flat[at + 2]) });
    else if (kind === "noop") entries.push({ ...place, kind });
    else if (kind === "configuration")
      entries.push({ ...place, kind, configuration: configurationFromPlain(flat[at + 2]) });
    else throw new Malformed("kind");
  }
  return entries;
}

function configurationToPlain({ learners, voters, votersOutgoing }: Configuration): Plain {
  return [voters, votersOutgoing, learners];
}

function configurationFromPlain(plain: unknown): Configuration {
  const [voters, votersOutgoing, learners] = list(plain, 3);
  return { voters: ids(voters), votersOutgoing: ids(votersOutgoing), learners: ids(learners) };
}

function snapshotToPlain({ checksum, configuration, index, sizeBytes, term }: SnapshotInfo): Plain {
  return [index, term, configurationToPlain(configuration), sizeBytes, checksum];
}

function readSnapshot(plain: unknown): SnapshotInfo {
  const [index, term, configuration, sizeBytes, checksum] = list(plain, 5);
  return {
    index: whole(index),
    term: whole(term),
    configuration: configurationFromPlain(configuration),
    sizeBytes: whole(sizeBytes),
    checksum: text(checksum, CHECKSUM_CHARS_MAX),
  };
}

function ids(value: unknown): string[] {
  const found = list(value, NODES_MAX);
  if (found.every(isNodeId)) return [...found];
  throw new Malformed("id");
}

function list(value: unknown, lengthMax: number): readonly unknown[] {
  if (Array.isArray(value) && value.length <= lengthMax) return value;
  throw new Malformed("list");
}

function whole(value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number; // just looked at
  throw new Malformed("number");
}

function maybe(value: unknown): number | undefined {
  return value === undefined || value === null ? undefined : whole(value);
}

function pair<T>(first: unknown, second: unknown, make: (first: number, second: number) => T): T | undefined {
  const [left, right] = [maybe(first), maybe(second)];
  return left === undefined || right === undefined ? undefined : make(left, right);
}

function flag(value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw new Malformed("flag");
}

function text(value: unknown, charsMax: number): string {
  if (typeof value === "string" && value.length <= charsMax) return value;
  throw new Malformed("text");
}

function bytes(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw new Malformed("bytes");
}
