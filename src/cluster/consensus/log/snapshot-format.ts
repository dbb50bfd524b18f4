/**
 * A snapshot's file: a description (64 KiB of room), then the state machine's bytes in blocks of 64 KiB, each behind its length and
 * a checksum that also covers its number and the file's salt. A receiver's file grows block by block; its last block may be written
 * again, longer, until it is full. What is not a valid block is not there.
 */
import type { SnapshotInfo } from "../../../protocol/raft/index.ts";
import { checksumOf, decodeText, encodeText, viewOf } from "./bytes.ts";
import { asConfiguration } from "./entry-codec.ts";
import { SNAPSHOT_BLOCK_BYTES, SNAPSHOT_HEADER_BYTES } from "./limits.ts";

/** "DSs2": a snapshot's description. */
const MAGIC = 0x32735344;
const FIXED_BYTES = 16;
/** Checksum, length, the block's number, the salt. */
const BLOCK_HEADER_BYTES = 16;
export const STORED_BLOCK_BYTES = BLOCK_HEADER_BYTES + SNAPSHOT_BLOCK_BYTES;
const NAME = /^snapshot-([0-9a-f]{14})-[0-9a-f]{16}\.snap$/;

export interface SnapshotHeader {
  readonly group: string;
  readonly salt: number;
  readonly info: SnapshotInfo;
  /** Of a snapshot that came from a leader: entries in the log's records before this one are gone. */
  readonly fromBatch: number;
}

export function snapshotName(info: SnapshotInfo): string {
  return `snapshot-${info.index.toString(16).padStart(14, "0")}-${info.checksum.slice(0, 16)}.snap`;
}

/** The index in a snapshot's name; undefined for the names of other files. */
export function snapshotIndexOf(name: string): number | undefined {
  const found = NAME.exec(name);
  return found ? Number.parseInt(found[1]!, 16) : undefined;
}

/** Undefined when the description does not fit into its room: a configuration of thousands of members. */
export function encodeSnapshotHeader(header: SnapshotHeader): Uint8Array | undefined {
  const text = encodeText(JSON.stringify(header));
  if (FIXED_BYTES + text.length > SNAPSHOT_HEADER_BYTES) return undefined;
  const bytes = new Uint8Array(SNAPSHOT_HEADER_BYTES);
  const view = viewOf(bytes);
  bytes.set(text, FIXED_BYTES);
  view.setUint32(0, MAGIC, true);
  view.setUint32(8, text.length, true);
  view.setUint32(4, checksumOf(bytes.subarray(8)), true);
  return bytes;
}

export function decodeSnapshotHeader(bytes: Uint8Array): SnapshotHeader | undefined {
  if (bytes.length < SNAPSHOT_HEADER_BYTES) return undefined;
  const view = viewOf(bytes);
  if (view.getUint32(0, true) !== MAGIC || view.getUint32(4, true) !== checksumOf(bytes.subarray(8))) return undefined;
  const size = view.getUint32(8, true);
  const { fromBatch, group, info, salt } = JSON.parse(
    decodeText(bytes.subarray(FIXED_BYTES, FIXED_BYTES + size)),
  ) as SnapshotHeader; // the checksum held
  const configuration = asConfiguration(info.configuration);
  return configuration && { fromBatch, group, salt, info: { ...info, configuration } };
}

export function blockOffset(block: number): number {
  return SNAPSHOT_HEADER_BYTES + block * STORED_BLOCK_BYTES;
}

/** How many bytes a block of a snapshot of this size holds. */
export function blockSize(sizeBytes: number, block: number): number {
  return Math.max(0, Math.min(SNAPSHOT_BLOCK_BYTES, sizeBytes - block * SNAPSHOT_BLOCK_BYTES));
}

/** Completes a block whose data stand in `stored`, behind the room for its header: what is to be written. */
export function sealBlock(stored: Uint8Array, dataBytes: number, block: number, salt: number): Uint8Array {
  const bytes = stored.subarray(0, BLOCK_HEADER_BYTES + dataBytes);
  const view = viewOf(bytes);
  view.setUint32(4, dataBytes, true);
  view.setUint32(8, block, true);
  view.setUint32(12, salt, true);
  view.setUint32(0, checksumOf(bytes.subarray(4)), true);
  return bytes;
}

/** The data of a stored block (or of as much as is there of it); undefined when they are not what was written there. */
export function openBlock(stored: Uint8Array, block: number, salt: number): Uint8Array | undefined {
  if (stored.length < BLOCK_HEADER_BYTES) return undefined;
  const view = viewOf(stored);
  const size = view.getUint32(4, true);
  if (size > SNAPSHOT_BLOCK_BYTES || BLOCK_HEADER_BYTES + size > stored.length) return undefined;
  if (view.getUint32(8, true) !== block || view.getUint32(12, true) !== salt) return undefined;
  const bytes = stored.subarray(0, BLOCK_HEADER_BYTES + size);
  return view.getUint32(0, true) === checksumOf(bytes.subarray(4)) ? bytes.subarray(BLOCK_HEADER_BYTES) : undefined;
}

/** Where a block's data go in the buffer that `sealBlock` completes. */
export function blockData(stored: Uint8Array): Uint8Array {
  return stored.subarray(BLOCK_HEADER_BYTES, STORED_BLOCK_BYTES);
}
