/**
 * What stands in one segment: whole records, and stretches that are none. After a bad stretch it goes on at the next header that is valid in
 * its place, to learn what lies behind: the hard state, the last entry. It judges bytes only; whether a bad stretch is a torn write
 * or damage depends on what is known from elsewhere (`recovery.ts`), and `looksTorn` is what the bytes alone say.
 */
import { isZero, lastNonZero, viewOf } from "./bytes.ts";
import { SECTOR_BYTES } from "./limits.ts";
import { isWhole, RECORD_ALIGN, RECORD_HEADER_BYTES, RECORD_MAGIC, type RecordHeader, readHeader } from "./record.ts";
import { SEGMENT_START } from "./segment.ts";

export type Stretch =
  | { readonly type: "record"; readonly from: number; readonly to: number; readonly header: RecordHeader }
  | {
      readonly type: "bad";
      readonly from: number;
      readonly to: number;
      /** When the header is good and only the rest is not. */
      readonly header: RecordHeader | undefined;
      readonly looksTorn: boolean;
    };

/** `bytes`: the segment from its beginning, as far as it reaches. Ends where only zeros follow. */
export function* scanSegment(bytes: Uint8Array, salt: number): Generator<Stretch> {
  const end = lastNonZero(bytes.subarray(SEGMENT_START)) + 1 + SEGMENT_START;
  let at = SEGMENT_START;
  while (at < end) {
    const stretch = stretchAt(bytes, salt, at, end);
    yield stretch;
    at = stretch.to;
  }
}

function stretchAt(bytes: Uint8Array, salt: number, at: number, end: number): Stretch {
  const header = readHeader(bytes, { salt, offset: at });
  if (header !== undefined) {
    const to = Math.min(at + header.sizeBytes, bytes.length);
    const record = bytes.subarray(at, to);
    if (isWhole(record, header)) return { type: "record", from: at, to, header };
    const end = at + header.sizeBytes;
    const looksTorn = (bytes[end - 1] ?? 0) === 0 || hasEmptySector(bytes, at, end); // a whole record's last byte is never zero
    return { type: "bad", from: at, to, header, looksTorn };
  }
  const to = findHeader(bytes, salt, at + RECORD_ALIGN, end) ?? end;
  return { type: "bad", from: at, to, header: undefined, looksTorn: looksTorn(bytes, at, to) };
}

/** Where the next valid header begins. */
function findHeader(bytes: Uint8Array, salt: number, from: number, end: number): number | undefined {
  const view = viewOf(bytes);
  for (let at = from; at + RECORD_HEADER_BYTES <= end; at += RECORD_ALIGN) {
    if (view.getUint32(at, true) === RECORD_MAGIC && readHeader(bytes, { salt, offset: at }) !== undefined) return at;
  }
  return undefined;
}

/**
 * A write that was cut short, sector by sector: nothing behind the header, or no beginning, or a sector left out. A record that was once
 * whole has a magic word in front and another one at its end, so one flipped bit makes none of these.
 */
function looksTorn(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from <= RECORD_HEADER_BYTES || isZero(bytes.subarray(from, from + 4))) return true;
  return hasEmptySector(bytes, from, to);
}

/** Whether, of some sector, all that belongs to the stretch is zero (etcd's rule). What is beyond the file was never written. */
function hasEmptySector(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; ) {
    const next = Math.min(to, (Math.floor(at / SECTOR_BYTES) + 1) * SECTOR_BYTES);
    if (isZero(bytes.subarray(at, next))) return true;
    at = next;
  }
  return false;
}
