/**
 * A look at Arrow IPC from outside before a library reads it, because the library believes every count it finds: a lying
 * length would hang it or make it allocate without bound. Checks the chain of messages, the metadata of each, the buffers
 * against the bodies and, once columns exist, the offsets of lists. Values are not looked at.
 */
import { type Column as ArrowColumn, type DataType, Type } from "@uwdata/flechette";
import { asBytes } from "./bytes.ts";
import { FlatReader, type FlatTable, unreadable } from "./flat-reader.ts";
import { MAX_ROWS } from "./limits.ts";

const FILE_MAGIC = "ARROW1";
/** Magic and padding in front of the stream that a file contains. */
const FILE_HEAD_BYTES = 8;
/** Footer length and magic at the end of a file. */
const FILE_TAIL_BYTES = 10;

/** Fields of a schema with all their children: wider tables are not records. */
const MAX_FIELDS = 10_000;
const MAX_FIELD_DEPTH = 32;

/** Place of a message in a file: offset, metadata length, body length. */
const BLOCK_BYTES = 24;

const SCHEMA = 1;
const DICTIONARY_BATCH = 2;
const RECORD_BATCH = 3;

/** Refuses a stream or file that would mislead a reader; returns what to read of it. */
export function checkedArrow(bytes: Uint8Array): Uint8Array {
  const text = asBytes(bytes);
  if (bytes.length < FILE_HEAD_BYTES + FILE_TAIL_BYTES || text.latin1Slice(0, FILE_MAGIC.length) !== FILE_MAGIC) {
    return bytes.subarray(0, checkMessages(bytes, 0, bytes.length, new Set()));
  }
  const footerLength = text.readInt32LE(bytes.length - FILE_TAIL_BYTES);
  const footerAt = bytes.length - FILE_TAIL_BYTES - footerLength;
  if (footerLength < 0 || footerAt < FILE_HEAD_BYTES) unreadable(`a file footer of ${footerLength} bytes`);
  const messages = new Set<number>();
  checkMessages(bytes, FILE_HEAD_BYTES, footerAt, messages);
  checkFooter(new FlatReader(bytes.subarray(footerAt, footerAt + footerLength)), messages);
  return bytes;
}

/** Follows the chain of messages and notes where each begins; returns where the chain ends. */
function checkMessages(bytes: Uint8Array, from: number, to: number, starts: Set<number>): number {
  const reader = new FlatReader(bytes.subarray(0, to));
  let at = from;
  while (at < to) {
    const start = at;
    let length = reader.int32(at);
    at += 4;
    if (length === -1) {
      length = reader.int32(at);
      at += 4;
    }
    if (length === 0) return at;
    if (length < 0 || at + length > to) unreadable(`a message of ${length} bytes at ${at} of ${to}`);
    const bodyLength = checkMessage(bytes.subarray(at, at + length));
    at += length + bodyLength;
    if (at > to) unreadable(`a body of ${bodyLength} bytes that ends behind the stream`);
    starts.add(start);
  }
  return at;
}

/** A file's footer repeats the schema and says where its batches are: each must be a message that was checked. */
function checkFooter(reader: FlatReader, messages: Set<number>): void {
  const footer = reader.table(0);
  const schemaAt = reader.field(footer, 6);
  if (schemaAt === 0) unreadable("a file footer without a schema");
  new SchemaCheck(reader).schema(reader.table(schemaAt));
  for (const index of [8, 10]) {
    const blocks = reader.vector(reader.field(footer, index), BLOCK_BYTES);
    for (let block = 0; block < blocks.length; block++) {
      const start = reader.count(blocks.at + block * BLOCK_BYTES);
      if (!messages.delete(start)) unreadable(`a file block at ${start}, where no message begins`);
    }
  }
  if (reader.field(footer, 12) !== 0) new SchemaCheck(reader).metadata(reader.field(footer, 12));
}

/** Checks one message's metadata and returns the length of its body. */
function checkMessage(metadata: Uint8Array): number {
  const reader = new FlatReader(metadata);
  const message = reader.table(0);
  const kindAt = reader.field(message, 6);
  const headerAt = reader.field(message, 8);
  const lengthAt = reader.field(message, 10);
  const bodyLength = lengthAt === 0 ? 0 : reader.count(lengthAt);
  if (kindAt === 0 || headerAt === 0) return bodyLength;
  const kind = reader.uint8(kindAt);
  const header = reader.table(headerAt);
  if (kind === SCHEMA) new SchemaCheck(reader).schema(header);
  else if (kind === RECORD_BATCH) checkRecords(reader, header, bodyLength);
  else if (kind === DICTIONARY_BATCH) {
    const dataAt = reader.field(header, 6);
    if (dataAt === 0) unreadable("a dictionary without data");
    checkRecords(reader, reader.table(dataAt), bodyLength);
  } else unreadable(`a message of unknown kind ${kind}`);
  return bodyLength;
}

class SchemaCheck {
  readonly #reader: FlatReader;
  #fields = 0;
  #stringBytes = 0;

