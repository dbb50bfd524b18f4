/**
 * The frames of an Arrow IPC stream: where a message begins and ends, what kind it is, how many rows a record batch has.
 * Columns are not decoded. A message is a length prefix, a flatbuffer (Message.fbs) and a body; of the flatbuffer only the
 * few fields named here are read, each against the bytes that are there, so that no input can lead outside of them.
 */
import { Failure } from "../../base/errors.ts";
import { FlatBuffer } from "./flatbuffer.ts";

export type ArrowMessageKind = "schema" | "dictionary" | "batch" | "other";

export interface ArrowMessage {
  readonly kind: ArrowMessageKind;
  readonly bodyBytes: number;
  /** Rows of a record batch, entries of a dictionary, otherwise 0. */
  readonly rows: number;
  /** Of a dictionary: which one, as text, and whether it extends what came before. */
  readonly dictionary: string;
  readonly isDelta: boolean;
}

export interface ArrowPrefix {
  /** Bytes of the prefix itself: 8, or 4 as written before Arrow 0.15. */
  readonly prefixBytes: number;
  /** Bytes of the flatbuffer, padding included; 0 marks the end of the stream. */
  readonly metadataBytes: number;
}

/** Opens and closes the file format; a stream in it begins 8 bytes behind its start. */
export const ARROW_FILE_MAGIC = "ARROW1";
export const ARROW_FILE_HEAD_BYTES = 8;
export const ARROW_PREFIX_BYTES = 8;
/** Marks the end of a stream. */
export const ARROW_END: Uint8Array = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0);

/** A schema of a few thousand fields takes a few hundred KiB; more than this is damage, not data. */
export const ARROW_METADATA_BYTES_MAX = 16 * 1024 * 1024;

/** A root reference and the smallest table. */
const METADATA_BYTES_MIN = 8;

const CONTINUATION = 0xffffffff;
/** Members of the union MessageHeader. */
const KINDS: readonly ArrowMessageKind[] = ["other", "schema", "dictionary", "batch"];
const MESSAGE_FIELDS = { headerType: 1, header: 2, bodyLength: 3 } as const;
const DICTIONARY_FIELDS = { id: 0, data: 1, isDelta: 2 } as const;
const BATCH_FIELDS = { length: 0 } as const;

/** Reads the prefix at the start of `bytes` (at least 4, where there are 8 all 8). Throws `format.arrow`. */
export function readArrowPrefix(bytes: Uint8Array): ArrowPrefix {
  const view = viewOf(bytes);
  const first = bytes.length >= 4 ? view.getUint32(0, true) : 0;
  const hasMark = first === CONTINUATION;
  if (bytes.length < (hasMark ? 8 : 4)) throw broken("the length prefix is cut off");
  const metadataBytes = hasMark ? view.getUint32(4, true) : first;
  if (metadataBytes > ARROW_METADATA_BYTES_MAX) {
    throw broken(`a message header of ${metadataBytes} bytes; at most ${ARROW_METADATA_BYTES_MAX} are allowed`);
  }
  if (metadataBytes > 0 && metadataBytes < METADATA_BYTES_MIN)
    throw broken(`a message header of ${metadataBytes} bytes`);
  return { prefixBytes: hasMark ? 8 : 4, metadataBytes };
}

/** Reads the flatbuffer of a message. Throws `format.arrow`. */
export function readArrowMessage(metadata: Uint8Array): ArrowMessage {
  try {
    const buffer = new FlatBuffer(metadata);
    const message = buffer.root();
    const kind = KINDS[buffer.uint8(message, MESSAGE_FIELDS.headerType)] ?? "other";
    const bodyBytes = safeNumber(buffer.int64(message, MESSAGE_FIELDS.bodyLength), "body length");
    const header = buffer.table(message, MESSAGE_FIELDS.header);
    if (kind === "schema" || kind === "other") return { kind, bodyBytes, rows: 0, dictionary: "", isDelta: false };
    const isDictionary = kind === "dictionary";
    const batch = isDictionary ? buffer.table(header, DICTIONARY_FIELDS.data) : header;
    return {
      kind,
      bodyBytes,
      rows: safeNumber(buffer.int64(batch, BATCH_FIELDS.length), "row count"),
      dictionary: isDictionary ? buffer.int64(header, DICTIONARY_FIELDS.id).toString() : "",
      isDelta: isDictionary && buffer.uint8(header, DICTIONARY_FIELDS.isDelta) !== 0,
    };
  } catch (thrown) {
    if (thrown instanceof RangeError) throw broken("a message header that is incomplete or points outside of itself");
    throw thrown;
  }
}

/** A message with its place in a stream that lies in memory. */
export interface PlacedArrowMessage extends ArrowMessage {
  readonly from: number;
  readonly to: number;
}

/** The messages of a whole stream in memory, the end mark left out. Throws `format.arrow`. */
export function listArrowMessages(stream: Uint8Array): PlacedArrowMessage[] {
  const messages: PlacedArrowMessage[] = [];
  for (let at = 0; at < stream.length; ) {
    const { prefixBytes, metadataBytes } = readArrowPrefix(stream.subarray(at, at + ARROW_PREFIX_BYTES));
    if (metadataBytes === 0) break;
    const body = at + prefixBytes + metadataBytes;
    if (body > stream.length) throw broken("the last message is cut off");
    const message = readArrowMessage(stream.subarray(at + prefixBytes, body));
    const to = body + message.bodyBytes;
    if (to > stream.length) throw broken("the last message is cut off");
    messages.push({ ...message, from: at, to });
    at = to;
  }
  return messages;
}

function safeNumber(value: bigint, what: string): number {
  if (value >= 0n && value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
  throw broken(`a ${what} of ${value}`);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function broken(what: string): Failure {
  return new Failure("format.arrow", `cannot read Arrow IPC: ${what}; required is a whole, undamaged stream or file`);
}
