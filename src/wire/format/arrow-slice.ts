/**
 * Takes rows out of an Arrow record batch without decoding it: value buffers are cut, bitmaps shifted, offsets rebased. The
 * body is asked for piece by piece, so that a batch larger than memory can be handed on in parts. First comes a plan, which
 * says what the rows will take; then, when that fits, they are written.
 */
import {
  type ArrowBatchHeader,
  type ArrowBuffer,
  arrowBatchHeaderBytes,
  readArrowBatchHeader,
  writeArrowBatchHeader,
} from "./arrow-batch-header.ts";
import type { ArrowLayout } from "./arrow-layout.ts";
import { broken } from "./arrow-message.ts";

/** Fills the target with the body's bytes from the offset on; the caller makes sure that they are there. */
export type ReadBody = (target: Uint8Array, offset: number) => Promise<void>;

interface Part {
  readonly kind: "bytes" | "bits" | "validity" | "offsets";
  /** Place in the body, and bytes to read there. */
  readonly offset: number;
  readonly bytes: number;
  /** Of bits: how many of the first byte belong to rows before. */
  readonly shift: number;
  /** Bits, offsets or bytes that come out. */
  readonly count: number;
  /** Width of an offset. */
  readonly width: 4 | 8;
  readonly node: number;
}

export interface ArrowSlicePlan {
  readonly from: number;
  readonly rows: number;
  /** Of the whole message, prefix included. */
  readonly sizeBytes: number;
  readonly nodes: readonly { readonly length: number; nullCount: number }[];
  readonly parts: readonly Part[];
}

export class ArrowSlicer {
  readonly rows: number;
  readonly #header: ArrowBatchHeader;
  readonly #columns: readonly ArrowLayout[];
  readonly #read: ReadBody;

  /** `metadata` is the flatbuffer of the record batch message. Throws `format.arrow`. */
  constructor(columns: readonly ArrowLayout[], metadata: Uint8Array, bodyBytes: number, read: ReadBody) {
    this.#header = readArrowBatchHeader(metadata, bodyBytes);
    this.#columns = columns;
    this.#read = read;
    this.rows = this.#header.rows;
  }

  get isCompressed(): boolean {
    return this.#header.isCompressed;
  }

  /** What `rows` rows from `from` on take. Reads no more than the ends of their lists and texts. */
  async plan(from: number, rows: number): Promise<ArrowSlicePlan> {
    const walk = new Walk(this.#header, this.#read);
    for (const column of this.#columns) await walk.column(column, from, from + rows);
    const bodyBytes = walk.parts.reduce((sum, part) => sum + padded(part.bytes), 0);
    const sizeBytes = arrowBatchHeaderBytes(walk.nodes.length, walk.parts.length) + bodyBytes;
    return { from, rows, sizeBytes, nodes: walk.nodes, parts: walk.parts };
  }

  /** Writes the message at the start of the target; returns its bytes, at most `plan.sizeBytes`. */
  async write(plan: ArrowSlicePlan, target: Uint8Array): Promise<number> {
    const bodyAt = arrowBatchHeaderBytes(plan.nodes.length, plan.parts.length);
    const buffers: ArrowBuffer[] = [];
    let at = bodyAt;
    for (const part of plan.parts) {
      const room = target.subarray(at, at + padded(part.bytes));
      if (part.bytes > 0) await this.#read(room.subarray(0, part.bytes), part.offset);
      const bytes = finish(part, room, plan);
      buffers.push({ offset: at - bodyAt, bytes });
      at += padded(bytes);
    }
    writeArrowBatchHeader(target, plan.rows, plan.nodes, buffers, at - bodyAt);
    return at;
  }
}

/** Goes through the columns in the order in which nodes and buffers are listed. */
class Walk {
  readonly nodes: { length: number; nullCount: number }[] = [];
  readonly parts: Part[] = [];
  readonly #header: ArrowBatchHeader;
  readonly #read: ReadBody;
  #buffer = 0;

  constructor(header: ArrowBatchHeader, read: ReadBody) {
    this.#header = header;
    this.#read = read;
  }

  async column(layout: ArrowLayout, from: number, to: number): Promise<void> {
    const node = this.#header.nodes[this.nodes.length];
    if (node === undefined || to > node.length) throw broken("a record batch with fewer values than rows");
    this.nodes.push({ length: to - from, nullCount: layout.kind === "null" ? to - from : 0 });
    if (layout.kind === "null") return;
    this.#validity(from, to, node.nullCount > 0);
    if (layout.kind === "struct") {
      for (const child of layout.children) await this.column(child, from, to);
    } else if (layout.kind === "fixed-list") {
      await this.column(layout.child, from * layout.size, to * layout.size);
    } else if (layout.kind === "fixed") this.#fixed(from, to, layout.bits);
    else {
      const [start, end] = await this.#offsets(from, to, layout.offsetBytes);
      if (layout.kind === "list") await this.column(layout.child, start, end);
      else this.#part("bytes", this.#next(), start, end - start);
    }
  }

  #validity(from: number, to: number, hasNulls: boolean): void {
    const buffer = this.#next();
    if (hasNulls && buffer.bytes > 0) this.#bits("validity", buffer, from, to);
    else this.#part("bytes", buffer, 0, 0);
  }

  #fixed(from: number, to: number, bits: number): void {
    const buffer = this.#next();
    if (bits === 1) this.#bits("bits", buffer, from, to);
    else this.#part("bytes", buffer, (from * bits) / 8, ((to - from) * bits) / 8);
  }

