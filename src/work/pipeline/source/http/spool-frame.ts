/**
 * One entry of the spool: a header of fixed size, then the payload. Three kinds: records (NDJSON, as one request brought
 * them), a cut (batches end here: whoever reads again cuts at the same place) and a commitment (what lies before an offset is
 * not needed any more). A frame names its own offset and how much was durable when it was written, so that leftovers are not
 * taken for entries and damage is told apart from a write that a crash cut off.
 */
export type FrameKind = "records" | "cut" | "committed";

export interface Frame {
  readonly kind: FrameKind;
  /** Where it begins, counted over everything ever spooled. */
  readonly offset: number;
  /** Everything before was on the disk when this frame was written. */
  readonly durable: number;
  readonly payloadBytes: number;
  readonly records: number;
  /** Of records the time they came, in ms since the epoch; of a commitment the offset. */
  readonly value: number;
  readonly keyed: Keyed | undefined;
}

/** Digests, in hexadecimal digits. */
export interface Keyed {
  readonly key: string;
  readonly body: string;
}

export const FRAME_HEADER_BYTES = 112;

const MAGIC = 0x4c4f5053;
const KINDS: readonly FrameKind[] = ["records", "cut", "committed"];
const KEYED = 1;
const [KEY_AT, BODY_AT, CHECKSUM_AT] = [40, 72, 104];
const DIGEST_BYTES = 32;

export function endOf({ offset, payloadBytes }: Frame): number {
  return offset + FRAME_HEADER_BYTES + payloadBytes;
}

/** The header, with the checksum over itself and the payload. */
export function encodeHeader(frame: Frame, payload: Uint8Array): Buffer {
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  header.writeUInt32LE(MAGIC, 0);
  header.writeUInt8(KINDS.indexOf(frame.kind), 4);
  header.writeUInt8(frame.keyed ? KEYED : 0, 5);
  header.writeUInt32LE(frame.payloadBytes, 8);
  header.writeUInt32LE(frame.records, 12);
  header.writeDoubleLE(frame.offset, 16);
  header.writeDoubleLE(frame.durable, 24);
  header.writeDoubleLE(frame.value, 32);
  if (frame.keyed) {
    header.write(frame.keyed.key, KEY_AT, "hex");
    header.write(frame.keyed.body, BODY_AT, "hex");
  }
  header.writeBigUInt64LE(checksumOf(header, payload), CHECKSUM_AT);
  return header;
}

/** What a header says, its payload not looked at; undefined when there is none at this place. */
export function decodeHeader(bytes: Uint8Array, at: number): Frame | undefined {
  const header = Buffer.from(bytes.buffer, bytes.byteOffset + at, Math.max(0, bytes.length - at));
  if (header.length < FRAME_HEADER_BYTES || header.readUInt32LE(0) !== MAGIC) return undefined;
  const kind = KINDS[header.readUInt8(4)];
  if (kind === undefined) return undefined;
  return {
    kind,
    offset: header.readDoubleLE(16),
    durable: header.readDoubleLE(24),
    payloadBytes: header.readUInt32LE(8),
    records: header.readUInt32LE(12),
    value: header.readDoubleLE(32),
    keyed:
      header.readUInt8(5) === KEYED ? { key: digestAt(header, KEY_AT), body: digestAt(header, BODY_AT) } : undefined,
  };
}

/** The frame at this place, when it is whole, unharmed and belongs at this offset. */
export function wholeFrame(bytes: Uint8Array, at: number, offset: number): Frame | undefined {
  const frame = decodeHeader(bytes, at);
  if (frame === undefined || frame.offset !== offset) return undefined;
  const payloadAt = at + FRAME_HEADER_BYTES;
  if (payloadAt + frame.payloadBytes > bytes.length) return undefined;
  const header = Buffer.from(bytes.buffer, bytes.byteOffset + at, FRAME_HEADER_BYTES);
  const checksum = checksumOf(header, bytes.subarray(payloadAt, payloadAt + frame.payloadBytes));
  return checksum === header.readBigUInt64LE(CHECKSUM_AT) ? frame : undefined;
}

/** Places where a frame may begin. */
export function nextMagic(bytes: Uint8Array, from: number): number {
  const magic = Buffer.alloc(4);
  magic.writeUInt32LE(MAGIC);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(magic, from);
}

function checksumOf(header: Uint8Array, payload: Uint8Array): bigint {
  return Bun.hash.xxHash64(payload, Bun.hash.xxHash64(header.subarray(0, CHECKSUM_AT)));
}

function digestAt(header: Buffer, at: number): string {
  return header.subarray(at, at + DIGEST_BYTES).toString("hex");
}
