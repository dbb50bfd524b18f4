/**
 * The frame around everything that crosses a process border: magic, version, kind, size, CRC-32, and a JSON header that
 * says what the bytes behind it are. All numbers are little-endian.
 *
 *   0  magic       4 bytes    16  flags           u32, 0
 *   4  version     u16        20  header length   u32
 *   6  kind        u16        24  header          JSON, then zeros up to a multiple of 8
 *   8  total size  u32            sections        as the header says, each at a multiple of 8
 *   12 CRC-32 of everything from byte 16 on
 *
 * `openFrame` refuses whatever does not add up; nothing is read or allocated beyond the bytes given.
 */
import { Failure } from "../../base/errors.ts";
import { asBytes, type Bytes } from "./bytes.ts";

export const FRAME_VERSION = 1;
export const FRAME_BYTES = 24;
const MAGIC = 0x1a425344; // "DSB" and a control character that no text has
const CHECKED_FROM = 16;
/** A frame's size must fit an int32, so that every position is a small integer. */
export const MAX_FRAME_BYTES = 2 ** 31 - 8;

const KINDS = ["batch", "raw"] as const;
export type FrameKind = (typeof KINDS)[number];

export interface Frame {
  readonly kind: FrameKind;
  readonly header: Readonly<Record<string, unknown>>;
  /** The whole frame, no more. */
  readonly bytes: Bytes;
  /** Where the sections begin. */
  readonly bodyAt: number;
}

export function align8(size: number): number {
  return Math.ceil(size / 8) * 8;
}

/** Where the sections of a frame with this header begin. */
export function bodyStart(header: Uint8Array): number {
  return align8(FRAME_BYTES + header.length);
}

/** Writes frame and header in front of sections that already lie in `target`, and the checksum over all of it. */
export function sealFrame(target: Uint8Array, kind: FrameKind, header: Uint8Array, bodyAt: number, size: number): void {
  const view = new DataView(target.buffer, target.byteOffset, size);
  view.setUint32(0, MAGIC, true);
  view.setUint16(4, FRAME_VERSION, true);
  view.setUint16(6, KINDS.indexOf(kind) + 1, true);
  view.setUint32(8, size, true);
  view.setUint32(16, 0, true);
  view.setUint32(20, header.length, true);
  target.set(header, FRAME_BYTES);
  target.fill(0, FRAME_BYTES + header.length, bodyAt);
  view.setUint32(12, Bun.hash.crc32(target.subarray(CHECKED_FROM, size)), true);
}

/** The checksum that a frame says it has, unchecked: tells batches apart that lie in one place after each other. 0: no frame. */
export function checksumIn(bytes: Uint8Array): number {
  if (bytes.length < FRAME_BYTES) return 0;
  return new DataView(bytes.buffer, bytes.byteOffset, FRAME_BYTES).getUint32(12, true);
}

/** What kind of frame begins here, judged by its first bytes only. */
export function kindOf(bytes: Uint8Array): FrameKind {
  if (bytes.length < FRAME_BYTES) refuse("truncated", `${bytes.length} bytes; a frame has at least ${FRAME_BYTES}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, FRAME_BYTES);
  if (view.getUint32(0, true) !== MAGIC) refuse("not_a_batch", "the bytes do not begin as a batch does");
  const version = view.getUint16(4, true);
  if (version !== FRAME_VERSION) refuse("unknown_version", `version ${version}; this program reads ${FRAME_VERSION}`);
  const kind = KINDS[view.getUint16(6, true) - 1];
  return kind ?? refuse("unknown_kind", `kind ${view.getUint16(6, true)}; required is 1 (batch) or 2 (raw)`);
}

/** Checks the frame and its checksum. Bytes behind the frame are allowed and ignored: a slot is larger than its content. */
export function openFrame(bytes: Uint8Array, kind: FrameKind): Frame {
  const found = kindOf(bytes);
  if (found !== kind) refuse("wrong_kind", `a ${found} frame; required is a ${kind} frame`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, FRAME_BYTES);
  const size = view.getUint32(8, true);
  if (size > bytes.length || size < FRAME_BYTES || size > MAX_FRAME_BYTES) {
    refuse("truncated", `the frame says it has ${size} bytes; there are ${bytes.length}`);
  }
  const checksum = Bun.hash.crc32(bytes.subarray(CHECKED_FROM, size));
  if (checksum !== view.getUint32(12, true)) {
    refuse("corrupt", `checksum ${checksum}, expected ${view.getUint32(12, true)}`);
  }
  if (view.getUint32(16, true) !== 0) refuse("unknown_flags", `flags ${view.getUint32(16, true)}; required is 0`);
  const headerLength = view.getUint32(20, true);
  const bodyAt = align8(FRAME_BYTES + headerLength);
  if (bodyAt > size) refuse("bad_header", `a header of ${headerLength} bytes in a frame of ${size}`);
  const frame = aligned(bytes, size);
  const header = parseHeader(frame.utf8Slice(FRAME_BYTES, FRAME_BYTES + headerLength));
  return { kind, header, bytes: frame, bodyAt };
}

/** Typed views need memory at a multiple of 8; a frame that lies elsewhere is copied. */
function aligned(bytes: Uint8Array, size: number): Bytes {
  const frame = bytes.subarray(0, size);
  return asBytes(frame.byteOffset % 8 === 0 ? frame : new Uint8Array(frame));
}

function parseHeader(text: string): Readonly<Record<string, unknown>> {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (thrown) {
    throw new Failure("batch.bad_header", "reading a batch: its header is not JSON", { cause: thrown });
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) {
    refuse("bad_header", "its header is not a JSON object");
  }
  return header as Record<string, unknown>;
}

/** Refuses the bytes with the code `batch.<reason>`. */
export function refuse(reason: string, detail: string): never {
  throw new Failure(`batch.${reason}`, `reading a batch: ${detail}`);
}
