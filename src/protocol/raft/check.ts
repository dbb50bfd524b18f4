/** What peers may say: numbers that are numbers, entries without gaps whose terms never fall. Everything else is not heard. */
import { isConfiguration } from "./configuration.ts";
import type { Entry, RaftMessage, SnapshotInfo } from "./messages.ts";
import { INDEX_MAX, TERM_MAX } from "./options.ts";

export function isValidMessage(message: RaftMessage): boolean {
  if (!isTerm(message.term)) return false;
  switch (message.type) {
    case "preVote":
    case "vote":
      return isIndex(message.lastIndex) && isTerm(message.lastTerm) && message.lastTerm <= message.term;
    case "preVoteReply":
    case "voteReply":
      return typeof message.granted === "boolean";
    case "append":
      return isAppend(message);
    case "appendReply":
      return isAppendReply(message);
    case "snapshot":
      return isSnapshotPiece(message);
    case "snapshotReply":
      return (
        isIndex(message.index) && isIndex(message.round) && isIndex(message.offset) && isRepairId(message.repairId)
      );
    case "timeoutNow":
      return true;
    default:
      return false;
  }
}

function isAppend(message: Extract<RaftMessage, { type: "append" }>): boolean {
  const { commit, entries, prevIndex, prevTerm, round, term } = message;
  if (!isIndex(commit) || !isIndex(prevIndex) || !isTerm(prevTerm) || !isIndex(round)) return false;
  if (prevTerm > term || !Array.isArray(entries) || !isRepair(message.repair)) return false;
  let before = prevTerm;
  let index = prevIndex;
  for (const entry of entries as readonly Entry[]) {
    index++;
    if (entry.index !== index || entry.term < before || !isEntry(entry)) return false;
    before = entry.term;
  }
  return before <= term && index <= INDEX_MAX;
}

function isEntry(entry: Entry): boolean {
  if (!isTerm(entry.term)) return false;
  if (entry.kind === "command") return entry.data instanceof Uint8Array;
  return entry.kind === "noop" || (entry.kind === "configuration" && isConfiguration(entry.configuration));
}

function isAppendReply({ hint, match, repairId, round }: Extract<RaftMessage, { type: "appendReply" }>): boolean {
  if (!isIndex(round) || !isRepairId(repairId)) return false;
  if (match !== undefined && !isIndex(match)) return false;
  return hint === undefined || (isIndex(hint.index) && isTerm(hint.term));
}

function isSnapshotPiece(message: Extract<RaftMessage, { type: "snapshot" }>): boolean {
  const { data, offset, round, snapshot, term } = message;
  if (!isIndex(round) || !isIndex(offset) || !(data instanceof Uint8Array) || !isRepair(message.repair)) return false;
  return isSnapshotInfo(snapshot) && snapshot.term <= term && offset + data.length <= snapshot.sizeBytes;
}

export function isSnapshotInfo({ checksum, configuration, index, sizeBytes, term }: SnapshotInfo): boolean {
  const isPlace = isIndex(index) && index > 0 && isTerm(term) && isIndex(sizeBytes);
  return isPlace && typeof checksum === "string" && isConfiguration(configuration);
}

function isRepair(repair: { readonly id: number; readonly through: number } | undefined): boolean {
  return repair === undefined || (isIndex(repair.id) && isIndex(repair.through));
}

function isRepairId(id: number | undefined): boolean {
  return id === undefined || isIndex(id);
}

function isTerm(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= TERM_MAX;
}

function isIndex(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= INDEX_MAX;
}