  #bits(kind: "bits" | "validity", buffer: ArrowBuffer, from: number, to: number): void {
    const first = Math.floor(from / 8);
    const bytes = to === from ? 0 : Math.ceil(to / 8) - first;
    this.#part(kind, buffer, first, bytes, { shift: from % 8, count: to - from });
  }

  /** First and last offset of the rows. */
  async #offsets(from: number, to: number, width: 4 | 8): Promise<[number, number]> {
    const buffer = this.#next();
    if (to === from) {
      this.#part("offsets", buffer, 0, 0, { width });
      return [0, 0];
    }
    this.#part("offsets", buffer, from * width, (to - from + 1) * width, { width, count: to - from + 1 });
    const ends = new Uint8Array(width * 2);
    await this.#read(ends.subarray(0, width), buffer.offset + from * width);
    await this.#read(ends.subarray(width), buffer.offset + to * width);
    const view = new DataView(ends.buffer);
    const at = (i: number): number =>
      width === 4 ? view.getInt32(i * 4, true) : Number(view.getBigInt64(i * 8, true));
    if (at(0) < 0 || at(1) < at(0)) throw broken("offsets that go backwards");
    return [at(0), at(1)];
  }

  #part(kind: Part["kind"], buffer: ArrowBuffer, start: number, bytes: number, more: Partial<Part> = {}): void {
    if (start + bytes > buffer.bytes && bytes > 0) throw broken("a buffer that is shorter than its rows need");
    const node = this.nodes.length - 1;
    this.parts.push({ kind, offset: buffer.offset + start, bytes, shift: 0, count: bytes, width: 4, ...more, node });
  }

  #next(): ArrowBuffer {
    const buffer = this.#header.buffers[this.#buffer++];
    if (buffer === undefined) throw broken("a record batch with fewer buffers than its schema needs");
    return buffer;
  }
}

/** Turns what was read into what the rows need; returns its bytes. */
function finish(part: Part, room: Uint8Array, plan: ArrowSlicePlan): number {
  let bytes = part.bytes;
  if (part.kind === "offsets") rebase(room.subarray(0, bytes), part.width);
  if (part.kind === "bits" || part.kind === "validity") {
    bytes = Math.ceil(part.count / 8);
    const set = shiftBits(room, part, bytes);
    if (part.kind === "validity") plan.nodes[part.node]!.nullCount = part.count - set;
  }
  room.fill(0, bytes);
  return bytes;
}

function rebase(offsets: Uint8Array, width: 4 | 8): void {
  const view = new DataView(offsets.buffer, offsets.byteOffset, offsets.byteLength);
  if (width === 4) {
    const first = offsets.length > 0 ? view.getInt32(0, true) : 0;
    for (let at = 0; at < offsets.length; at += 4) view.setInt32(at, view.getInt32(at, true) - first, true);
  } else {
    const first = offsets.length > 0 ? view.getBigInt64(0, true) : 0n;
    for (let at = 0; at < offsets.length; at += 8) view.setBigInt64(at, view.getBigInt64(at, true) - first, true);
  }
}

/** Moves the bits to the front, clears those behind the last, and counts the ones. */
function shiftBits(room: Uint8Array, { shift, count, bytes: read }: Part, bytes: number): number {
  let set = 0;
  for (let i = 0; i < bytes; i++) {
    const high = i + 1 < read ? room[i + 1]! : 0;
    const isLast = i === bytes - 1;
    const mask = isLast && (count & 7) !== 0 ? (1 << (count & 7)) - 1 : 0xff;
    const byte = ((room[i]! >> shift) | (high << (8 - shift))) & mask;
    room[i] = byte;
    set += ONES[byte]!;
  }
  return set;
}

const ONES = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll("0", "").length);

function padded(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}