  constructor(reader: FlatReader) {
    this.#reader = reader;
  }

  schema(schema: FlatTable): void {
    this.#children(this.#reader.field(schema, 6), 0);
    this.metadata(this.#reader.field(schema, 8));
  }

  #children(at: number, depth: number): void {
    const reader = this.#reader;
    const children = reader.vector(at, 4);
    this.#fields += children.length;
    if (depth > MAX_FIELD_DEPTH || this.#fields > MAX_FIELDS) {
      unreadable(`a schema of more than ${MAX_FIELDS} fields or ${MAX_FIELD_DEPTH} levels`);
    }
    for (let index = 0; index < children.length; index++) {
      const field = reader.table(children.at + index * 4);
      this.#string(reader.field(field, 4));
      this.#children(reader.field(field, 14), depth + 1);
      this.metadata(reader.field(field, 16));
    }
  }

  metadata(at: number): void {
    const reader = this.#reader;
    const entries = reader.vector(at, 4);
    for (let index = 0; index < entries.length; index++) {
      const entry = reader.table(entries.at + index * 4);
      this.#string(reader.field(entry, 4));
      this.#string(reader.field(entry, 6));
    }
  }

  /** Strings may share bytes; all together they must not be longer than an honest schema's. */
  #string(at: number): void {
    this.#stringBytes += this.#reader.stringLength(at) + 1;
    if (this.#stringBytes > this.#reader.size) unreadable("names that are longer than the schema");
  }
}

/** Node: length and null count. Buffer: offset and length. Both are two 64-bit counts. */
const PAIR_BYTES = 16;

function checkRecords(reader: FlatReader, batch: FlatTable, bodyLength: number): void {
  const lengthAt = reader.field(batch, 4);
  const rows = lengthAt === 0 ? 0 : reader.count(lengthAt);
  if (rows > MAX_ROWS) unreadable(`${rows} rows in one batch; at most ${MAX_ROWS} are allowed`);
  if (reader.field(batch, 10) !== 0) unreadable("its buffers are compressed, which is not supported");
  const nodes = reader.vector(reader.field(batch, 6), PAIR_BYTES);
  for (let index = 0; index < nodes.length; index++) {
    const length = reader.count(nodes.at + index * PAIR_BYTES);
    reader.count(nodes.at + index * PAIR_BYTES + 8);
    // Values take at least a bit each, nulls no more than the rows.
    if (length > Math.max(rows, bodyLength * 8))
      unreadable(`a column of ${length} values in a body of ${bodyLength} bytes`);
  }
  const buffers = reader.vector(reader.field(batch, 8), PAIR_BYTES);
  for (let index = 0; index < buffers.length; index++) {
    const offset = reader.count(buffers.at + index * PAIR_BYTES);
    const length = reader.count(buffers.at + index * PAIR_BYTES + 8);
    if (offset + length > bodyLength)
      unreadable(`a buffer [${offset}, ${offset + length}) in a body of ${bodyLength} bytes`);
  }
  reader.vector(reader.field(batch, 12), 8);
}

type AnyBatch = ArrowColumn<unknown>["data"][number];

/** Types whose values cannot share or repeat others, so that reading them all is linear. */
const LISTS: readonly number[] = [Type.List, Type.LargeList, Type.Map];
const NESTED: readonly number[] = [...LISTS, Type.FixedSizeList, Type.Struct];
const REFUSED: readonly number[] = [Type.Union, Type.RunEndEncoded, Type.ListView, Type.LargeListView];

/** Offsets of lists must rise and stay within their values, all the way down. */
export function checkNested(type: DataType, batch: AnyBatch): void {
  if (REFUSED.includes(type.typeId)) unreadable(`Arrow type number ${type.typeId} is not supported`);
  if (type.typeId === Type.Dictionary) {
    if (NESTED.includes(type.dictionary.typeId)) unreadable("dictionaries of nested values are not supported");
    return;
  }
  if (!NESTED.includes(type.typeId)) return;
  const children = (type as { children: { type: DataType }[] }).children;
  for (const [index, child] of children.entries()) {
    const values = batch.children[index] ?? unreadable("a nested column without its values");
    if (LISTS.includes(type.typeId)) checkOffsets(batch, values.length);
    else checkLength(type, batch.length, values.length);
    checkNested(child.type, values);
  }
}

function checkLength(type: DataType, length: number, valuesLength: number): void {
  const each = type.typeId === Type.FixedSizeList ? type.stride : 1;
  if (each < 0 || length * each > valuesLength) unreadable(`${length} nested values of ${each} out of ${valuesLength}`);
}

function checkOffsets(batch: AnyBatch, valuesLength: number): void {
  let before = 0;
  for (let row = 0; row <= batch.length && batch.length > 0; row++) {
    const offset = Number(batch.offsets[row] ?? -1);
    if (offset < before || offset > valuesLength) unreadable(`a list offset of ${offset} among ${valuesLength} values`);
    before = offset;
  }
}
