/** Bounds-checked reading of FlatBuffers, only what the check of Arrow metadata needs: tables, vectors and strings. */
import { Failure } from "../../base/errors.ts";

/** Refuses Arrow bytes whose structure lies. */
export function unreadable(detail: string): never {
  throw new Failure("batch.arrow.unreadable", `reading Arrow IPC: ${detail}`);
}

export interface FlatTable {
  readonly at: number;
  readonly vtable: number;
  readonly vtableSize: number;
}

export interface FlatVector {
  readonly at: number;
  readonly length: number;
}

export class FlatReader {
  readonly #view: DataView;
  readonly size: number;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.size = bytes.length;
  }

  int32(at: number): number {
    this.#require(at, 4);
    return this.#view.getInt32(at, true);
  }

  /** A 64-bit count, which must be a safe integer that is not negative. */
  count(at: number): number {
    this.#require(at, 8);
    const count = Number(this.#view.getBigInt64(at, true));
    return Number.isSafeInteger(count) && count >= 0 ? count : unreadable(`a count of ${count}`);
  }

  uint8(at: number): number {
    this.#require(at, 1);
    return this.#view.getUint8(at);
  }

  /** The table that the offset at `at` leads to. */
  table(at: number): FlatTable {
    const position = at + this.int32(at);
    const vtable = position - this.int32(position);
    this.#require(vtable, 4);
    const vtableSize = this.#view.getInt16(vtable, true);
    if (vtableSize < 4) unreadable(`a table of ${vtableSize} bytes`);
    this.#require(vtable, vtableSize);
    return { at: position, vtable, vtableSize };
  }

  /** Where the table's field stands, 0 when it is absent. */
  field(table: FlatTable, index: number): number {
    if (index + 2 > table.vtableSize) return 0;
    const offset = this.#view.getInt16(table.vtable + index, true);
    if (offset < 0) unreadable("a field in front of its table");
    return offset === 0 ? 0 : table.at + offset;
  }

  /** The vector that the offset at `at` leads to, with `stride` bytes an entry; empty when `at` is 0. */
  vector(at: number, stride: number): FlatVector {
    if (at === 0) return { at: 0, length: 0 };
    const base = at + this.int32(at);
    const length = this.int32(base);
    if (length < 0) unreadable(`a list of ${length} entries`);
    this.#require(base + 4, length * stride);
    return { at: base + 4, length };
  }

  /** Length of the string that the offset at `at` leads to; 0 when `at` is 0. */
  stringLength(at: number): number {
    return this.vector(at, 1).length;
  }

  #require(at: number, count: number): void {
    if (at < 0 || at + count > this.size) unreadable(`a position ${at} outside of ${this.size} bytes of metadata`);
  }
}
