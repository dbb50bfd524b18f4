/**
 * One record is one `persist`: a header of 64 bytes, a body, a trailer. The header alone says where the record lies and in which
 * segment (a random salt), so that a record in a wrong place, or text that only looks like one, is never taken for it; it has a checksum of its
 * own, so that a record whose body is damaged still tells how long it is and which entries it held. The body's checksum stands in
 * the header. The trailer's last bytes are never zero: a record whose end is missing shows it.
 *
 *    0 magic     8 bodyBytes    16 batch (one more for each record of the log)   32 term         48 entries     56 salt of the segment
 *    4 checksum 12 bodyChecksum 24 version of the hard state                     40 first index  52 vote, flags 60 place / 8
 */
import type { HardState } from "../../../protocol/raft/index.ts";
import { alignUp, checksumOf, decodeText, getWhole, putWhole, viewOf } from "./bytes.ts";

/** "DSr1", and its end "r1SD": no byte of them is zero. */
export const RECORD_MAGIC = 0x31725344;
const END_MAGIC = 0x44533172;
export const RECORD_HEADER_BYTES = 64;
const TRAILER_BYTES = 8;
export const RECORD_ALIGN = 8;
const NO_VOTE = 0xffff;
/** The log begins anew with `firstIndex`: a snapshot has taken the place of what was before, or all of it stands here again. */
const FLAG_RESET = 1;

/** Grows with each change of term or vote: of two copies of the hard state, the higher one is the newer. */
export interface VersionedHardState extends HardState {
  readonly version: number;
}

export interface RecordHeader {
  /** Of the whole record, to the beginning of the next one. */
  readonly sizeBytes: number;
  readonly bodyBytes: number;
  readonly bodyChecksum: number;
  readonly batch: number;
  readonly version: number;
  readonly term: number;
  /** Of the first entry. */
  readonly firstIndex: number;
  readonly entryCount: number;
  /** Bytes of the vote, at the beginning of the body; undefined when there is none. */
  readonly voteBytes: number | undefined;
  readonly isReset: boolean;
}

/** What is to be written, but for the bodies of entries. */
export interface RecordDraft {
  readonly batch: number;
  readonly version: number;
  readonly term: number;
  readonly firstIndex: number;
  readonly entryCount: number;
  readonly isReset: boolean;
}

/** Where a record lies: its segment's salt, and the offset in it. */
export interface Place {
  readonly salt: number;
  readonly offset: number;
}

export function recordSize(bodyBytes: number): number {
  return RECORD_HEADER_BYTES + alignUp(bodyBytes, RECORD_ALIGN) + TRAILER_BYTES;
}

/**
 * Completes a record whose vote and entries stand in `bytes` already, behind the room for its header. `bytes` is exactly the
 * record; what lies between the body and the trailer is zero.
 */
export function sealRecord(
  bytes: Uint8Array,
  draft: RecordDraft,
  voteBytes: number | undefined,
  bodyBytes: number,
): void {
  const view = viewOf(bytes);
  const bodyChecksum = checksumOf(bodyOf(bytes));
  view.setUint32(0, RECORD_MAGIC, true);
  view.setUint32(8, bodyBytes, true);
  view.setUint32(12, bodyChecksum, true);
  putWhole(view, 16, draft.batch);
  putWhole(view, 24, draft.version);
  putWhole(view, 32, draft.term);
  putWhole(view, 40, draft.firstIndex);
  view.setUint32(48, draft.entryCount, true);
  view.setUint16(52, voteBytes ?? NO_VOTE, true);
  view.setUint16(54, draft.isReset ? FLAG_RESET : 0, true);
  view.setUint32(bytes.length - 8, bodyChecksum, true);
  view.setUint32(bytes.length - 4, END_MAGIC, true);
}

/** Last of all, when the place is known. */
export function placeRecord(bytes: Uint8Array, place: Place): void {
  const view = viewOf(bytes);
  view.setUint32(56, place.salt, true);
  view.setUint32(60, place.offset / RECORD_ALIGN, true);
  view.setUint32(4, headerChecksum(bytes), true);
}

/** The header that stands at `place` in these bytes of a segment (from its beginning on), if it is one. */
export function readHeader(bytes: Uint8Array, place: Place): RecordHeader | undefined {
  const { offset } = place;
  if (offset + recordSize(0) > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, RECORD_HEADER_BYTES);
  if (view.getUint32(0, true) !== RECORD_MAGIC) return undefined;
  if (view.getUint32(4, true) !== headerChecksum(bytes.subarray(offset, offset + RECORD_HEADER_BYTES)))
    return undefined;
  if (view.getUint32(56, true) !== place.salt || view.getUint32(60, true) * RECORD_ALIGN !== offset) return undefined;
  const vote = view.getUint16(52, true);
  const bodyBytes = view.getUint32(8, true);
  return {
    sizeBytes: recordSize(bodyBytes),
    bodyBytes,
    bodyChecksum: view.getUint32(12, true),
    batch: getWhole(view, 16),
    version: getWhole(view, 24),
    term: getWhole(view, 32),
    firstIndex: getWhole(view, 40),
    entryCount: view.getUint32(48, true),
    voteBytes: vote === NO_VOTE ? undefined : vote,
    isReset: (view.getUint16(54, true) & FLAG_RESET) !== 0,
  };
}

/** Whether all of the record is there and as it was written; `record` begins with its header. */
export function isWhole(record: Uint8Array, header: RecordHeader): boolean {
  if (record.length !== header.sizeBytes || checksumOf(bodyOf(record)) !== header.bodyChecksum) return false;
  const view = viewOf(record);
  return (
    view.getUint32(record.length - 4, true) === END_MAGIC &&
    view.getUint32(record.length - 8, true) === header.bodyChecksum
  );
}

/** The hard state that a whole record carries. Throws when its vote is no text. */
export function hardStateOf(record: Uint8Array, header: RecordHeader): VersionedHardState {
  const { version, term, voteBytes } = header;
  const from = RECORD_HEADER_BYTES;
  return {
    version,
    term,
    votedFor: voteBytes === undefined ? undefined : decodeText(record.subarray(from, from + voteBytes)),
  };
}

/** The entries' bytes of a whole record. */
export function entryBytesOf(record: Uint8Array, header: RecordHeader): Uint8Array {
  return record.subarray(RECORD_HEADER_BYTES + (header.voteBytes ?? 0), RECORD_HEADER_BYTES + header.bodyBytes);
}

/** With its padding: nothing in a record is outside of a checksum. */
function bodyOf(record: Uint8Array): Uint8Array {
  return record.subarray(RECORD_HEADER_BYTES, record.length - TRAILER_BYTES);
}

function headerChecksum(bytes: Uint8Array): number {
  return checksumOf(bytes.subarray(8, RECORD_HEADER_BYTES));
}
