/**
 * The header of a record batch (Message.fbs): read in full to take rows out of it, and written anew for what was taken. The
 * flatbuffer written has one fixed shape, so its places are constants.
 */
import { broken } from "./arrow-message.ts";
import { FlatBuffer } from "./flatbuffer.ts";

export interface ArrowNode {
  readonly length: number;
  readonly nullCount: number;
}

/** A buffer's place in the body. */
export interface ArrowBuffer {
  readonly offset: number;
  readonly bytes: number;
}

export interface ArrowBatchHeader {
  readonly rows: number;
  readonly nodes: readonly ArrowNode[];
  readonly buffers: readonly ArrowBuffer[];
  readonly isCompressed: boolean;
}

const MESSAGE = { version: 0, header: 2, bodyLength: 3 } as const;
const BATCH = { length: 0, nodes: 1, buffers: 2, compression: 3 } as const;
const BATCH_HEADER_TYPE = 3;
const METADATA_V5 = 4;
const PREFIX_BYTES = 8;

/** `metadata` is the flatbuffer of a record batch message whose body has `bodyBytes`. Throws `format.arrow`. */
export function readArrowBatchHeader(metadata: Uint8Array, bodyBytes: number): ArrowBatchHeader {
  const buffer = new FlatBuffer(metadata);
  try {
    const batch = buffer.table(buffer.root(), MESSAGE.header);
    const buffers = buffer
      .pairs(batch, BATCH.buffers)
      .map(([offset, bytes]) => ({ offset: count(offset), bytes: count(bytes) }));
    if (buffers.some(({ offset, bytes }) => offset + bytes > bodyBytes))
      throw broken("a buffer outside of its record batch");
    return {
      rows: count(buffer.int64(batch, BATCH.length)),
      nodes: buffer
        .pairs(batch, BATCH.nodes)
        .map(([length, nullCount]) => ({ length: count(length), nullCount: count(nullCount) })),
      buffers,
      isCompressed: buffer.has(batch, BATCH.compression),
    };
  } catch (thrown) {
    if (thrown instanceof RangeError)
      throw broken("a record batch header that is incomplete or points outside of itself");
    throw thrown;
  }
}

/** Where the parts lie behind the prefix: each reference points forwards, each 64-bit value is aligned. */
const PLACE = {
  messageVtable: 4,
  message: 16,
  version: 20,
  headerType: 22,
  header: 24,
  bodyLength: 32,
  batchVtable: 40,
  batch: 52,
  nodesReference: 56,
  buffersReference: 60,
  length: 64,
  nodes: 76,
} as const;

/** Bytes of the message that `writeArrowBatchHeader` writes, prefix included; a multiple of 8. */
export function arrowBatchHeaderBytes(nodes: number, buffers: number): number {
  return PREFIX_BYTES + buffersPlace(nodes) + 4 + buffers * 16;
}

/** Length, then 16 bytes a node; the next length has to end on a multiple of 8 too. */
function buffersPlace(nodes: number): number {
  return PLACE.nodes + 4 + nodes * 16 + 4;
}

/** Writes prefix and flatbuffer at the start of the target. */
export function writeArrowBatchHeader(
  target: Uint8Array,
  rows: number,
  nodes: readonly ArrowNode[],
  buffers: readonly ArrowBuffer[],
  bodyBytes: number,
): void {
  const bytes = arrowBatchHeaderBytes(nodes.length, buffers.length);
  target.fill(0, 0, bytes);
  const prefix = new DataView(target.buffer, target.byteOffset, bytes);
  prefix.setUint32(0, 0xffffffff, true);
  prefix.setUint32(4, bytes - PREFIX_BYTES, true);
  const view = new DataView(target.buffer, target.byteOffset + PREFIX_BYTES, bytes - PREFIX_BYTES);
  writeTables(view, rows, bodyBytes, buffersPlace(nodes.length));
  writePairs(
    view,
    PLACE.nodes,
    nodes.map(({ length, nullCount }) => [length, nullCount]),
  );
  writePairs(
    view,
    buffersPlace(nodes.length),
    buffers.map((buffer) => [buffer.offset, buffer.bytes]),
  );
}

function writeTables(view: DataView, rows: number, bodyBytes: number, buffersAt: number): void {
  view.setUint32(0, PLACE.message, true);
  // Vtables: their own size, the table's, then the place of each field in the table.
  const messageFields = [PLACE.version, PLACE.headerType, PLACE.header, PLACE.bodyLength].map(
    (at) => at - PLACE.message,
  );
  shorts(view, PLACE.messageVtable, [12, PLACE.bodyLength + 8 - PLACE.message, ...messageFields]);
  view.setInt32(PLACE.message, PLACE.message - PLACE.messageVtable, true);
  view.setInt16(PLACE.version, METADATA_V5, true);
  view.setUint8(PLACE.headerType, BATCH_HEADER_TYPE);
  view.setUint32(PLACE.header, PLACE.batch - PLACE.header, true);
  view.setBigInt64(PLACE.bodyLength, BigInt(bodyBytes), true);
  const batchFields = [PLACE.length, PLACE.nodesReference, PLACE.buffersReference].map((at) => at - PLACE.batch);
  shorts(view, PLACE.batchVtable, [10, PLACE.length + 8 - PLACE.batch, ...batchFields]);
  view.setInt32(PLACE.batch, PLACE.batch - PLACE.batchVtable, true);
  view.setUint32(PLACE.nodesReference, PLACE.nodes - PLACE.nodesReference, true);
  view.setUint32(PLACE.buffersReference, buffersAt - PLACE.buffersReference, true);
  view.setBigInt64(PLACE.length, BigInt(rows), true);
}

function shorts(view: DataView, at: number, values: readonly number[]): void {
  for (const [i, value] of values.entries()) view.setUint16(at + i * 2, value, true);
}

function writePairs(view: DataView, at: number, pairs: readonly (readonly [number, number])[]): void {
  view.setUint32(at, pairs.length, true);
  for (const [i, [first, second]] of pairs.entries()) {
    view.setBigInt64(at + 4 + i * 16, BigInt(first), true);
    view.setBigInt64(at + 12 + i * 16, BigInt(second), true);
  }
}

function count(value: bigint): number {
  if (value >= 0n && value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
  throw broken(`a count of ${value} in a record batch header`);
}
