/**
 * A segment: a file of fixed size, filled with zeros before its first record, so that a sync has no sizes or blocks to write and what
 * was never written is zero. Its header stands in it twice, on pages' halves: one flipped bit there loses nothing. Files are
 * never used again for another segment: old records in them would hide what a torn write looks like.
 */
import { checksumOf, decodeText, encodeText, getWhole, putWhole, viewOf } from "./bytes.ts";
import { PAGE_BYTES } from "./limits.ts";

/** "DSRaftL1" */
const MAGIC = encodeText("DSRaftL1");
const COPY_BYTES = 512;
/** Where the two copies of the header begin. */
export const HEADER_COPIES = [0, PAGE_BYTES / 2] as const;
/** Where records begin. */
export const SEGMENT_START = PAGE_BYTES;
const NAME = /^segment-([0-9a-f]{14})\.log$/;

export interface SegmentHeader {
  /** The group whose log this is. */
  readonly group: string;
  /** One more than the segment's before. */
  readonly sequence: number;
  readonly sizeBytes: number;
  /** By chance, in each record: what was written for another segment is no record of this one. */
  readonly salt: number;
}

export function segmentName(sequence: number): string {
  return `segment-${sequence.toString(16).padStart(14, "0")}.log`;
}

/** Undefined for the names of other files. */
export function sequenceOf(name: string): number | undefined {
  const found = NAME.exec(name);
  return found ? Number.parseInt(found[1]!, 16) : undefined;
}

/** The first page of a segment: both copies. */
export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  const page = new Uint8Array(PAGE_BYTES);
  const copy = page.subarray(0, COPY_BYTES);
  const view = viewOf(copy);
  const group = encodeText(header.group);
  copy.set(MAGIC);
  putWhole(view, 16, header.sequence);
  putWhole(view, 24, header.sizeBytes);
  view.setUint32(32, header.salt, true);
  view.setUint32(36, group.length, true);
  copy.set(group, 40);
  view.setUint32(8, checksumOf(copy.subarray(16)), true);
  page.copyWithin(HEADER_COPIES[1], 0, COPY_BYTES);
  return page;
}

/** What each copy says; undefined where one is damaged. */
export function readSegmentHeader(page: Uint8Array): readonly (SegmentHeader | undefined)[] {
  return HEADER_COPIES.map((at) => readCopy(page.subarray(at, at + COPY_BYTES)));
}

function readCopy(copy: Uint8Array): SegmentHeader | undefined {
  if (copy.length < COPY_BYTES || !MAGIC.every((byte, at) => copy[at] === byte)) return undefined;
  const view = viewOf(copy);
  if (view.getUint32(8, true) !== checksumOf(copy.subarray(16)) || view.getUint32(12, true) !== 0) return undefined;
  const groupBytes = view.getUint32(36, true);
  if (groupBytes > COPY_BYTES - 40) return undefined;
  return {
    sequence: getWhole(view, 16),
    sizeBytes: getWhole(view, 24),
    salt: view.getUint32(32, true),
    group: decodeText(copy.subarray(40, 40 + groupBytes)),
  };
}
